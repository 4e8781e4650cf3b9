/* SPDX-License-Identifier: AGPL-3.0-or-later
 * From a path to a route: a tree with one level per path segment. At each node literal children are tried before the
 * parameter, and the parameter before "the rest". */
#include "system/http/core.h"

enum { SEGMENTS_MAX = 24 };

struct node {
    struct node *next; /* sibling literal */
    struct slice literal;
    struct node *literals, *param, *rest;
    struct route *routes; /* that end here; one per method */
};
struct router {
    struct node *root;
};

static struct node *node_create(struct slice literal) {
    struct node *n = mem_zalloc(sizeof *n);
    if (n) n->literal = literal;
    return n;
}

struct router *router_create(void) {
    struct router *r = mem_zalloc(sizeof *r);
    if (!r) return NULL;
    r->root = node_create(SLICE_NONE);
    if (!r->root) MEM_FREE(&r);
    return r;
}

static void node_destroy(struct node *n) { /* as deep as a pattern has segments */
    if (!n) return;
    while (n->literals) {
        struct node *next = n->literals->next;
        node_destroy(n->literals);
        n->literals = next;
    }
    node_destroy(n->param);
    node_destroy(n->rest);
    while (n->routes) {
        struct route *next = n->routes->next_method;
        mem_free(n->routes->pattern);
        mem_free(n->routes);
        n->routes = next;
    }
    mem_free(n);
}

void router_destroy(struct router **address) {
    if (!*address) return;
    node_destroy((*address)->root);
    MEM_FREE(address);
}

static struct err bad_pattern(void) {
    return err_make(ERR_INPUT, "http.pattern", "The pattern of a route is malformed: \"/a/{b}/{c...}\", at most 24 segments and 8 parameters.");
}

/* The child for one segment of a pattern, made if need be. NULL when memory ran out. */
static struct node *child(struct node *at, struct slice segment, bool is_param, bool is_rest) {
    if (is_param || is_rest) {
        struct node **slot = is_rest ? &at->rest : &at->param;
        if (!*slot) *slot = node_create(SLICE_NONE);
        return *slot;
    }
    for (struct node *n = at->literals; n; n = n->next)
        if (slice_eq(n->literal, segment)) return n;
    struct node *n = node_create(segment);
    if (!n) return NULL;
    n->next = at->literals;
    at->literals = n;
    return n;
}

struct err router_add(struct router *r, const struct http_route *public) {
    if (!public->pattern || public->pattern[0] != '/' || !public->handle || public->method >= HTTP_METHODS) return bad_pattern();
    if ((public->on_chunk || public->on_begin) && (public->where != HTTP_ON_WORKER || !public->on_chunk)) return bad_pattern();
    struct route *route = mem_zalloc(sizeof *route);
    if (!route) return err_memory();
    route->public = *public;
    route->pattern = mem_strdup(public->pattern); /* literals in the tree point into it */
    struct err e = route->pattern ? ERR_OK : err_memory();
    struct node *at = r->root;
    size_t segments = 0;
    bool has_rest = false;
    struct slice rest = slice_cstr(route->pattern), segment;
    if (rest.len) rest = slice_sub(rest, 1, rest.len);
    while (!e.kind && slice_next(&rest, '/', &segment)) {
        bool is_braced = segment.len > 2 && segment.ptr[0] == '{' && segment.ptr[segment.len - 1] == '}';
        bool is_rest = is_braced && slice_ends_with(segment, SLICE("...}"));
        struct slice name = is_braced ? slice_sub(segment, 1, segment.len - (is_rest ? 4 : 1)) : SLICE_NONE;
        bool is_bad = has_rest || ++segments > SEGMENTS_MAX || (is_braced && (!name.len || route->param_count == HEAD_PARAMS_MAX)) ||
                      (!is_braced && slice_find_byte(segment, '{') != SLICE_NPOS);
        if (is_bad) {
            e = bad_pattern();
            break;
        }
        has_rest = is_rest;
        if (is_braced) route->param_names[route->param_count++] = name;
        at = child(at, segment, is_braced && !is_rest, is_rest);
        if (!at) e = err_memory();
    }
    for (struct route *other = !e.kind ? at->routes : NULL; other; other = other->next_method)
        if (other->public.method == public->method) e = err_make(ERR_CONFLICT, "http.route", "Two routes have the same method and pattern.");
    if (e.kind) {
        /* Nodes made on the way may point into the pattern that goes away; give it to the router's keeping instead. */
        route->public.method = HTTP_METHODS;
        if (route->pattern) {
            route->next_method = r->root->routes;
            r->root->routes = route;
        } else {
            mem_free(route);
        }
        return e;
    }
    route->public.pattern = route->pattern;
    route->next_method = at->routes;
    at->routes = route;
    return ERR_OK;
}

struct match {
    struct slice values[HEAD_PARAMS_MAX];
    size_t count;
};

/* Depth is bounded by the patterns' depth, and the work by the number of ways to read a path, which patterns fix. */
static const struct node *find(const struct node *at, struct slice rest, struct match *m) {
    struct slice after = rest, segment;
    if (!slice_next(&after, '/', &segment)) {
        if (at->routes) return at;
        if (!at->rest || m->count == HEAD_PARAMS_MAX) return NULL;
        m->values[m->count++] = SLICE("");
        return at->rest;
    }
    for (const struct node *n = at->literals; n; n = n->next) {
        if (!slice_eq(n->literal, segment)) continue;
        const struct node *found = find(n, after, m);
        if (found) return found;
    }
    size_t count = m->count;
    if (count == HEAD_PARAMS_MAX) return NULL;
    if (at->param && segment.len) {
        m->values[m->count++] = segment;
        const struct node *found = find(at->param, after, m);
        if (found) return found;
        m->count = count;
    }
    if (!at->rest) return NULL;
    m->values[m->count++] = rest;
    return at->rest;
}

const struct route *router_find(const struct router *r, struct head *h, unsigned *allowed) {
    struct match m;
    m.count = 0;
    *allowed = 0;
    if (!h->path.len || h->path.ptr[0] != '/') return NULL;
    const struct node *at = find(r->root, slice_sub(h->path, 1, h->path.len), &m);
    if (!at) return NULL;
    const struct route *get = NULL, *found = NULL;
    for (const struct route *route = at->routes; route; route = route->next_method) {
        if (route->public.method == HTTP_METHODS) continue;
        *allowed |= 1u << route->public.method;
        if (route->public.method == HTTP_GET) get = route;
        if (route->public.method == h->method) found = route;
    }
    if (!found && h->method == HTTP_HEAD) found = get;
    if (!found) {
        if (*allowed & 1u << HTTP_GET) *allowed |= 1u << HTTP_HEAD;
        if (*allowed) *allowed |= 1u << HTTP_OPTIONS;
        return NULL;
    }
    h->param_count = m.count < found->param_count ? m.count : found->param_count;
    for (size_t i = 0; i < h->param_count; i++) h->params[i] = (struct http_field){.name = found->param_names[i], .value = m.values[i]};
    return found;
}
