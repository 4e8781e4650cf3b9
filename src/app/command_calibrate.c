/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * grandstand calibrate convert IN OUT: a calibration from one program's format to another's.
 * grandstand calibrate check IN: reads it and says what looks wrong. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/command.h"
#include "base/fs.h"
#include "base/json.h"
#include "human/camera/camera.h"

const struct option command_calibrate_options[] = {
    {"format", OPTION_TEXT, "toml|qualisys|opencv|json", NULL, "the format to write; without it the name of OUT decides (.toml, .qca.txt, .yml or .yaml, .json)"},
    {"scale", OPTION_TEXT, "FACTOR", "1", "multiplies all positions: 0.001 for a file in millimetres"},
    OPTION_JSON,
    OPTION_END,
};

static enum camera_format format_of(const char *name, const char *path) {
    for (enum camera_format f = CAMERA_FORMAT_TOML; name && f < CAMERA_FORMATS; f++) {
        if (!strcmp(name, camera_format_name(f))) return f;
    }
    static const struct {
        const char *ending;
        enum camera_format format;
    } endings[] = {{".toml", CAMERA_FORMAT_TOML}, {".qca.txt", CAMERA_FORMAT_QUALISYS}, {".xml", CAMERA_FORMAT_QUALISYS},
                   {".yml", CAMERA_FORMAT_OPENCV}, {".yaml", CAMERA_FORMAT_OPENCV}, {".json", CAMERA_FORMAT_JSON}};
    for (size_t i = 0; !name && i < ARRAY_LEN(endings); i++) {
        if (slice_ends_with(slice_cstr(path), slice_cstr(endings[i].ending))) return endings[i].format;
    }
    return CAMERA_FORMAT_GUESS;
}

static int refuse(struct command_context *context, struct err e, const char *path, const struct camera_note *note) {
    char about[700];
    if (note->line) snprintf(about, sizeof about, "%s, line %d: %s", path, note->line, note->text);
    else snprintf(about, sizeof about, "%s%s%s", path, note->text[0] ? ": " : "", note->text);
    return command_fail(context, e, about);
}

static void report(struct command_context *context, const struct camera_rig *rig) {
    struct camera_note notes[64];
    size_t count = camera_rig_check(rig, notes, ARRAY_LEN(notes));
    if (count > ARRAY_LEN(notes)) count = ARRAY_LEN(notes);
    if (option_flag(context, "json")) {
        struct buf out = BUF(1 << 20);
        struct json_writer w = json_writer_of(&out);
        json_begin_object(&w);
        json_key(&w, "cameras");
        json_begin_array(&w);
        for (size_t i = 0; i < rig->count; i++) json_add_cstr(&w, rig->cameras[i].name);
        json_end(&w);
        json_key(&w, "warnings");
        json_begin_array(&w);
        for (size_t i = 0; i < count; i++) json_add_cstr(&w, notes[i].text);
        json_end(&w);
        json_end(&w);
        printf("%.*s\n", (int)out.len, out.ptr);
        buf_free(&out);
        return;
    }
    for (size_t i = 0; i < rig->count; i++) {
        const struct camera *c = &rig->cameras[i];
        struct vec3 at = camera_centre(&c->fixed.pose);
        printf("%-16s %5.0f x %-5.0f f %8.1f px  at (%8.3f, %8.3f, %8.3f) m\n", c->name, c->width, c->height, c->fixed.lens.fx, at.x, at.y, at.z);
    }
    for (size_t i = 0; i < count; i++) printf("warning: %s\n", notes[i].text);
}

int command_calibrate(struct command_context *context) {
    const char *verb = context->arguments[0];
    bool is_convert = !strcmp(verb, "convert");
    if ((!is_convert && strcmp(verb, "check")) || context->argument_count != (is_convert ? 3u : 2u)) {
        return command_fail(context, err_make(ERR_INPUT, "option.arguments", "Say `calibrate convert IN OUT` or `calibrate check IN`."), verb), EXIT_CODE_USAGE;
    }
    char *end;
    double scale = strtod(option_text(context, "scale"), &end);
    if (*end || !(scale > 0 && scale < 1e6)) {
        return command_fail(context, err_make(ERR_INPUT, "option.value", "The scale must be a number above 0."), option_text(context, "scale")), EXIT_CODE_USAGE;
    }
    enum camera_format format = is_convert ? format_of(option_text(context, "format"), context->arguments[2]) : CAMERA_FORMAT_GUESS;
    if (is_convert && format == CAMERA_FORMAT_GUESS) {
        return command_fail(context, err_make(ERR_INPUT, "option.value", "Name the format to write with --format toml, qualisys, opencv or json."), context->arguments[2]), EXIT_CODE_USAGE;
    }
    struct arena *mem = arena_create(1u << 30);
    if (!mem) return command_fail(context, err_memory(), NULL);
    struct camera_rig rig;
    struct camera_note note;
    struct buf text = BUF(256 << 20);
    int code = EXIT_CODE_DONE;
    struct err e = camera_rig_read(mem, context->arguments[1], CAMERA_FORMAT_GUESS, &rig, &note);
    if (e.kind) code = refuse(context, e, context->arguments[1], &note);
    else {
        for (size_t i = 0; i < rig.count && scale != 1; i++) {
            struct camera *c = &rig.cameras[i];
            if (c->views) e = err_make(ERR_INPUT, "camera.format", "A calibration with a view for each frame is in metres already and cannot be scaled.");
            c->fixed.pose.translation = vec3_scale(c->fixed.pose.translation, scale);
        }
        if (!e.kind && is_convert) e = camera_rig_write(&text, &rig, format, &note);
        if (e.kind) code = refuse(context, e, context->arguments[is_convert ? 2 : 1], &note);
        else if (is_convert && (e = fs_write_file_atomic(AT_FDCWD, context->arguments[2], buf_slice(&text), 0644)).kind) {
            code = command_fail(context, e, context->arguments[2]);
        } else report(context, &rig);
    }
    buf_free(&text);
    arena_destroy(&mem);
    return code;
}
