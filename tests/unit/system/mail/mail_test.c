/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The outbox on both databases, and the way out of it to an SMTP server of our own on loopback, which says what the test wants it to say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/thread.h"
#include "store.h"
#include "system/mail/mail.h"
#include "system/mail/room.h"

static const struct db_schema *const schemas[] = {&mail_schema};

/* --- a server --- */

enum { LETTER_BYTES_MAX = 64 * 1024 };
struct smtp_double {
    int fd;
    unsigned port;
    struct thread *thread;
    struct lock lock;
    struct condition changed;
    /* under the lock */
    const char *rcpt_answer, *data_answer; /* NULL: yes */
    bool hangs_up, must_stop;
    int connections, received;
    char from[300], to[300], letter[LETTER_BYTES_MAX];
};

static bool line_read(FILE *in, char *line, size_t size) {
    if (!fgets(line, (int)size, in)) return false;
    line[strcspn(line, "\r\n")] = 0;
    return true;
}

static void talk(struct smtp_double *s, FILE *in, FILE *out) {
    static const char yes[] = "250 fine\r\n";
    char line[4096];
    fputs("220 double ESMTP\r\n", out), fflush(out);
    while (line_read(in, line, sizeof line)) {
        lock_take(&s->lock);
        const char *rcpt = s->rcpt_answer, *data = s->data_answer;
        lock_give(&s->lock);
        if (!strncmp(line, "EHLO", 4)) fputs("250-double\r\n250 SMTPUTF8\r\n", out);
        else if (!strncmp(line, "MAIL FROM:", 10)) snprintf(s->from, sizeof s->from, "%s", line + 10), fputs(yes, out);
        else if (!strncmp(line, "RCPT TO:", 8)) snprintf(s->to, sizeof s->to, "%s", line + 8), fputs(rcpt ? rcpt : yes, out);
        else if (!strcmp(line, "DATA")) {
            fputs("354 go on\r\n", out), fflush(out);
            size_t len = 0;
            char raw[4096];
            while (fgets(raw, sizeof raw, in) && strcmp(raw, ".\r\n")) {
                const char *text = raw[0] == '.' ? raw + 1 : raw;
                len += (size_t)snprintf(s->letter + len, sizeof s->letter - len, "%s", text);
            }
            lock_take(&s->lock);
            if (!data) s->received++;
            condition_wake_all(&s->changed);
            lock_give(&s->lock);
            fputs(data ? data : yes, out);
        } else if (!strcmp(line, "QUIT")) {
            fputs("221 bye\r\n", out), fflush(out);
            return;
        } else fputs("502 no\r\n", out);
        fflush(out);
    }
}

static void server_run(void *arg) {
    struct smtp_double *s = arg;
    for (;;) {
        int fd = accept(s->fd, NULL, NULL);
        lock_take(&s->lock);
        bool ends = s->must_stop || fd < 0, hangs_up = s->hangs_up;
        s->connections++;
        lock_give(&s->lock);
        if (ends) {
            if (fd >= 0) close(fd);
            return;
        }
        FILE *in = fdopen(fd, "r"), *out = fdopen(dup(fd), "w");
        if (!hangs_up) talk(s, in, out);
        fclose(in);
        fclose(out);
    }
}

static struct smtp_double *server_begin(void) {
    struct smtp_double *s = calloc(1, sizeof *s);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(s->fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(s->fd, 8), 0);
    assert_int_equal(getsockname(s->fd, (struct sockaddr *)&at, &len), 0);
    s->port = ntohs(at.sin_port);
    lock_init(&s->lock, LOCK_test_outer);
    condition_init(&s->changed);
    assert_ok(thread_start(&s->thread, "smtp-double", server_run, s));
    return s;
}
static void server_end(struct smtp_double *s) {
    lock_take(&s->lock);
    s->must_stop = true;
    lock_give(&s->lock);
    shutdown(s->fd, SHUT_RDWR);
    thread_join(&s->thread);
    close(s->fd);
    condition_destroy(&s->changed);
    lock_destroy(&s->lock);
    free(s);
}

/* --- an outbox --- */

struct fixture {
    struct db *db;
    struct clock *clock;
    struct id_maker *ids;
    struct keys *keys;
    struct mail *mail;
    struct arena *arena;
};
static struct fixture begin(void **state, const char *smtp) {
    struct test_store *store = test_store_of(state);
    struct fixture f = {.db = test_store_open(store, schemas, 1), .clock = clock_manual_create(utc_from_seconds(1800000000)), .arena = arena_create(16 << 20)};
    char path[128];
    f.ids = id_maker_create(f.clock, 0);
    snprintf(path, sizeof path, "%s/keys", store->folder);
    assert_ok(keys_open(&f.keys, path));
    assert_ok(mail_open(&f.mail, &(struct mail_options){.db = f.db, .clock = f.clock, .ids = f.ids, .keys = f.keys, .smtp = smtp, .from = "Grandstand Fernsehen <tv@example.org>"}));
    return f;
}
static void end(struct fixture *f) {
    mail_close(&f->mail);
    keys_close(&f->keys);
    id_maker_destroy(&f->ids);
    clock_manual_destroy(&f->clock);
    db_close(&f->db);
    arena_destroy(&f->arena);
}

struct add_work {
    struct mail *mail;
    struct mail_new mail_new;
};
static struct err add_fn(struct db_tx *tx, void *arg) {
    struct add_work *w = arg;
    return mail_add(w->mail, tx, &w->mail_new);
}
static struct err add(struct fixture *f, struct slice to, struct slice subject, struct slice text) {
    struct add_work w = {f->mail, {.org_id = 1, .about_id = 77, .to = to, .subject = subject, .text = text}};
    struct err e = db_write(f->db, add_fn, &w);
    mail_wake(f->mail);
    return e;
}
static struct mail_item newest(struct fixture *f) {
    struct mail_list list;
    assert_ok(mail_list(f->mail, f->arena, 1, 0, 10, &list));
    assert_true(list.count > 0);
    return list.items[0];
}
/* The sender has looked, and done this many in all. */
static void wait_for(struct fixture *f, uint64_t sent, uint64_t failed, uint64_t retried) {
    for (;;) { /* an end by the test's own time limit */
        struct mail_stats s = mail_stats(f->mail);
        if (s.sent >= sent && s.failed >= failed && s.retried >= retried) return;
        mail_wake(f->mail);
        usleep(1000);
    }
}

static void without_a_server_letters_are_kept(void **state) {
    struct fixture f = begin(state, NULL);
    assert_false(mail_leaves(f.mail));
    assert_ok(mail_start(f.mail));
    assert_ok(add(&f, SLICE("anna@example.org"), SLICE("Grüße"), SLICE("Hallo Anna,\n\nschön!\n")));
    struct mail_item item = newest(&f);
    assert_true(slice_eq(item.to, SLICE("anna@example.org")) && slice_eq(item.subject, SLICE("Grüße")) && slice_eq(item.text, SLICE("Hallo Anna,\n\nschön!\n")));
    assert_int_equal(item.state, MAIL_KEPT);
    assert_int_equal(item.about_id, 77);
    struct mail_list list;
    assert_ok(mail_list(f.mail, f.arena, 2, 0, 10, &list)); /* of another organisation */
    assert_int_equal(list.count, 0);
    for (int i = 0; i < 5; i++) assert_ok(add(&f, SLICE("ben@example.org"), SLICE("s"), SLICE("t")));
    assert_ok(mail_list(f.mail, f.arena, 1, 0, 4, &list));
    assert_int_equal(list.count, 4);
    assert_ok(mail_list(f.mail, f.arena, 1, list.items[3].id, 4, &list));
    assert_int_equal(list.count, 2);
    assert_ok(mail_about(f.mail, f.arena, 1, 77, &list));
    assert_int_equal(list.count, 6);
    clock_manual_advance(f.clock, (int64_t)(MAIL_KEPT_S + 1) * NS_PER_S);
    assert_ok(mail_tick(f.mail));
    assert_ok(mail_list(f.mail, f.arena, 1, 0, 10, &list));
    assert_int_equal(list.count, 0);
    end(&f);
}

static struct err fail_fn(struct db_tx *tx, void *arg) {
    struct err e = add_fn(tx, arg);
    return e.kind ? e : err_make(ERR_CONFLICT, "test.no", "No.");
}
static struct err forget_fn(struct db_tx *tx, void *arg) { return mail_forget(arg, tx, 1, 77); }

static void a_letter_stands_and_falls_with_its_transaction(void **state) {
    struct fixture f = begin(state, NULL);
    struct add_work w = {f.mail, {.org_id = 1, .about_id = 77, .to = SLICE("a@b.org"), .subject = SLICE("s"), .text = SLICE("t")}};
    struct mail_list list;
    assert_error(db_write(f.db, fail_fn, &w), "test.no");
    assert_ok(mail_list(f.mail, f.arena, 1, 0, 10, &list));
    assert_int_equal(list.count, 0);
    assert_ok(db_write(f.db, add_fn, &w));
    assert_ok(db_write(f.db, forget_fn, f.mail));
    assert_ok(mail_list(f.mail, f.arena, 1, 0, 10, &list));
    assert_int_equal(list.count, 0);
    end(&f);
}

static void nothing_can_be_smuggled_into_headers(void **state) {
    struct fixture f = begin(state, NULL);
    assert_error(add(&f, SLICE("a@b.org\r\nBcc: x@y.org"), SLICE("s"), SLICE("t")), "mail.to");
    assert_error(add(&f, SLICE("A@b.org"), SLICE("s"), SLICE("t")), "mail.to"); /* not as mail_address gives it */
    assert_error(add(&f, SLICE("a@b.org>\n<x@y.org"), SLICE("s"), SLICE("t")), "mail.to");
    assert_error(add(&f, SLICE("a@b.org"), SLICE("s\r\nBcc: x@y.org"), SLICE("t")), "mail.subject");
    assert_error(add(&f, SLICE("a@b.org"), SLICE("s\nx"), SLICE("t")), "mail.subject");
    assert_error(add(&f, SLICE("a@b.org"), SLICE("\xff"), SLICE("t")), "mail.subject");
    assert_error(add(&f, SLICE("a@b.org"), SLICE(""), SLICE("t")), "mail.subject");
    assert_error(add(&f, SLICE("a@b.org"), SLICE("s"), SLICE("a\rb")), "mail.text");
    assert_error(add(&f, SLICE("a@b.org"), SLICE("s"), SLICE("a\0b")), "mail.text");
    assert_error(add(&f, SLICE("a@b.org"), SLICE("s"), SLICE("\xff")), "mail.text");
    end(&f);
}

static void addresses_as_people_have_them(void **state) {
    const char *good[] = {"a@b.org", "Anna.Maria+tv@mail.example.co.uk", "o'brien@example.org", "x@localhost", "用户@例子.中国", "a@xn--fsqu00a.xn--fiqs8s", " a@b.org "};
    const char *bad[] = {"", "@", "a@", "@b.org", "a@b", "a b@c.org", "a@b..org", ".a@b.org", "a.@b.org", "a@@b.org", "a@b@c.org", "a@[127.0.0.1]", "a@127.0.0.1", "\"a b\"@c.org", "a@-b.org",
                         "a@b-.org", "a@b.org\n", "a@b\n.org", "a@b.org,c@d.org", "<a@b.org>", "a@b.org\xe2\x80\xae", "a\xe2\x80\x8b@b.org", "a@b_c.org", "a(x)@b.org"};
    char out[MAIL_ADDRESS_MAX + 1];
    size_t len;
    for (size_t i = 0; i < ARRAY_LEN(good); i++) assert_true(mail_address(slice_cstr(good[i]), out, &len));
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        if (mail_address(slice_cstr(bad[i]), out, &len) && strcmp(bad[i], "a@b.org\n")) fail_msg("%s", bad[i]); /* a line's end at the end is trimmed */
    char large[300];
    memset(large, 'a', sizeof large);
    memcpy(large + 64, "@b.org", 6);
    assert_true(mail_address(slice_of(large, 70), out, &len));
    memcpy(large + 64, "a@b.org", 7);
    assert_false(mail_address(slice_of(large, 71), out, &len)); /* 65 before the @ */
    assert_true(mail_address(SLICE("ANNA@Example.ORG"), out, &len) && !strcmp(out, "anna@example.org"));
}

static void a_letter_on_the_wire(void **state) {
    struct buf out = BUF(MESSAGE_BYTES_MAX);
    struct message m = {.from_name = SLICE("Grandstand"), .from = SLICE("tv@example.org"), .to = SLICE("anna@example.org"), .subject = SLICE("Hello"), .text = SLICE("One\n.\nTwo\n"),
                        .public_id = SLICE("7zr3v9k2m8qd41xh"), .at = utc_from_seconds(1800000000)};
    message_write(&m, &out);
    assert_true(slice_eq(buf_slice(&out), SLICE("Date: Fri, 15 Jan 2027 08:00:00 +0000\r\nFrom: Grandstand <tv@example.org>\r\nTo: anna@example.org\r\nSubject: Hello\r\n"
                                                "Message-ID: <7zr3v9k2m8qd41xh@example.org>\r\nAuto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n"
                                                "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 7bit\r\n\r\nOne\r\n.\r\nTwo\r\n\r\n")));
    buf_clear(&out);
    m.from_name = SLICE("Fernsehen, \"München\"");
    m.subject = SLICE("ยืนยันอีเมลของคุณเพื่อเริ่มรับชมการถ่ายทอดสด 确认您的邮箱");
    m.text = SLICE("สวัสดี\nลิงก์: https://example.org/confirm#code=abc\n");
    message_write(&m, &out);
    struct slice rest = buf_slice(&out), line;
    while (slice_next(&rest, '\n', &line)) { /* all of it is ASCII, in short lines */
        assert_true(line.len <= 90);
        for (size_t i = 0; i < line.len; i++) assert_true((unsigned char)line.ptr[i] < 0x80);
    }
    assert_true(slice_find(buf_slice(&out), SLICE("From: =?UTF-8?B?RmVybnNlaGVuLCAiTcO8bmNoZW4i?= <tv@example.org>\r\n")) != SLICE_NPOS);
    assert_true(slice_find(buf_slice(&out), SLICE("Subject: =?UTF-8?B?4Lii4Li34LiZ4Lii4Lix4LiZ4Lit4Li14LmA4Lih4Lil4LiC4Lit4LiH?=\r\n =?UTF-8?B?")) != SLICE_NPOS);
    assert_true(slice_find(buf_slice(&out), SLICE("base64\r\n\r\n4Liq4Lin4Lix4Liq4LiU4Li1DQ")) != SLICE_NPOS);
    buf_free(&out);
}

static void letters_leave(void **state) {
    struct smtp_double *server = server_begin();
    char url[64];
    snprintf(url, sizeof url, "smtp://127.0.0.1:%u", server->port);
    struct fixture f = begin(state, url);
    assert_true(mail_leaves(f.mail));
    assert_ok(mail_start(f.mail));
    assert_ok(add(&f, SLICE("anna@example.org"), SLICE("Hello"), SLICE("A line.\n.\n..and dots\n")));
    wait_for(&f, 1, 0, 0);
    struct mail_item item = newest(&f);
    assert_int_equal(item.state, MAIL_SENT);
    assert_int_equal(item.text.len, 0); /* it may have held a code */
    assert_true(slice_eq(item.subject, SLICE("Hello")));
    assert_int_equal(utc_seconds(item.sent_at), 1800000000);
    assert_int_equal(server->received, 1);
    assert_true(strstr(server->from, "<tv@example.org>") && strstr(server->to, "<anna@example.org>"));
    assert_true(strstr(server->letter, "\r\n\r\nA line.\r\n.\r\n..and dots\r\n"));

    /* refused for good */
    lock_take(&server->lock);
    server->rcpt_answer = "550 5.1.1 no such mailbox\r\n";
    lock_give(&server->lock);
    assert_ok(add(&f, SLICE("nobody@example.org"), SLICE("Hello"), SLICE("x")));
    wait_for(&f, 1, 1, 0);
    item = newest(&f);
    assert_int_equal(item.state, MAIL_FAILED);
    assert_true(slice_find(item.trouble, SLICE("no such mailbox")) != SLICE_NPOS);

    /* not now, then a hang-up, then a full disk over there, then yes: with growing pauses, and never before its time */
    lock_take(&server->lock);
    server->rcpt_answer = "451 4.7.1 come back later\r\n";
    lock_give(&server->lock);
    assert_ok(add(&f, SLICE("ben@example.org"), SLICE("Hello"), SLICE("x")));
    wait_for(&f, 1, 1, 1);
    item = newest(&f);
    assert_true(item.state == MAIL_WAITING && item.attempts == 1 && slice_find(item.trouble, SLICE("come back later")) != SLICE_NPOS);
    clock_manual_advance(f.clock, 29 * NS_PER_S);
    mail_wake(f.mail);
    assert_int_equal(newest(&f).attempts, 1);
    lock_take(&server->lock);
    server->rcpt_answer = NULL;
    server->hangs_up = true;
    lock_give(&server->lock);
    clock_manual_advance(f.clock, NS_PER_S);
    wait_for(&f, 1, 1, 2);
    lock_take(&server->lock);
    server->hangs_up = false;
    server->data_answer = "452 4.3.1 disk full\r\n";
    lock_give(&server->lock);
    clock_manual_advance(f.clock, 60 * NS_PER_S);
    wait_for(&f, 1, 1, 3);
    lock_take(&server->lock);
    server->data_answer = NULL;
    lock_give(&server->lock);
    clock_manual_advance(f.clock, 120 * NS_PER_S);
    wait_for(&f, 2, 1, 3);
    assert_int_equal(newest(&f).state, MAIL_SENT);

    /* nobody answers for three days */
    lock_take(&server->lock);
    server->rcpt_answer = "451 no\r\n";
    lock_give(&server->lock);
    assert_ok(add(&f, SLICE("ben@example.org"), SLICE("Hello"), SLICE("x")));
    wait_for(&f, 2, 1, 4);
    clock_manual_advance(f.clock, (int64_t)MAIL_TRIED_S * NS_PER_S);
    wait_for(&f, 2, 2, 4);
    assert_int_equal(newest(&f).state, MAIL_FAILED);

    /* the clock goes back: what waits does not wait for the old time */
    lock_take(&server->lock);
    server->rcpt_answer = "451 no\r\n";
    lock_give(&server->lock);
    assert_ok(add(&f, SLICE("ben@example.org"), SLICE("Hello"), SLICE("x")));
    wait_for(&f, 2, 2, 5);
    lock_take(&server->lock);
    server->rcpt_answer = NULL;
    lock_give(&server->lock);
    clock_manual_set_utc(f.clock, utc_from_seconds(1700000000));
    wait_for(&f, 3, 2, 5);
    end(&f);
    server_end(server);
}

static void what_is_wrong_with_a_server_is_said(void **state) {
    struct fixture f = begin(state, NULL);
    struct mail *mail;
    const char *urls[] = {"", "http://x", "smtp://", "smtp://a b", "smtp://user:secret@host", "imap://host", "smtp://host\r\n"};
    struct mail_options o = {.db = f.db, .clock = f.clock, .ids = f.ids, .keys = f.keys, .from = "tv@example.org"};
    for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
        o.smtp = urls[i];
        assert_error(mail_open(&mail, &o), "mail.smtp");
    }
    o.smtp = "smtp://localhost:25";
    const char *froms[] = {NULL, "", "tv", "tv@", "TV <tv@example.org", "T\nV <tv@example.org>", "tv@example.org\r\nBcc: x@y.org"};
    for (size_t i = 0; i < ARRAY_LEN(froms); i++) {
        o.from = froms[i];
        assert_error(mail_open(&mail, &o), "mail.from");
    }
    end(&f);
}

/* To another machine never in the clear: here the server offers no TLS, and no letter is shown to it. */
static void no_letter_goes_out_in_the_clear(void **state) {
    struct smtp_double *server = server_begin();
    char url[64], trouble[200];
    struct smtp *smtp;
    snprintf(url, sizeof url, "smtp://0.0.0.0:%u", server->port); /* reaches this machine, and does not look like it */
    assert_ok(smtp_open(&smtp, url, NULL, NULL, NULL));
    assert_int_equal(smtp_send(smtp, SLICE("a@b.org"), SLICE("c@d.org"), SLICE("x\r\n"), trouble), SMTP_LATER);
    assert_int_equal(server->received, 0);
    assert_int_equal(server->from[0], 0);
    smtp_close(&smtp);
    snprintf(url, sizeof url, "smtp://0.0.0.0:%u?plain", server->port); /* unless the operator says so */
    assert_ok(smtp_open(&smtp, url, NULL, NULL, NULL));
    assert_int_equal(smtp_send(smtp, SLICE("a@b.org"), SLICE("c@d.org"), SLICE("x\r\n"), trouble), SMTP_SENT);
    smtp_close(&smtp);
    server_end(server);
}

static void each_allocation_may_fail(void **state) {
    struct fixture f = begin(state, NULL);
    struct mail_list list;
    size_t stored = 0;
    for (uint64_t n = 1;; n++) {
        fault_arm(FAULT_ALLOC, n, false);
        struct err e = add(&f, SLICE("anna@example.org"), SLICE("s"), SLICE("t"));
        bool has_fired = fault_fired(FAULT_ALLOC);
        fault_disarm_all();
        stored += e.kind == ERR_NONE;
        assert_ok(mail_list(f.mail, f.arena, 1, 0, 200, &list));
        assert_int_equal(list.count, stored);
        if (!has_fired) break;
    }
    end(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        ON_BOTH(without_a_server_letters_are_kept), ON_BOTH(a_letter_stands_and_falls_with_its_transaction), ON_SQLITE(nothing_can_be_smuggled_into_headers),
        cmocka_unit_test(addresses_as_people_have_them), cmocka_unit_test(a_letter_on_the_wire), ON_BOTH(letters_leave), ON_SQLITE(what_is_wrong_with_a_server_is_said),
        cmocka_unit_test(no_letter_goes_out_in_the_clear), ON_SQLITE(each_allocation_may_fail),
    };
    return cmocka_run_group_tests_name("mail", tests, NULL, NULL);
}
