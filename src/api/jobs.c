/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Long work as the operator sees it: a list, a way to cancel, and events while it goes on. The thread "api-events" takes the
 * runner's news, looks the job up and tells all listeners of its organisation. */
#include <errno.h>
#include <unistd.h>

#include "api/room.h"
#include "base/log.h"
#include "base/mem.h"

enum { EVENT_ARENA_BYTES_MAX = 1 << 20 };

void job_put(struct json_writer *w, const struct job_info *job) {
    struct utc_text created = utc_text_of(job->created_at, 3);
    json_begin_object(w);
    json_put_string(w, "id", job->public_id);
    json_put_string(w, "kind", job->kind);
    json_key(w, "title");
    if (job->subject.len) json_add_string(w, job->subject);
    else json_add_null(w);
    json_put_cstr(w, "state", job_state_name(job->state));
    json_put_string(w, "step", job->step);
    json_put_double(w, "progress", job->state == JOB_DONE ? 1 : job->fraction);
    json_key(w, "error");
    bool has_error = job->error_code.len && job->state != JOB_DONE && job->state != JOB_CANCELLED;
    if (has_error) {
        json_begin_object(w);
        json_put_string(w, "code", job->error_code);
        json_put_string(w, "message", job->error_what);
        json_end(w);
    } else {
        json_add_null(w);
    }
    json_put_cstr(w, "created_at", created.text);
    json_end(w);
}

static struct err jobs_list(struct call *c) {
    struct job_list list;
    struct err e = job_list(c->api->o.jobs, c->arena, c->org_id, 0, JOBS_SHOWN_MAX, &list);
    if (e.kind) return e;
    json_begin_object(&c->w);
    json_key(&c->w, "items");
    json_begin_array(&c->w);
    for (size_t i = 0; i < list.count; i++) {
        struct slice sentence = text_lookup(c->lang, list.items[i].error_code);
        if (sentence.len) list.items[i].error_what = sentence;
        job_put(&c->w, &list.items[i]);
    }
    json_end(&c->w);
    json_end(&c->w);
    return ERR_OK;
}

static struct err job_delete(struct call *c) {
    int64_t id;
    struct err e = job_find(c->api->o.jobs, c->org_id, call_param(c, "id"), &id);
    if (!e.kind) e = job_cancel(c->api->o.jobs, c->org_id, id);
    if (e.kind == ERR_NOT_FOUND) e = err_make(ERR_NOT_FOUND, "job.not_found", "There is no such job.");
    if (!e.kind) c->status = 204;
    return e;
}

/* --- events --- */

struct http_topic *events_topic(struct api *a, int64_t org_id) {
    lock_take(&a->lock);
    struct org_topic *t = a->topics;
    while (t && t->org_id != org_id) t = t->next;
    lock_give(&a->lock);
    if (t) return t->topic;
    struct org_topic *fresh = mem_zalloc(sizeof *fresh);
    if (!fresh) return NULL;
    fresh->org_id = org_id;
    fresh->topic = http_topic_create(a->o.server);
    if (!fresh->topic) {
        mem_free(fresh);
        return NULL;
    }
    lock_take(&a->lock);
    for (t = a->topics; t && t->org_id != org_id;) t = t->next;
    if (!t) {
        fresh->next = a->topics;
        a->topics = t = fresh;
        fresh = NULL;
    }
    lock_give(&a->lock);
    if (fresh) { /* somebody else was quicker */
        http_topic_destroy(&fresh->topic);
        mem_free(fresh);
    }
    return t->topic;
}

static struct err events_get(struct call *c) {
    struct http_topic *topic = events_topic(c->api, c->org_id);
    if (!topic) return err_memory();
    events_host_set(c->api, c->org_id, http_request_host(c->r));
    http_respond_topic(c->r, topic, SLICE(": welcome\n\n"));
    c->is_answered = true;
    return ERR_OK;
}

const struct route job_routes[] = {
    {HTTP_GET, "/api/v1/jobs", jobs_list, CALL_EDITOR},
    {HTTP_DELETE, "/api/v1/jobs/{id}", job_delete, CALL_EDITOR | CALL_CHANGES},
    {HTTP_GET, "/api/v1/events", events_get, CALL_OPERATOR},
    {0},
};

/* An import that has ended without success: its upload goes (it is the job's key), and the title says so, unless it could be
 * watched before. */
static struct err title_follow(struct api *a, const struct job_info *job) {
    bool has_failed = job->state == JOB_FAILED || job->state == JOB_CANCELLED;
    if (!has_failed || !slice_eq(job->kind, SLICE("import"))) return ERR_OK;
    struct public_id upload;
    if (public_id_parse(job->key, &upload) && unlinkat(a->uploads_fd, upload.text, 0) != 0 && errno != ENOENT)
        log_warn("api", "upload stays", LOG_SLICE("upload", job->key), LOG_INT("errno", errno));
    struct catalog_view *view;
    struct err e = catalog_view_take(a->o.catalog, job->org_id, &view);
    if (e.kind) return e;
    const struct catalog_title *t = catalog_find(view, job->subject);
    bool was_importing = t && t->status == CATALOG_IMPORTING;
    catalog_view_give(&view);
    return was_importing ? catalog_set_status(a->o.catalog, job->org_id, job->subject, CATALOG_FAILED) : ERR_OK;
}

static void news_tell(struct api *a, const struct job_change *change) {
    struct arena *arena = arena_create(EVENT_ARENA_BYTES_MAX);
    struct job_info job;
    struct err e = arena ? job_get(a->o.jobs, arena, change->org_id, change->id, &job) : err_memory();
    if (!e.kind) e = title_follow(a, &job);
    struct http_topic *topic = events_topic(a, change->org_id);
    if (!e.kind && topic && http_topic_listeners(topic) > 0) {
        struct buf data = BUF(16384);
        struct json_writer w = json_writer_of(&data);
        job_put(&w, &job);
        struct http_blob *event = http_sse_event(SLICE("job"), SLICE_NONE, buf_slice(&data));
        if (event) http_topic_publish(topic, event);
        http_blob_release(&event);
        buf_free(&data);
    }
    if (e.kind) log_warn("api", "job news lost", LOG_INT("job", change->id), LOG_ERR(e));
    arena_destroy(&arena);
}

static struct http_topic *topic_of(struct api *a, int64_t org_id, char host[256]) {
    struct http_topic *topic = NULL;
    lock_take(&a->lock);
    for (const struct org_topic *t = a->topics; t && !topic; t = t->next)
        if (t->org_id == org_id) {
            topic = t->topic;
            memcpy(host, t->host, sizeof t->host);
        }
    lock_give(&a->lock);
    return topic;
}

static void channel_tell(struct api *a, const struct news *news) {
    char host[256];
    struct http_topic *topic = topic_of(a, news->org_id, host);
    if (!topic || http_topic_listeners(topic) == 0) return;
    struct http_blob *event = channel_event(a, news->org_id, public_id_slice(&news->channel), slice_cstr(host));
    if (event) http_topic_publish(topic, event);
    http_blob_release(&event);
}

/* What the operator's browser calls us, so that events name the same addresses as answers. */
void events_host_set(struct api *a, int64_t org_id, struct slice host) {
    if (!events_topic(a, org_id) || host.len >= 256) return;
    lock_take(&a->lock);
    for (struct org_topic *t = a->topics; t; t = t->next)
        if (t->org_id == org_id) {
            memcpy(t->host, host.ptr, host.len);
            t->host[host.len] = '\0';
        }
    lock_give(&a->lock);
}

static void events_run(void *arg) {
    struct api *a = arg;
    for (bool is_end = false; !is_end;) {
        struct inbox_item *item = inbox_wait(&a->news, -1);
        while (item) {
            struct news *news = (struct news *)item;
            item = item->next;
            if (news->kind == NEWS_END) {
                is_end = true;
                continue;
            }
            if (!is_end && news->kind == NEWS_JOB) news_tell(a, &news->change);
            if (!is_end && news->kind == NEWS_CHANNEL) channel_tell(a, news);
            mem_free(news);
        }
    }
}

void api_on_job_change(void *api_at, const struct job_change *change) {
    struct api *a = *(struct api **)api_at;
    struct news *news = a ? mem_zalloc(sizeof *news) : NULL; /* before the API stands, nobody listens */
    if (!news) return;
    news->kind = NEWS_JOB;
    news->change = *change;
    inbox_push(&a->news, &news->item);
}

void api_on_channel_change(void *api_at, int64_t org_id, const struct public_id *title) {
    struct api *a = *(struct api **)api_at;
    struct news *news = a ? mem_zalloc(sizeof *news) : NULL;
    if (!news) return;
    news->kind = NEWS_CHANNEL;
    news->org_id = org_id;
    news->channel = *title;
    inbox_push(&a->news, &news->item);
}

struct err events_open(struct api *a) {
    struct err e = inbox_open(&a->news);
    return e.kind ? e : thread_start(&a->events, "api-events", events_run, a);
}

void events_close(struct api *a) {
    if (a->events) {
        a->end.kind = NEWS_END;
        inbox_push(&a->news, &a->end.item);
        thread_join(&a->events);
    }
    if (a->news.event_fd >= 0) {
        for (struct inbox_item *item = inbox_take_all(&a->news), *next; item; item = next) {
            next = item->next;
            mem_free(item);
        }
        inbox_close(&a->news);
    }
    for (struct org_topic *t = a->topics, *next; t; t = next) {
        next = t->next;
        http_topic_destroy(&t->topic);
        mem_free(t);
    }
    a->topics = NULL;
}
