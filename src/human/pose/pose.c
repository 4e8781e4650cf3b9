/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "human/pose/pose.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/json.h"
#include "base/mem.h"
#include "human/pose/room.h"

void pose_note_set(struct pose_note *note, size_t offset, const char *format, ...) {
    note->offset = offset;
    va_list args;
    va_start(args, format);
    vsnprintf(note->text, sizeof note->text, format, args);
    va_end(args);
}

static size_t frames_max(const struct pose_options *o) { return o && o->frames_max && o->frames_max < POSE_FRAMES_MAX ? o->frames_max : POSE_FRAMES_MAX; }
static const char *layout_wanted(const struct pose_options *o) { return o ? o->layout : NULL; }

static struct err too_many(struct pose_note *note, size_t limit) {
    pose_note_set(note, 0, "Its frames span more than %zu numbers. Is there a stray file, or a date in the names behind the frame's number?", limit);
    return err_make(ERR_LIMIT, "pose.large", "The recording has more frames than are accepted.");
}

static struct err no_layout(struct pose_note *note, size_t joints, const char *wanted) {
    if (wanted) pose_note_set(note, 0, "Its people have %zu points, which is not what %s has.", joints, wanted);
    else pose_note_set(note, 0, "Its people have %zu points; known are 17 (COCO), 18 (OpenPose COCO), 25 (BODY_25, BODY_25B) and 26 (HALPE).", joints);
    return err_make(ERR_INPUT, "pose.layout", "The number of points fits no layout that is known here.");
}

static void name_from_path(struct pose_take *t, const char *path) {
    size_t end = strlen(path);
    while (end && path[end - 1] == '/') end--;
    size_t from = end;
    while (from && path[from - 1] != '/') from--;
    struct slice name = slice_of(path + from, end - from);
    static const char *const endings[] = {"_json", ".json", ".csv"};
    for (size_t i = 0; i < ARRAY_LEN(endings); i++) {
        if (slice_ends_with(name, slice_cstr(endings[i]))) name.len -= strlen(endings[i]);
    }
    snprintf(t->name, sizeof t->name, "%.*s", (int)(name.len < sizeof t->name - 1 ? name.len : sizeof t->name - 1), name.ptr);
}

/* ---- a folder of OpenPose files ---- */

struct entry {
    int64_t number;
    char *name;
};

static int entry_order(const void *a_, const void *b_) {
    const struct entry *a = a_, *b = b_;
    return a->number != b->number ? (a->number < b->number ? -1 : 1) : strcmp(a->name, b->name);
}

/* The last number in "cam01.0042_keypoints.json"; -1 if there is none. OpenPose's "cam1_000000000042_keypoints" likewise. */
static int64_t last_number(const char *name) {
    size_t end = strlen(name);
    while (end && !(name[end - 1] >= '0' && name[end - 1] <= '9')) end--;
    size_t from = end;
    while (from && name[from - 1] >= '0' && name[from - 1] <= '9') from--;
    while (from + 1 < end && name[from] == '0') from++;
    int64_t n;
    return end - from <= 15 && slice_to_i64(slice_of(name + from, end - from), &n) ? n : -1;
}

static struct err list_folder(const char *path, struct entry **out, size_t *out_count, struct pose_note *note) {
    DIR *dir = opendir(path);
    if (!dir) {
        pose_note_set(note, 0, "It cannot be opened.");
        return err_from_errno(errno, "pose.folder", "The folder of key points cannot be opened.");
    }
    struct entry *list = NULL;
    size_t count = 0, capacity = 0;
    struct err e = ERR_OK;
    for (struct dirent *d; !e.kind && (d = readdir(dir));) {
        if (!slice_ends_with(slice_cstr(d->d_name), SLICE(".json")) || d->d_name[0] == '.') continue;
        if (count == capacity) {
            struct entry *more = mem_realloc_array(list, capacity = capacity ? capacity * 2 : 256, sizeof *list);
            if (!more) {
                e = err_memory();
                break;
            }
            list = more;
        }
        list[count] = (struct entry){last_number(d->d_name), mem_strdup(d->d_name)};
        if (!list[count].name) e = err_memory();
        else if (list[count++].number < 0) {
            snprintf(note->file, sizeof note->file, "%.100s/%.150s", path, d->d_name);
            pose_note_set(note, 0, "Its name holds no frame number.");
            e = err_make(ERR_INPUT, "pose.format", "The frames of a recording are told apart by the last number in their names.");
        }
        if (count > POSE_FRAMES_MAX) e = too_many(note, POSE_FRAMES_MAX);
    }
    closedir(dir);
    if (!e.kind && !count) {
        pose_note_set(note, 0, "No .json file is in this folder.");
        e = err_make(ERR_INPUT, "pose.empty", "There are no key points in it.");
    }
    if (count) qsort(list, count, sizeof *list, entry_order);
    *out = list, *out_count = count;
    return e;
}

static struct err read_folder(struct arena *mem, const char *path, const struct pose_options *options, struct pose_take *out, struct pose_note *note) {
    struct entry *list = NULL;
    size_t count = 0;
    enum { POINTS_MAX = POSE_PEOPLE_MAX * 30 };
    struct buf text = BUF(32 << 20);
    struct pose_point *points = NULL;
    int dir_fd = -1;
    struct pose_take t = {0};
    size_t joints = 0;
    struct err e = list_folder(path, &list, &count, note);
    if (e.kind) goto done;
    t.frame_first = list[0].number;
    if ((uint64_t)(list[count - 1].number - t.frame_first) >= frames_max(options)) {
        e = too_many(note, frames_max(options));
        goto done;
    }
    t.frame_count = (size_t)(list[count - 1].number - t.frame_first) + 1;
    t.frames = arena_alloc_array(mem, t.frame_count, sizeof *t.frames);
    points = mem_zalloc_array(POINTS_MAX, sizeof *points);
    if (!t.frames || !points) e = err_memory();
    if (!e.kind) e = fs_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0, &dir_fd);
    for (size_t i = 0; i < count && !e.kind; i++) {
        struct pose_frame *f = &t.frames[list[i].number - t.frame_first];
        size_t people, each, at = 0;
        snprintf(note->file, sizeof note->file, "%.100s/%.150s", path, list[i].name);
        if (f->is_present) {
            pose_note_set(note, 0, "Two files have the frame number %lld. Is this folder made of two recordings?", (long long)list[i].number);
            e = err_make(ERR_INPUT, "pose.format", "Each frame needs a number of its own.");
            break;
        }
        text.len = 0;
        if ((e = fs_read_file(dir_fd, list[i].name, &text)).kind) {
            pose_note_set(note, 0, "%s", e.what);
            break;
        }
        if ((e = pose_parse_openpose(buf_slice(&text), points, POINTS_MAX, &people, &each, &at)).kind) {
            pose_note_set(note, at, "%s", e.what);
            break;
        }
        f->is_present = true;
        if (!people) continue;
        if (joints && each != joints) {
            pose_note_set(note, 0, "Its people have %zu points; those in the files before had %zu.", each, joints);
            e = err_make(ERR_INPUT, "pose.layout", "The number of points changes from frame to frame.");
            break;
        }
        joints = each;
        f->people = (uint32_t)people;
        f->points = arena_alloc_array(mem, people * each, sizeof *points);
        if (!f->points) e = err_memory();
        else memcpy(f->points, points, people * each * sizeof *points);
    }
    if (!e.kind) {
        snprintf(note->file, sizeof note->file, "%.250s", path);
        if (!joints) {
            if (!layout_wanted(options) || !pose_layout_named(slice_cstr(options->layout), &t.layout)) {
                pose_note_set(note, 0, "Nobody is in any of its %zu files, so the layout of the points is unknown. Name it, or leave this camera out.", count);
                e = err_make(ERR_INPUT, "pose.empty", "There are no key points in it.");
            }
        } else if (!pose_layout_guess(&t, joints, layout_wanted(options))) e = no_layout(note, joints, layout_wanted(options));
    }
    if (!e.kind) {
        name_from_path(&t, path);
        *out = t;
        note->file[0] = 0;
    }
done:
    fs_close(&dir_fd);
    for (size_t i = 0; i < count; i++) mem_free(list[i].name);
    mem_free(list);
    mem_free(points);
    buf_free(&text);
    return e;
}

/* ---- files of a whole recording ---- */

/* Gathers people in any order of frames, then lays them out. */
struct gather {
    struct person {
        int64_t frame;
        size_t order; /* in the file */
        struct pose_point *points;
    } *people;
    size_t count, capacity, joints;
    struct arena *mem;
    struct pose_note *note;
};

static struct err gather_person(struct gather *g, int64_t frame, size_t joints, struct pose_point **points) {
    if (g->joints && joints != g->joints) {
        pose_note_set(g->note, 0, "In frame %lld a person has %zu points, others have %zu.", (long long)frame, joints, g->joints);
        return err_make(ERR_INPUT, "pose.layout", "The number of points changes from person to person.");
    }
    if (joints == 0 || joints > POSE_LAYOUT_JOINTS_MAX) return no_layout(g->note, joints, NULL);
    if (g->count == g->capacity) {
        size_t capacity = g->capacity ? g->capacity * 2 : 256;
        struct person *more = mem_realloc_array(g->people, capacity, sizeof *more);
        if (!more) return err_memory();
        g->people = more, g->capacity = capacity;
    }
    g->joints = joints;
    if (!(*points = arena_alloc_array(g->mem, joints, sizeof **points))) return err_memory();
    g->people[g->count] = (struct person){frame, g->count, *points};
    g->count++;
    return ERR_OK;
}

static int person_order(const void *a_, const void *b_) {
    const struct person *a = a_, *b = b_;
    if (a->frame != b->frame) return a->frame < b->frame ? -1 : 1;
    return a->order < b->order ? -1 : a->order > b->order;
}

/* first..last: frames that the file speaks of, people or not. */
static struct err gather_finish(struct gather *g, int64_t first, int64_t last, const struct pose_options *options, struct pose_take *t) {
    if (!g->count) {
        pose_note_set(g->note, 0, "Nobody is in it, so the layout of the points is unknown.");
        return err_make(ERR_INPUT, "pose.empty", "There are no key points in it.");
    }
    if ((uint64_t)last - (uint64_t)first >= frames_max(options)) return too_many(g->note, frames_max(options));
    qsort(g->people, g->count, sizeof *g->people, person_order);
    t->frame_first = first, t->frame_count = (size_t)(last - first) + 1;
    if (!(t->frames = arena_alloc_array(g->mem, t->frame_count, sizeof *t->frames))) return err_memory();
    for (size_t i = 0; i < t->frame_count; i++) t->frames[i].is_present = true; /* one file: what it does not mention holds nobody */
    for (size_t i = 0; i < g->count;) {
        size_t end = i;
        while (end < g->count && g->people[end].frame == g->people[i].frame) end++;
        struct pose_frame *f = &t->frames[g->people[i].frame - first];
        if (end - i > POSE_PEOPLE_MAX) return err_make(ERR_LIMIT, "pose.large", "One frame holds more people than are accepted.");
        f->people = (uint32_t)(end - i);
        if (!(f->points = arena_alloc_array(g->mem, (end - i) * g->joints, sizeof *f->points))) return err_memory();
        for (size_t k = i; k < end; k++) memcpy(f->points + (k - i) * g->joints, g->people[k].points, g->joints * sizeof *f->points);
        i = end;
    }
    if (!t->layout.joint_count && !pose_layout_guess(t, g->joints, layout_wanted(options))) return no_layout(g->note, g->joints, layout_wanted(options));
    return ERR_OK;
}

static double number_at(const json_t *list, size_t i) {
    const json_t *n = json_array_get(list, i);
    return json_is_number(n) ? json_number_value(n) : NAN;
}

static struct err bad_person(struct pose_note *note, size_t index, const char *what) {
    pose_note_set(note, 0, "Entry %zu: %s", index, what);
    return err_make(ERR_INPUT, "pose.syntax", "The file is not key points that are known here.");
}

/* MMPose: keypoints [[x, y], ...] and keypoint_scores [c, ...]. */
static struct err mmpose_instances(struct gather *g, int64_t frame, const json_t *instances) {
    for (size_t i = 0; i < json_array_size(instances); i++) {
        const json_t *person = json_array_get(instances, i), *points = json_object_get(person, "keypoints"), *scores = json_object_get(person, "keypoint_scores");
        if (!json_is_array(points) || !json_is_array(scores) || json_array_size(points) != json_array_size(scores)) {
            return bad_person(g->note, i, "\"keypoints\" and as many \"keypoint_scores\" are needed.");
        }
        struct pose_point *out;
        struct err e = gather_person(g, frame, json_array_size(points), &out);
        if (e.kind) return e;
        for (size_t k = 0; k < json_array_size(points); k++) {
            out[k] = pose_point_of(number_at(json_array_get(points, k), 0), number_at(json_array_get(points, k), 1), number_at(scores, k));
        }
    }
    return ERR_OK;
}

static struct err read_mmpose(struct gather *g, const json_t *frames, const struct pose_options *options, struct pose_take *t) {
    int64_t first = INT64_MAX, last = INT64_MIN;
    for (size_t i = 0; i < json_array_size(frames); i++) {
        const json_t *f = json_array_get(frames, i);
        int64_t number = (int64_t)i;
        (void)json_get_integer(f, "frame_id", &number);
        if (number < 0 || number > (INT64_C(1) << 50)) return bad_person(g->note, i, "its \"frame_id\" is no frame number.");
        if (number < first) first = number;
        if (number > last) last = number;
        struct err e = mmpose_instances(g, number, json_object_get(f, "instances"));
        if (e.kind) return e;
    }
    return gather_finish(g, first, last, options, t);
}

/* AlphaPose: [{"image_id": "12.jpg", "keypoints": [x, y, c, ...]}, ...], one entry a person. */
static struct err read_alphapose(struct gather *g, const json_t *list, const struct pose_options *options, struct pose_take *t) {
    int64_t first = INT64_MAX, last = INT64_MIN;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *person = json_array_get(list, i), *image = json_object_get(person, "image_id"), *points = json_object_get(person, "keypoints");
        int64_t frame = json_is_string(image) ? last_number(json_string_value(image)) : json_is_integer(image) ? json_integer_value(image) : -1;
        if (frame < 0 || frame > (INT64_C(1) << 50)) return bad_person(g->note, i, "its \"image_id\" holds no frame number.");
        if (!json_is_array(points) || json_array_size(points) % 3) return bad_person(g->note, i, "\"keypoints\" must hold x, y and confidence for each point.");
        struct pose_point *out;
        struct err e = gather_person(g, frame, json_array_size(points) / 3, &out);
        if (e.kind) return e;
        for (size_t k = 0; k < json_array_size(points) / 3; k++) out[k] = pose_point_of(number_at(points, 3 * k), number_at(points, 3 * k + 1), number_at(points, 3 * k + 2));
        if (frame < first) first = frame;
        if (frame > last) last = frame;
    }
    return gather_finish(g, first, last, options, t);
}

/* DeepLabCut: rows of heads ("scorer", perhaps "individuals", "bodyparts", "coords"), then frame, x, y, likelihood, x, ... */
static struct err read_deeplabcut(struct gather *g, struct slice text, const struct pose_options *options, struct pose_take *t) {
    enum { COLUMNS_MAX = 3 * POSE_LAYOUT_JOINTS_MAX * 16 };
    struct err bad = err_make(ERR_INPUT, "pose.syntax", "The file is not key points that are known here.");
    struct slice *parts = arena_alloc_array(g->mem, COLUMNS_MAX, sizeof *parts), *who = arena_alloc_array(g->mem, COLUMNS_MAX, sizeof *who);
    if (!parts || !who) return err_memory();
    size_t columns = 0, people = 1, joints = 0, line_number = 0;
    int64_t first = INT64_MAX, last = INT64_MIN;
    bool has_heads = false, has_who = false;
    struct slice rest = text, line;
    while (slice_next(&rest, '\n', &line)) {
        line_number++;
        line = slice_trim(line);
        if (!line.len) continue;
        struct slice cells = line, cell;
        (void)slice_next(&cells, ',', &cell);
        cell = slice_trim(cell);
        if (!has_heads) {
            bool is_parts = slice_eq(cell, SLICE("bodyparts")), is_who = slice_eq(cell, SLICE("individuals"));
            size_t n = 0;
            while ((is_parts || is_who) && slice_next(&cells, ',', &cell)) {
                if (n == COLUMNS_MAX) return err_make(ERR_LIMIT, "pose.large", "The file has more columns than are accepted.");
                (is_parts ? parts : who)[n++] = slice_trim(cell);
            }
            if (is_parts) columns = n;
            has_who |= is_who;
            if (slice_eq(slice_trim(slice_sub(line, 0, 6)), SLICE("coords"))) {
                if (!columns || columns % 3) {
                    pose_note_set(g->note, line_number, "Each body part needs three columns: x, y and likelihood.");
                    return bad;
                }
                has_heads = true;
                if (has_who) { /* columns of the first individual, then of the next */
                    size_t same = 0;
                    while (same < columns && slice_eq(who[same], who[0])) same++;
                    if (same % 3 || columns % same) {
                        pose_note_set(g->note, line_number, "All individuals must have the same body parts.");
                        return bad;
                    }
                    joints = same / 3, people = columns / same;
                }
                if (!has_who) joints = columns / 3;
                if (joints > POSE_LAYOUT_JOINTS_MAX) return no_layout(g->note, joints, NULL);
                t->layout.joint_count = joints;
                snprintf(t->layout.name, sizeof t->layout.name, "DeepLabCut");
                for (size_t k = 0; k < joints; k++) pose_layout_name_joint(&t->layout, k, parts[3 * k]);
                pose_layout_finish(&t->layout);
            }
            continue;
        }
        char label[128];
        snprintf(label, sizeof label, "%.*s", (int)(cell.len < 120 ? cell.len : 120), cell.ptr);
        int64_t frame = last_number(label); /* a number, or the name of the picture */
        if (frame < 0) {
            pose_note_set(g->note, line_number, "The line does not begin with a frame number.");
            return bad;
        }
        if (frame < first) first = frame;
        if (frame > last) last = frame;
        for (size_t p = 0; p < people; p++) {
            struct pose_point *out;
            struct err e = gather_person(g, frame, joints, &out);
            if (e.kind) return e;
            bool is_seen = false;
            for (size_t k = 0; k < joints; k++) {
                double v[3] = {NAN, NAN, NAN};
                for (int c = 0; c < 3; c++) {
                    if (!slice_next(&cells, ',', &cell)) {
                        pose_note_set(g->note, line_number, "The line has fewer columns than the heads.");
                        return bad;
                    }
                    cell = slice_trim(cell);
                    const char *at = cell.ptr;
                    if (cell.len && (!pose_scan_number(&at, cell.ptr + cell.len, &v[c]) || at != cell.ptr + cell.len)) v[c] = NAN; /* "nan" or "" */
                }
                out[k] = pose_point_of(v[0], v[1], v[2]);
                is_seen |= out[k].confidence > 0;
            }
            if (!is_seen) g->count--; /* nobody there; the points stay unused in the arena */
        }
    }
    if (!has_heads) {
        pose_note_set(g->note, 1, "The heads \"bodyparts\" and \"coords\" are missing.");
        return bad;
    }
    return gather_finish(g, first, last, options, t);
}

struct err pose_parse_file(struct arena *mem, struct slice text, const struct pose_options *options, struct pose_take *out, struct pose_note *note) {
    struct pose_note unused;
    if (!note) note = &unused, *note = (struct pose_note){0};
    struct gather g = {.mem = mem, .note = note};
    struct pose_take t = {0};
    struct slice body = slice_trim(text);
    struct err e;
    if (body.len && (body.ptr[0] == '{' || body.ptr[0] == '[')) {
        json_t *root;
        e = json_parse(body, 512u << 20, &root);
        if (e.kind) {
            pose_note_set(note, 0, "%s", e.what);
            if (e.kind == ERR_INPUT) e.code = "pose.syntax";
            return e;
        }
        const json_t *frames = json_is_object(root) ? json_object_get(root, "instance_info") : NULL;
        const json_t *head = json_is_array(root) ? json_array_get(root, 0) : NULL;
        if (json_is_array(frames)) e = read_mmpose(&g, frames, options, &t);
        else if (json_object_get(head, "instances")) e = read_mmpose(&g, root, options, &t);
        else if (json_object_get(head, "image_id")) e = read_alphapose(&g, root, options, &t);
        else if (json_object_get(root, "people")) {
            pose_note_set(note, 0, "This is one frame of OpenPose. Give the folder that holds all of them.");
            e = err_make(ERR_INPUT, "pose.format", "One frame is not a recording.");
        } else {
            pose_note_set(note, 0, "It is JSON, but neither MMPose's (\"instance_info\") nor AlphaPose's (\"image_id\").");
            e = err_make(ERR_INPUT, "pose.format", "The file is not key points that are known here.");
        }
        json_decref(root);
    } else if (slice_starts_with(body, SLICE("scorer")) || slice_starts_with(body, SLICE("bodyparts"))) e = read_deeplabcut(&g, body, options, &t);
    else {
        pose_note_set(note, 0, "It is neither JSON (OpenPose, MMPose, AlphaPose) nor CSV of DeepLabCut.");
        e = err_make(ERR_INPUT, "pose.format", "The file is not key points that are known here.");
    }
    mem_free(g.people);
    if (!e.kind) *out = t;
    return e;
}

struct err pose_take_read(struct arena *mem, const char *path, const struct pose_options *options, struct pose_take *out, struct pose_note *note) {
    struct pose_note unused;
    if (!note) note = &unused;
    *note = (struct pose_note){0};
    snprintf(note->file, sizeof note->file, "%.250s", path);
    struct stat st;
    if (stat(path, &st)) {
        pose_note_set(note, 0, "It is not there or cannot be read.");
        return err_from_errno(errno, "pose.missing", "The key points cannot be opened.");
    }
    if (S_ISDIR(st.st_mode)) return read_folder(mem, path, options, out, note);
    struct buf text = BUF(512u << 20);
    struct pose_take t;
    struct err e = fs_read_file(AT_FDCWD, path, &text);
    if (e.kind) pose_note_set(note, 0, "%s", e.what);
    else if (!(e = pose_parse_file(mem, buf_slice(&text), options, &t, note)).kind) {
        name_from_path(&t, path);
        *out = t;
        note->file[0] = 0;
    }
    buf_free(&text);
    return e;
}
