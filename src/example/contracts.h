/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * contracts.h: what the two studios of the example have agreed on, as plain tables: a house in Hamburg and one in Bangkok that show each
 * other's films, and three broadcasters. Every kind of line that a contract can have is there once, one conflict is
 * waiting for somebody to resolve it, and the dates are days from the day on which the example is made, so that something is always about
 * to begin and something about to end. */
#ifndef EXAMPLE_CONTRACTS_H
#define EXAMPLE_CONTRACTS_H

#include <stdbool.h>
#include <stddef.h>

enum { EXAMPLE_ENDLESS = -1 };

struct example_party {
    const char *key, *name, *country;
};
struct example_deal {
    const char *reference;
    const char *direction; /* "in", "out", "own" */
    const char *party;     /* key; NULL for our own productions */
    const char *status;    /* "draft", "active", "suspended", "terminated" */
    const char *parent;    /* reference of the deal that is passed on, or NULL */
    bool may_sublicense;
};
struct example_line {
    const char *deal;        /* reference */
    const char *title;       /* name of a film, scene or series; "clips": each clip */
    const char *effect;      /* "allow", "holdback", "blackout" */
    const char *territories; /* "WORLD,-US" */
    const char *media;       /* with commas; "all" */
    const char *languages;   /* with commas; "": any */
    int from_days, to_days;  /* from the day of making; to: first day that is no longer in it, EXAMPLE_ENDLESS */
    bool is_exclusive, may_sublicense;
    const char *note;
};
extern const struct example_party example_parties[];
extern const struct example_deal example_deals[];
extern const struct example_line example_lines[];
extern const size_t example_party_count, example_deal_count, example_line_count;

/* What an editor would say of a film: who may see it, and whether it costs. */
struct example_rating {
    const char *title; /* name of a film, scene or series */
    const char *system, *value;
};
extern const struct example_rating example_ratings[];
extern const size_t example_rating_count;
/* Titles that everybody may watch, besides the clips: about a tenth. */
extern const char *const example_free[];
extern const size_t example_free_count;

/* People and their parts: directors, composers, voices, and a virtual actor. */
struct example_credit {
    const char *title, *part, *character; /* character: NULL, or who is played, in English */
    const char *names[4];                 /* in the order of enum example_language */
};
extern const struct example_credit example_credits[];
extern const size_t example_credit_count;

/* Shelves: a few titles under a heading. */
struct example_collection {
    const char *name;
    const char *titles[4], *synopses[4];
    const char *members[8]; /* names; NULL behind the last */
};
extern const struct example_collection example_collections[];
extern const size_t example_collection_count;

/* The rows of the home page: where their titles come from, and of what. */
struct example_row {
    const char *source, *of; /* as catalog_source_name; a genre, a kind, or the name of a collection */
    const char *names[4];
};
extern const struct example_row example_rows[];
extern const size_t example_row_count;

/* Clips show a piece of a film. */
struct example_cut {
    const char *clip, *film;
};
extern const struct example_cut example_cuts[];
extern const size_t example_cut_count;

#endif
