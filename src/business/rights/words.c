/* SPDX-License-Identifier: AGPL-3.0-or-later
 * The trade's words, by number. Numbers and words are what the store, the API and files of others know: both stay. */
#include "business/rights/rights.h"

static const char *const media[] = {"free",     "advertising", "subscription", "rental",   "purchase",   "live",
                                    "catch_up", "clip",        "download",     "linear",   "theatrical", "venue"};
static const char *const effects[] = {"allow", "holdback", "blackout"};
static const char *const directions[] = {"in", "out", "own"};
static const char *const statuses[] = {"draft", "active", "suspended", "terminated"};
static const char *const party_kinds[] = {"organisation", "person", "platform"};
static const char *const reasons[] = {"rights.allowed", "rights.blackout", "rights.holdback", "rights.exclusive", "rights.plays",    "rights.not_yet",
                                      "rights.deal",    "rights.ended",    "rights.language", "rights.medium",    "rights.territory", "rights.none"};
static const char *const fits[] = {"applies", "territory", "medium", "language", "not_yet", "ended", "deal", "plays", "party"};
static const char *const conflict_kinds[] = {"exclusive_exclusive", "exclusive_allow", "out_without_in", "own_service_sold", "sublicence", "holdback_sold"};
_Static_assert(ARRAY_LEN(media) == RIGHTS_MEDIA && ARRAY_LEN(effects) == RIGHTS_EFFECTS && ARRAY_LEN(directions) == RIGHTS_DIRECTIONS &&
                   ARRAY_LEN(statuses) == RIGHTS_STATUSES && ARRAY_LEN(party_kinds) == RIGHTS_PARTY_KINDS && ARRAY_LEN(reasons) == RIGHTS_REASONS &&
                   ARRAY_LEN(conflict_kinds) == RIGHTS_CONFLICT_KINDS,
               "a word for each number");

const char *rights_medium_name(enum rights_medium m) { return media[m]; }
const char *rights_effect_name(enum rights_effect e) { return effects[e]; }
const char *rights_direction_name(enum rights_direction d) { return directions[d]; }
const char *rights_status_name(enum rights_status s) { return statuses[s]; }
const char *rights_party_kind_name(enum rights_party_kind k) { return party_kinds[k]; }
const char *rights_reason_code(enum rights_reason r) { return reasons[r]; }
const char *rights_fit_name(enum rights_fit f) { return fits[f]; }
const char *rights_conflict_kind_name(enum rights_conflict_kind k) { return conflict_kinds[k]; }

static bool word_find(const char *const *words, size_t count, struct slice word, int *out) {
    for (size_t i = 0; i < count; i++)
        if (slice_eq(word, slice_cstr(words[i]))) {
            *out = (int)i;
            return true;
        }
    return false;
}
#define PARSER(function, type, words)               \
    bool function(struct slice s, type *out) {      \
        int at;                                     \
        if (!word_find(words, ARRAY_LEN(words), s, &at)) return false; \
        *out = (type)at;                            \
        return true;                                \
    }
PARSER(rights_medium_parse, enum rights_medium, media)
PARSER(rights_effect_parse, enum rights_effect, effects)
PARSER(rights_direction_parse, enum rights_direction, directions)
PARSER(rights_status_parse, enum rights_status, statuses)
PARSER(rights_party_kind_parse, enum rights_party_kind, party_kinds)

bool rights_media_parse(struct slice text, uint16_t *out, struct slice *bad) {
    uint16_t mask = 0;
    struct slice rest = text, word;
    while (slice_next(&rest, ',', &word)) {
        enum rights_medium medium;
        word = slice_trim(word);
        if (slice_eq(word, SLICE("all"))) {
            mask = RIGHTS_ALL_MEDIA;
        } else if (rights_medium_parse(word, &medium)) {
            mask |= (uint16_t)(1u << medium);
        } else {
            *bad = word;
            return false;
        }
    }
    if (!mask) {
        *bad = text;
        return false;
    }
    *out = mask;
    return true;
}

void rights_media_write(struct buf *out, uint16_t mask) {
    if (mask == RIGHTS_ALL_MEDIA) {
        buf_cstr(out, "all");
        return;
    }
    const char *comma = "";
    for (int m = 0; m < RIGHTS_MEDIA; m++) {
        if (!(mask & 1u << m)) continue;
        buf_printf(out, "%s%s", comma, media[m]);
        comma = ",";
    }
}
