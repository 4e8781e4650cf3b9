/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "text/text.h"

#include <assert.h>

#include "text/table.h"

const struct text_language text_languages[TEXT_LANGUAGE_COUNT] = {
    {.code = SLICE("en"), .name = SLICE("English")},
    {.code = SLICE("de"), .name = SLICE("Deutsch")},
    {.code = SLICE("zh"), .name = SLICE("中文")},
    {.code = SLICE("th"), .name = SLICE("ไทย")},
};

/* Index of the language whose code is the primary subtag of `wish`, or -1. */
static int language_index(struct slice wish) {
    size_t dash = slice_find_byte(wish, '-');
    struct slice primary = dash == SLICE_NPOS ? wish : slice_sub(wish, 0, dash);
    for (int i = 0; i < TEXT_LANGUAGE_COUNT; i++)
        if (slice_eq_nocase(primary, text_languages[i].code)) return i;
    return -1;
}

struct slice text_language_of(struct slice wish) {
    int index = language_index(slice_trim(wish));
    return text_languages[index < 0 ? 0 : index].code;
}

bool text_language_is_known(struct slice code) {
    for (int i = 0; i < TEXT_LANGUAGE_COUNT; i++)
        if (slice_eq(code, text_languages[i].code)) return true;
    return false;
}

/* "q=0.8" as 800; without a weight 1000; nonsense 0, so that a broken wish is no wish. */
static int weight_of(struct slice parameters) {
    struct slice part;
    while (slice_next(&parameters, ';', &part)) {
        part = slice_trim(part);
        if (part.len < 2 || (part.ptr[0] != 'q' && part.ptr[0] != 'Q') || part.ptr[1] != '=') continue;
        struct slice value = slice_trim(slice_sub(part, 2, part.len));
        if (value.len == 0 || value.len > 5 || (value.ptr[0] != '0' && value.ptr[0] != '1')) return 0;
        if (value.len > 1 && value.ptr[1] != '.') return 0;
        int weight = (value.ptr[0] - '0') * 1000, unit = 100;
        for (size_t i = 2; i < value.len; i++, unit /= 10) {
            if (value.ptr[i] < '0' || value.ptr[i] > '9') return 0;
            weight += (value.ptr[i] - '0') * unit;
        }
        return weight > 1000 ? 0 : weight;
    }
    return 1000;
}

struct slice text_language_accepted(struct slice accept_language) {
    int best = -1, best_weight = 0;
    struct slice rest = accept_language, part;
    while (slice_next(&rest, ',', &part)) {
        size_t semicolon = slice_find_byte(part, ';');
        struct slice range = slice_trim(semicolon == SLICE_NPOS ? part : slice_sub(part, 0, semicolon));
        int weight = semicolon == SLICE_NPOS ? 1000 : weight_of(slice_sub(part, semicolon + 1, part.len));
        int index = language_index(range);
        if (index >= 0 && weight > best_weight) best = index, best_weight = weight;
    }
    return text_languages[best < 0 ? 0 : best].code;
}

static const struct text_entry *entry_find(struct slice code) {
    size_t low = 0, high = text_table_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = slice_compare(code, slice_cstr(text_table[middle].code));
        if (order == 0) return &text_table[middle];
        if (order < 0) high = middle;
        else low = middle + 1;
    }
    return NULL;
}

static const struct text_forms *forms_find(struct slice language, struct slice code) {
    const struct text_entry *entry = entry_find(code);
    if (!entry) return NULL;
    int index = language_index(language);
    const struct text_forms *forms = &entry->in[index < 0 ? 0 : index];
    assert(forms->other); /* the generator refuses a catalogue with holes */
    return forms;
}

struct slice text_lookup(struct slice language, struct slice code) {
    const struct text_forms *forms = forms_find(language, code);
    return forms ? slice_cstr(forms->other) : SLICE_NONE;
}

static const struct text_param *param_find(const struct text_param *params, size_t count, struct slice name) {
    for (size_t i = 0; i < count; i++)
        if (slice_eq(params[i].name, name)) return &params[i];
    return NULL;
}

bool text_format(struct buf *out, struct slice language, struct slice code, const struct text_param *params,
                 size_t param_count) {
    const struct text_forms *forms = forms_find(language, code);
    if (!forms) return false;
    const struct text_param *counted = param_find(params, param_count, SLICE("count"));
    bool is_one = forms->one && counted && slice_eq(counted->value, SLICE("1"));
    struct slice rest = slice_cstr(is_one ? forms->one : forms->other);
    while (rest.len) {
        size_t open = slice_find_byte(rest, '{');
        if (open == SLICE_NPOS) open = rest.len;
        buf_append(out, slice_sub(rest, 0, open));
        rest = slice_sub(rest, open, rest.len);
        size_t close = slice_find_byte(rest, '}');
        if (close == SLICE_NPOS) break;
        const struct text_param *param = param_find(params, param_count, slice_sub(rest, 1, close));
        buf_append(out, param ? param->value : slice_sub(rest, 0, close + 1));
        rest = slice_sub(rest, close + 1, rest.len);
    }
    buf_append(out, rest);
    return true;
}

size_t text_count(void) { return text_table_count; }
struct slice text_code_at(size_t index) {
    assert(index < text_table_count);
    return slice_cstr(text_table[index].code);
}
