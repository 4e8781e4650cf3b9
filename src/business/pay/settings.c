/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What an operator has set for each provider. All fields of one, secret or not, are one box sealed with the house's key "pay": {"name":"value"}. A secret is written, used, and never shown. */
#include <sodium.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "business/pay/room.h"

enum { VALUE_BYTES_MAX = 8192, CONFIGS_MAX = 3000, FRESH_NS = 2 };

struct config_entry { /* what an organisation has set, as read at some moment */
    struct config_entry *next;
    int64_t org_id;
    struct mono_time read_at;
    struct arena *arena;
    struct provider_config configs[PROVIDERS + 1];
};

const struct provider *provider_at(enum pay_provider which) {
    static const struct provider *const all[] = {NULL, &sandbox_provider, &stripe_provider, &alipay_provider};
    return all[which];
}
const char *pay_provider_id(enum pay_provider which) { return which >= PAY_SANDBOX && which <= PAY_ALIPAY ? provider_at(which)->id : ""; }
bool pay_provider_of(struct slice id, enum pay_provider *out) {
    for (int i = PAY_SANDBOX; i <= PAY_ALIPAY; i++)
        if (slice_eq(id, slice_cstr(provider_at((enum pay_provider)i)->id))) {
            *out = (enum pay_provider)i;
            return true;
        }
    return false;
}

static bool is_ready(const struct provider_config *config) {
    const struct provider *provider = provider_at(config->provider);
    for (size_t i = 0; i < provider->field_count; i++)
        if (provider->fields[i].is_needed && !config->values[i].len) return false;
    return true;
}

static struct slice context_of(struct arena *arena, int64_t org_id, enum pay_provider which) { return arena_printf(arena, "pay.settings:%lld:%d", (long long)org_id, (int)which); }

/* --- reading --- */

static struct err box_read(struct pay *p, struct arena *arena, struct provider_config *config, struct slice box) {
    struct slice context = context_of(arena, config->org_id, config->provider), plain;
    if (!context.ptr) return err_memory();
    struct err e = key_open(&p->key, arena, context, box, &plain);
    json_t *values = NULL;
    if (!e.kind) e = json_parse(plain, 1 << 17, &values);
    if (e.kind) return e;
    const struct provider *provider = provider_at(config->provider);
    for (size_t i = 0; i < provider->field_count; i++) {
        struct slice value = json_get_string(values, provider->fields[i].name);
        if (value.len) config->values[i] = arena_copy(arena, value);
    }
    json_decref(values);
    return arena_overflowed(arena) ? err_memory() : ERR_OK;
}

static struct err configs_read(struct pay *p, struct db_tx *tx, struct arena *arena, int64_t org_id, struct provider_config configs[PROVIDERS + 1]) {
    struct db_rows rows;
    for (int i = PAY_SANDBOX; i <= PAY_ALIPAY; i++) {
        const struct provider *provider = provider_at((enum pay_provider)i);
        configs[i] = (struct provider_config){.org_id = org_id, .provider = (enum pay_provider)i, .is_enabled = i == PAY_SANDBOX, .house_key = p->key.bytes};
        for (size_t f = 0; f < provider->field_count; f++) configs[i].values[f] = SLICE("");
    }
    struct err e = DB_QUERY(tx, arena, &rows, &pay_settings_all, DB_INT("org_id", org_id));
    for (size_t i = 0; !e.kind && i < rows.count; i++) {
        int64_t which = db_int(&rows, i, "provider");
        if (which < PAY_SANDBOX || which > PAY_ALIPAY) continue;
        configs[which].is_enabled = db_int(&rows, i, "is_enabled") != 0;
        e = box_read(p, arena, &configs[which], db_blob(&rows, i, "box"));
    }
    return e;
}

struct read_work {
    struct pay *p;
    struct arena *arena;
    int64_t org_id;
    struct provider_config *configs;
};
static struct err read_fn(struct db_tx *tx, void *arg) {
    struct read_work *w = arg;
    return configs_read(w->p, tx, w->arena, w->org_id, w->configs);
}

static struct slice kept(struct arena *arena, struct slice s) { return s.len ? arena_copy(arena, s) : SLICE(""); }
static struct err config_copy(struct arena *arena, const struct provider_config *from, struct provider_config *out) {
    struct provider_config copy = *from;
    const struct provider *provider = provider_at(from->provider);
    for (size_t i = 0; i < provider->field_count; i++) {
        copy.values[i] = kept(arena, from->values[i]);
        if (!copy.values[i].len && provider->fields[i].fallback) copy.values[i] = slice_cstr(provider->fields[i].fallback);
    }
    if (arena_overflowed(arena)) return err_memory();
    *out = copy;
    return ERR_OK;
}

static void entry_free(struct config_entry *entry) {
    arena_destroy(&entry->arena);
    mem_free(entry);
}

/* Takes it out of memory. Under the lock. */
static void entry_drop(struct pay *p, int64_t org_id) {
    for (struct config_entry **at = &p->configs; *at; at = &(*at)->next)
        if ((*at)->org_id == org_id) {
            struct config_entry *gone = *at;
            *at = gone->next;
            entry_free(gone);
            return;
        }
}

void configs_free(struct pay *p) {
    while (p->configs) entry_drop(p, p->configs->org_id);
}

struct err config_of(struct pay *p, struct db_tx *tx, struct arena *arena, int64_t org_id, enum pay_provider which, struct provider_config *out) {
    struct mono_time now = clock_mono(clock_system());
    bool is_known = false;
    struct err e = ERR_OK;
    lock_take(&p->settings_lock);
    for (struct config_entry *c = p->configs; c; c = c->next)
        if (c->org_id == org_id && mono_diff_ns(now, c->read_at) < FRESH_NS * NS_PER_S) {
            is_known = true;
            e = config_copy(arena, &c->configs[which], out);
            break;
        }
    lock_give(&p->settings_lock);
    if (is_known) return e;
    struct config_entry *entry = mem_zalloc(sizeof *entry);
    if (!entry) return err_memory();
    *entry = (struct config_entry){.org_id = org_id, .read_at = now, .arena = arena_create(1 << 20)};
    struct read_work w = {p, entry->arena, org_id, entry->configs};
    e = !entry->arena ? err_memory() : tx ? read_fn(tx, &w) : db_read(p->o.db, read_fn, &w);
    if (!e.kind) e = config_copy(arena, &entry->configs[which], out);
    if (e.kind) {
        entry_free(entry);
        return e;
    }
    lock_take(&p->settings_lock);
    entry_drop(p, org_id);
    entry->next = p->configs;
    p->configs = entry;
    lock_give(&p->settings_lock);
    return ERR_OK;
}

/* --- showing --- */

static const char *const webhook_paths[] = {"", "/api/v1/pay/webhooks/sandbox", "/api/v1/pay/webhooks/stripe", "/api/v1/pay/webhooks/alipay"};

struct err pay_settings(struct pay *p, struct arena *arena, int64_t org_id, struct pay_settings_list *out) {
    struct pay_settings *items = arena_alloc_array(arena, PROVIDERS, sizeof *items);
    if (!items) return err_memory();
    for (int which = PAY_SANDBOX; which <= PAY_ALIPAY; which++) {
        const struct provider *provider = provider_at((enum pay_provider)which);
        struct provider_config config;
        struct err e = config_of(p, NULL, arena, org_id, (enum pay_provider)which, &config);
        struct pay_field *fields = e.kind ? NULL : arena_alloc_array(arena, provider->field_count + 1, sizeof *fields);
        if (e.kind || !fields) return e.kind ? e : err_memory();
        for (size_t f = 0; f < provider->field_count; f++) {
            const struct provider_field *field = &provider->fields[f];
            fields[f] = (struct pay_field){.name = field->name, .label = field->label, .is_secret = field->is_secret, .is_set = config.values[f].len > 0,
                                           .value = field->is_secret ? SLICE("") : config.values[f]};
        }
        items[which - 1] = (struct pay_settings){.provider = (enum pay_provider)which, .name = provider->name, .is_enabled = config.is_enabled, .is_play_money = provider->is_play_money,
                                                 .is_ready = is_ready(&config), .webhook_path = slice_cstr(webhook_paths[which]), .fields = fields, .field_count = provider->field_count};
    }
    *out = (struct pay_settings_list){items, PROVIDERS};
    return ERR_OK;
}

struct err pay_choices(struct pay *p, int64_t org_id, struct pay_choice_list *out) {
    struct arena *arena = arena_create(1 << 20);
    if (!arena) return err_memory();
    struct pay_choice_list list = {0};
    struct err e = ERR_OK;
    /* What takes real money stands first. */
    for (int which = PAY_ALIPAY + 1; !e.kind && which > PAY_SANDBOX; which--) {
        enum pay_provider one = which == PAY_ALIPAY + 1 ? PAY_STRIPE : which == PAY_ALIPAY ? PAY_ALIPAY : PAY_SANDBOX;
        const struct provider *provider = provider_at(one);
        struct provider_config config;
        e = config_of(p, NULL, arena, org_id, one, &config);
        if (e.kind || !config.is_enabled || !is_ready(&config)) continue;
        list.items[list.count++] = (struct pay_choice){.provider = one, .name = provider->name, .is_redirect = provider->is_redirect, .is_play_money = provider->is_play_money,
                                                       .cards = provider->is_play_money ? sandbox_cards : NULL, .card_count = provider->is_play_money ? sandbox_card_count : 0};
    }
    arena_destroy(&arena);
    if (!e.kind) *out = list;
    return e;
}

/* --- changing --- */

struct change_work {
    struct pay *p;
    struct arena *arena;
    int64_t org_id;
    enum pay_provider which;
    bool is_enabled;
    const struct pay_field_change *changes;
    size_t count;
};

static size_t field_of(const struct provider *provider, struct slice name) {
    for (size_t i = 0; i < provider->field_count; i++)
        if (slice_eq(name, slice_cstr(provider->fields[i].name))) return i;
    return SLICE_NPOS;
}

static struct err change_fn(struct db_tx *tx, void *arg) {
    struct change_work *w = arg;
    const struct provider *provider = provider_at(w->which);
    struct provider_config configs[PROVIDERS + 1];
    struct err e = configs_read(w->p, tx, w->arena, w->org_id, configs);
    if (e.kind) return e;
    struct provider_config *config = &configs[w->which];
    for (size_t i = 0; i < w->count; i++) config->values[field_of(provider, w->changes[i].name)] = slice_trim(w->changes[i].value);
    if (w->is_enabled && !is_ready(config)) return err_make(ERR_INPUT, "pay.incomplete", "Before this way to pay is offered, fill in all that the provider gave you.");
    struct buf text = BUF(1 << 17);
    struct json_writer json = json_writer_of(&text);
    json_begin_object(&json);
    for (size_t f = 0; f < provider->field_count; f++)
        if (config->values[f].len) json_put_string(&json, provider->fields[f].name, config->values[f]);
    json_end(&json);
    struct slice context = context_of(w->arena, w->org_id, w->which), box;
    e = buf_error(&text);
    if (!e.kind && !context.ptr) e = err_memory();
    if (!e.kind) e = key_seal(&w->p->key, w->arena, context, buf_slice(&text), &box);
    if (text.ptr) sodium_memzero(text.ptr, text.len);
    buf_free(&text);
    return e.kind ? e : DB_RUN(tx, &pay_settings_put, DB_INT("org_id", w->org_id), DB_INT("provider", w->which), DB_BOOL("is_enabled", w->is_enabled), DB_BLOB("box", box));
}

struct err pay_settings_change(struct pay *p, int64_t org_id, enum pay_provider which, bool is_enabled, const struct pay_field_change *changes, size_t count) {
    if (which < PAY_SANDBOX || which > PAY_ALIPAY) return err_make(ERR_NOT_FOUND, "pay.provider", "There is no such way to pay.");
    const struct provider *provider = provider_at(which);
    for (size_t i = 0; i < count; i++) {
        size_t f = field_of(provider, changes[i].name);
        struct slice value = slice_trim(changes[i].value);
        if (f == SLICE_NPOS || value.len > VALUE_BYTES_MAX || !utf8_is_valid(value) || slice_find_byte(value, 0) != SLICE_NPOS)
            return err_make(ERR_INPUT, "pay.field", "This provider has no such setting, or it is too long.");
        struct err e = value.len && provider->fields[f].check ? provider->fields[f].check(value) : ERR_OK;
        if (e.kind) return e;
    }
    struct change_work w = {p, arena_create(1 << 20), org_id, which, is_enabled, changes, count};
    if (!w.arena) return err_memory();
    struct err e = db_write(p->o.db, change_fn, &w);
    arena_destroy(&w.arena);
    lock_take(&p->settings_lock);
    entry_drop(p, org_id);
    lock_give(&p->settings_lock);
    return e;
}
