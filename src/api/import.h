/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * import.h: how a media file becomes a title that can be watched.
 *
 *   import  ingest_file into a staging folder -> published with one rename as titles/{title}/ -> the title is ready.
 *           Nothing half-made is ever seen: until the rename there is no folder, until the last step no ready title.
 *   ladder  ingest_ladder adds smaller renditions to that folder; each is offered as soon as it is whole.
 *
 * Both go on where they were after a kill -9: the staging has the job's name and keeps its finished tracks, and a
 * published folder is recognised as finished. They are job kinds of the runner (import_kinds) and, for those who run in a
 * process of their own (`grandstand demo`), plain calls (import_now). */
#ifndef API_IMPORT_H
#define API_IMPORT_H

#include "business/catalog/catalog.h"
#include "business/rights/rights.h"
#include "delivery/delivery.h"
#include "media/ingest/ingest.h"
#include "system/job/job.h"
#include "system/object/object.h"

struct importer { /* filled in by the caller, and must outlive its use */
    struct db *db;
    struct id_maker *ids;
    struct catalog *catalog;
    struct rights *rights;
    struct object_store *objects;
    struct delivery *delivery; /* NULL: nobody serves from this process */
    struct job_runner *jobs;   /* for enqueuing; NULL with import_now */
    const char *uploads_path;
    bool has_ladder;           /* add smaller renditions after an import */
    int threads;               /* for encoders; 0: a good choice */
};

/* "import" and "ladder", with `importer` as their user. */
enum { IMPORT_KIND_COUNT = 2 };
void import_kinds(struct importer *, struct job_kind out[IMPORT_KIND_COUNT]);

/* What to import: a file that was uploaded, or one on this machine. */
struct import_source {
    struct slice upload; /* its id; empty: */
    struct slice path;   /* absolute */
};
/* Makes a title and queues its import, both or neither. `change` names it. */
MUST_USE struct err import_new_title(struct importer *, int64_t org_id, const struct import_source *, const struct catalog_change *change,
                                     struct public_id *title, int64_t *job_id);

/* Queues an import that replaces what an existing title shows. Until it is done the old pictures stay. */
MUST_USE struct err import_again(struct importer *, int64_t org_id, const struct import_source *, const struct public_id *title, int64_t *job_id);

struct import_watcher {
    void *user;
    void (*progress)(void *user, const char *step, double done); /* step: "probe", "import", "thumbnails", "publish", "ladder" */
    bool (*should_stop)(void *user);
    /* Asked after a stop: will it never go on, so that what is half done can be thrown away? May be NULL: it may go on. */
    bool (*is_given_up)(void *user);
};
/* The same steps as the job, on the calling thread: import, then the ladder if `importer->has_ladder`. `staging` names the
 * staging folder: the same name goes on where an interrupted call was. Errors: of ingest, of the store. */
MUST_USE struct err import_now(struct importer *, int64_t org_id, int source_fd, struct slice staging, const struct public_id *title,
                               const struct import_watcher *);

/* Artwork brought from outside, JPEG, in place of the frame that the import chose: "poster" (16:9, on cards and pages),
 * "poster-de" (the same with words, for one language) or "portrait" (2:3). Errors: ERR_INPUT art.kind, art.image. */
MUST_USE struct err import_artwork(struct importer *, int64_t org_id, const struct public_id *title, struct slice kind, struct slice jpeg);

/* What was brought is taken away; the import's own frame is the poster again. ERR_INPUT art.kind. */
MUST_USE struct err import_artwork_remove(struct importer *, int64_t org_id, const struct public_id *title, struct slice kind);

/* Removes a title with all its media and artwork. Errors as catalog_remove. */
MUST_USE struct err import_remove_title(struct importer *, int64_t org_id, struct slice title);

/* "The Great Race.mkv" -> "The Great Race": the name of a title from that of its file, cleaned so that it may be shown. */
struct slice import_name_from_file(struct arena *, struct slice file_name);

#endif
