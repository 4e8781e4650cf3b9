/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <assert.h>
#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/command.h"
#include "base/fs.h"
#include "base/ini.h"
#include "base/mem.h"

enum { CONFIG_BYTES_MAX = 256 * 1024, ENVIRONMENT_NAME_MAX = 64 };

static size_t option_count(const struct command *command) {
    size_t count = 0;
    while (command->options[count].name) count++;
    return count;
}

static size_t option_index(const struct command *command, struct slice name) {
    size_t i = 0;
    while (command->options[i].name && !slice_eq(name, slice_cstr(command->options[i].name))) i++;
    return i; /* the count if there is none */
}

static bool is_truth(const char *text) { return !strcmp(text, "1") || !strcmp(text, "true") || !strcmp(text, "yes") || !strcmp(text, "on"); }
static bool is_untruth(const char *text) { return !*text || !strcmp(text, "0") || !strcmp(text, "false") || !strcmp(text, "no") || !strcmp(text, "off"); }

static struct err value_check(const struct option *option, const char *text) {
    int64_t number;
    if (option->kind == OPTION_NUMBER && !slice_to_i64(slice_cstr(text), &number))
        return err_make(ERR_INPUT, "option.number", "This option takes a whole number.");
    if (option->kind == OPTION_FLAG && !is_truth(text) && !is_untruth(text))
        return err_make(ERR_INPUT, "option.flag", "This setting is either on or off (1 or 0, true or false, yes or no).");
    return ERR_OK;
}

/* Takes a copy of `text`, so that values live as long as the context whatever they came from. */
static struct err value_set(struct command_context *c, size_t index, struct slice text) {
    char *copy = mem_strndup(text.ptr ? text.ptr : "", text.len);
    if (!copy) return err_memory();
    struct err e = value_check(&c->command->options[index], copy);
    if (e.kind) {
        mem_free(copy);
        return e;
    }
    mem_free((void *)c->values[index]);
    c->values[index] = copy;
    return ERR_OK;
}

/* One word, or two for `--name value`: moves *at past what it took. *config is set by --config. */
static struct err flag_read(struct command_context *c, int argc, char **argv, int *at, const char **config) {
    const char *word = argv[*at] + 2;
    const char *equals = strchr(word, '=');
    struct slice name = equals ? slice_of(word, (size_t)(equals - word)) : slice_cstr(word);
    const char *value = equals ? equals + 1 : NULL;

    bool is_config = slice_eq(name, SLICE("config"));
    size_t index = option_index(c->command, name);
    const struct option *option = &c->command->options[index];
    if (!is_config && !option->name) return err_make(ERR_INPUT, "option.unknown", "There is no such option.");
    if (!is_config && option->kind == OPTION_FLAG) {
        c->is_given[index] = true;
        return value_set(c, index, value ? slice_cstr(value) : SLICE("1"));
    }
    if (!value) {
        if (*at + 1 >= argc) return err_make(ERR_INPUT, "option.value", "This option needs a value behind it.");
        value = argv[++*at];
    }
    if (is_config) {
        *config = value;
        return ERR_OK;
    }
    c->is_given[index] = true;
    return value_set(c, index, slice_cstr(value));
}

static void environment_name(const char *option, char out[ENVIRONMENT_NAME_MAX]) {
    int len = snprintf(out, ENVIRONMENT_NAME_MAX, "GRANDSTAND_%s", option);
    assert(len < ENVIRONMENT_NAME_MAX);
    for (char *p = out; *p; p++) *p = *p == '-' ? '_' : (char)toupper((unsigned char)*p);
}

/* A file serves all commands: a key that only another command knows is fine, one that none knows is a mistake. */
static bool is_known_anywhere(struct slice key) {
    for (size_t i = 0; i < command_count; i++)
        if (commands[i].options[option_index(&commands[i], key)].name) return true;
    return false;
}

static struct err on_file_value(void *user, struct slice key, struct slice value) {
    struct command_context *c = user;
    size_t index = option_index(c->command, key);
    if (!c->command->options[index].name)
        return is_known_anywhere(key) ? ERR_OK : err_make(ERR_INPUT, "option.unknown", "The configuration file has a key that means nothing.");
    if (c->is_given[index]) return ERR_OK; /* flag or environment said so already */
    return value_set(c, index, value);
}

static struct err file_read(struct command_context *c, const char *path, bool must_exist, char *detail, size_t detail_size) {
    struct buf text = BUF(CONFIG_BYTES_MAX);
    struct err e = fs_read_file(AT_FDCWD, path, &text);
    if (e.kind == ERR_NOT_FOUND && !must_exist) e = ERR_OK;
    if (e.kind) {
        snprintf(detail, detail_size, "%s", path);
        buf_free(&text);
        return e;
    }
    struct ini_position where = {0};
    e = ini_read(buf_slice(&text), on_file_value, c, &where);
    if (e.kind) snprintf(detail, detail_size, "%s, line %d", path, where.line);
    buf_free(&text);
    return e;
}

struct err options_read(struct command_context *c, int argc, char **argv, char *detail, size_t detail_size) {
    size_t count = option_count(c->command);
    c->values = mem_zalloc_array(count + 1, sizeof *c->values);
    c->is_given = mem_zalloc_array(count + 1, sizeof *c->is_given);
    c->arguments = mem_zalloc_array((size_t)argc + 1, sizeof *c->arguments);
    detail[0] = 0;
    if (!c->values || !c->is_given || !c->arguments) return err_memory();

    const char *config = NULL;
    bool only_arguments = false;
    for (int i = 0; i < argc; i++) {
        const char *word = argv[i];
        if (!only_arguments && !strcmp(word, "--")) {
            only_arguments = true;
        } else if (only_arguments || strncmp(word, "--", 2)) {
            c->arguments[c->argument_count++] = word;
        } else {
            struct err e = flag_read(c, argc, argv, &i, &config);
            if (e.kind) {
                snprintf(detail, detail_size, "%s", word);
                return e;
            }
        }
    }
    if (c->argument_count < c->command->arguments_min || c->argument_count > c->command->arguments_max) {
        snprintf(detail, detail_size, "%s %s", c->command->name, c->command->arguments);
        return err_make(ERR_INPUT, "option.arguments", c->argument_count < c->command->arguments_min ? "Something is missing behind the command." : "There are more words than this command takes.");
    }

    for (size_t i = 0; i < count; i++) {
        char name[ENVIRONMENT_NAME_MAX];
        environment_name(c->command->options[i].name, name);
        const char *value = getenv(name);
        if (c->is_given[i] || !value) continue;
        struct err e = value_set(c, i, slice_cstr(value));
        if (e.kind) {
            snprintf(detail, detail_size, "%s", name);
            return e;
        }
        c->is_given[i] = true;
    }

    if (!config) config = getenv("GRANDSTAND_CONFIG");
    size_t data = option_index(c->command, SLICE("data"));
    char beside[4096];
    bool must_exist = config != NULL;
    if (!config && c->command->options[data].name) {
        const char *dir = c->values[data] ? c->values[data] : c->command->options[data].fallback;
        if (dir && (size_t)snprintf(beside, sizeof beside, "%s/grandstand.ini", dir) < sizeof beside) config = beside;
    }
    if (config) {
        struct err e = file_read(c, config, must_exist, detail, detail_size);
        if (e.kind) return e;
    }

    for (size_t i = 0; i < count; i++) {
        const struct option *option = &c->command->options[i];
        if (c->values[i]) {
            c->is_given[i] = true;
        } else if (option->fallback) {
            struct err e = value_set(c, i, slice_cstr(option->fallback));
            if (e.kind) return e;
        }
    }
    return ERR_OK;
}

void options_free(struct command_context *c) {
    if (c->values)
        for (size_t i = 0; i < option_count(c->command); i++) mem_free((void *)c->values[i]);
    mem_free(c->values);
    mem_free(c->is_given);
    mem_free(c->arguments);
    c->values = NULL;
    c->is_given = NULL;
    c->arguments = NULL;
    c->argument_count = 0;
}

static size_t index_of(const struct command_context *c, const char *name) {
    size_t index = option_index(c->command, slice_cstr(name));
    assert(c->command->options[index].name);
    return index;
}

const char *option_text(const struct command_context *c, const char *name) { return c->values[index_of(c, name)]; }

int64_t option_number(const struct command_context *c, const char *name) {
    const char *text = option_text(c, name);
    int64_t number = 0;
    if (text && !slice_to_i64(slice_cstr(text), &number)) assert(!"checked when it was read");
    return number;
}

bool option_flag(const struct command_context *c, const char *name) {
    const char *text = option_text(c, name);
    return text && is_truth(text);
}

bool option_is_given(const struct command_context *c, const char *name) { return c->is_given[index_of(c, name)]; }
