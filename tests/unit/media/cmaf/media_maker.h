/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * media_maker.h: tracks and samples made up for tests of media/cmaf and media/manifest. */
#ifndef TESTS_MEDIA_MAKER_H
#define TESTS_MEDIA_MAKER_H

#include "base/rng.h"
#include "media/cmaf/cmaf.h"

struct cmaf_track made_h264(void); /* 1280x720, 25 a second, timescale 12800 */
struct cmaf_track made_aac(void);  /* stereo, 48 kHz */

/* Samples with payload in memory; free both with made_free. */
struct made {
    struct cmaf_sample *samples;
    size_t count;
    char *payload;
};
struct made_shape {
    size_t count;
    uint32_t duration; /* of each sample; 0: random */
    unsigned gop;      /* pictures; 0: random lengths; 1: every sample is a sync sample */
    bool has_b_frames; /* decode order is not the order of showing */
    int64_t start;     /* presentation time of the first */
    uint32_t bytes_max;
};
struct made made_samples(struct rng *, struct made_shape);
void made_free(struct made *);

int made_file(void);                           /* an empty file without a name, open for reading and writing */
int made_file_of(const void *bytes, size_t len);
int made_dir(void);                            /* an empty folder, removed with made_dir_remove */
void made_dir_remove(int dir_fd);

/* Writes the samples into `fd` and fails the test if that fails. The index lives in the arena. */
struct cmaf_index made_track_file(int fd, const struct cmaf_track *, const struct made *, struct arena *);

/* For cmocka: says code and sentence where it fails. */
#define assert_ok(e)                                                                      \
    do {                                                                                  \
        struct err assert_ok_ = (e);                                                      \
        if (assert_ok_.kind) fail_msg("%s: %s", assert_ok_.code, assert_ok_.what);        \
    } while (0)
#define assert_err(e, wanted_kind, wanted_code)                   \
    do {                                                          \
        struct err assert_err_ = (e);                             \
        assert_int_equal(assert_err_.kind, wanted_kind);          \
        assert_string_equal(assert_err_.code, wanted_code);       \
    } while (0)

#endif
