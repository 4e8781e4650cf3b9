/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * `grandstand rights import FILE`: lines from a CSV file, all or none. Faults are told by line and column; if there are none, what the lines contradict, of what stands
 * and of each other, and nothing is saved unless that is accepted. Ends with 0, with 1 where the file has faults, with 5 where it contradicts. */
#include <errno.h>
#include <stdio.h>

#include "app/command_rights.h"

static struct err file_give(void *user, struct buf *out) {
    FILE *file = user;
    enum { STEP = 1 << 20 };
    char *at = buf_reserve(out, STEP);
    if (!at) return err_memory();
    size_t len = fread(at, 1, STEP, file);
    if (ferror(file)) return err_from_errno(errno ? errno : EIO, "rights.read", "The file cannot be read to its end.");
    buf_commit(out, len);
    return ERR_OK;
}

/* --- as JSON --- */

static void put_conflict(struct json_writer *w, const struct rights_shop *s, const struct rights_import_conflict *x) {
    struct buf sentence = BUF(16000);
    rights_conflict_sentence(&sentence, text_languages[0].code, (struct text_zone){0}, &x->conflict, x->other);
    json_begin_object(w);
    json_put_number(w, "line", (int64_t)x->line);
    json_put_number(w, "column", (int64_t)x->column);
    json_put_cstr(w, "kind", rights_conflict_kind_name(x->conflict.kind));
    json_put_string(w, "message", buf_slice(&sentence));
    json_put_cstr(w, "title", rights_title_id(s->view, x->title_id));
    json_put_string(w, "title_name", rights_title_name(s->view, x->title_id));
    json_key(w, "deal");
    if (x->other) json_add_string(w, x->other->deal.reference);
    else json_add_null(w);
    json_key(w, "party");
    if (x->other) json_add_string(w, x->other->deal.party.name);
    else json_add_null(w);
    json_put_cstr(w, "other", x->other && !x->other_line ? x->other->line.public_id.text : NULL);
    json_key(w, "other_line");
    if (x->other_line) json_add_number(w, (int64_t)x->other_line);
    else json_add_null(w);
    rights_put_overlap_json(w, &x->conflict.overlap);
    json_end(w);
    buf_free(&sentence);
}

static void put_report(const struct rights_shop *s, const struct rights_import *job, struct err e) {
    struct buf out = BUF(1 << 30);
    struct json_writer w = json_writer_of(&out);
    json_begin_object(&w);
    if (e.kind) {
        json_key(&w, "error");
        json_begin_object(&w);
        json_put_cstr(&w, "code", e.code);
        json_put_cstr(&w, "message", e.what);
        json_end(&w);
    }
    json_put_number(&w, "lines", (int64_t)job->line_count);
    json_put_number(&w, "deals", (int64_t)job->deal_count);
    json_put_number(&w, "parties", (int64_t)job->party_count);
    json_put_number(&w, "error_count", (int64_t)job->fault_count);
    json_key(&w, "errors");
    json_begin_array(&w);
    for (size_t i = 0; i < job->faults.count; i++) {
        const struct rights_import_fault *f = &job->faults.items[i];
        json_begin_object(&w);
        json_put_number(&w, "line", (int64_t)f->line);
        json_put_number(&w, "column", (int64_t)f->column);
        json_put_cstr(&w, "code", f->fault.code);
        json_put_cstr(&w, "message", f->fault.what);
        json_put_string(&w, "about", f->about);
        json_end(&w);
    }
    json_end(&w);
    json_put_number(&w, "conflict_count", (int64_t)job->conflict_count);
    json_put_number(&w, "conflict_lines", (int64_t)job->conflict_line_count);
    json_put_bool(&w, "has_more_conflicts", job->has_more_conflicts);
    json_key(&w, "conflicts");
    json_begin_array(&w);
    for (size_t i = 0; i < job->conflicts.count; i++) put_conflict(&w, s, &job->conflicts.items[i]);
    json_end(&w);
    json_end(&w);
    rights_print_json(&out);
}

/* --- for people --- */

static void print_conflict(const struct rights_shop *s, const char *path, const struct rights_import_conflict *x) {
    struct buf sentence = BUF(16000);
    rights_conflict_sentence(&sentence, text_languages[0].code, (struct text_zone){0}, &x->conflict, x->other);
    fprintf(stderr, "%s:%llu:%llu: %.*s: %.*s [%s]", path, (unsigned long long)x->line, (unsigned long long)x->column, SLICE_ARG(rights_title_name(s->view, x->title_id)), (int)sentence.len,
            sentence.ptr ? sentence.ptr : "", rights_conflict_kind_name(x->conflict.kind));
    if (x->other_line) fprintf(stderr, " line %llu of this file", (unsigned long long)x->other_line);
    else if (x->other) fprintf(stderr, " line %s", x->other->line.public_id.text);
    fputc('\n', stderr);
    rights_print_overlap(stderr, &x->conflict.overlap);
    buf_free(&sentence);
}

/* "at least 100,020 conflicts of 100,007 lines, the first of which are shown" */
static void print_conflict_count(FILE *out, const struct rights_import *job) {
    if (job->has_more_conflicts) fprintf(out, "at least ");
    rights_print_count(out, job->conflict_count, "conflict of ", "conflicts of ");
    rights_print_count(out, job->conflict_line_count, "line", "lines");
    if (job->conflict_count > job->conflicts.count) fprintf(out, ", the first of which are shown");
}

static void print_report(const struct rights_shop *s, const struct rights_import *job, const char *path, struct err e) {
    for (size_t i = 0; i < job->faults.count; i++) {
        const struct rights_import_fault *f = &job->faults.items[i];
        fprintf(stderr, "%s:%llu:%llu: %s [%s]", path, (unsigned long long)f->line, (unsigned long long)f->column, f->fault.what, f->fault.code);
        if (f->about.len) fprintf(stderr, " \"%.*s\"", SLICE_ARG(f->about));
        fputc('\n', stderr);
    }
    if (job->fault_count) {
        rights_print_count(stderr, job->fault_count, "fault", "faults");
        fprintf(stderr, "%s. Nothing was changed.\n", job->fault_count > job->faults.count ? ", the first of which are shown" : "");
        return;
    }
    for (size_t i = 0; i < job->conflicts.count; i++) print_conflict(s, path, &job->conflicts.items[i]);
    if (e.kind) {
        print_conflict_count(stderr, job);
        fprintf(stderr, ". Nothing was changed: give --accept-conflicts to save it all the same. [%s]\n", e.code);
        return;
    }
    printf("%s", job->is_dry_run ? "would make " : "");
    rights_print_count(stdout, job->line_count, "line, ", "lines, ");
    rights_print_count(stdout, job->deal_count, "new deal, ", "new deals, ");
    rights_print_count(stdout, job->party_count, "new party", "new parties");
    if (job->conflict_count) {
        printf(job->accepts_conflicts ? ", in spite of " : "; would be refused for ");
        print_conflict_count(stdout, job);
    }
    printf("\n");
}

/* --- the whole --- */

int rights_import_run(struct command_context *c, struct rights_shop *s) {
    if (c->argument_count != 2) return command_fail(c, err_make(ERR_INPUT, "option.arguments", "Which file? `grandstand rights import FILE`."), NULL), EXIT_CODE_USAGE;
    FILE *file = NULL;
    const char *reason = option_text(c, "accept-reason");
    bool accepts = option_flag(c, "accept-conflicts");
    if (reason && !accepts) return command_fail(c, err_make(ERR_INPUT, "option.missing", "A reason is given with --accept-conflicts."), NULL), EXIT_CODE_USAGE;
    struct err e = rights_file_open(c->arguments[1], &file);
    struct rights_import job = {.org_id = s->org_id, .status = option_flag(c, "draft") ? RIGHTS_DRAFT : RIGHTS_ACTIVE, .is_dry_run = option_flag(c, "dry-run"),
                                .accepts_conflicts = accepts, .accept_reason = slice_cstr(reason), .read = file_give, .user = file, .faults_max = (size_t)rights_limit(c)};
    if (!e.kind) e = rights_import(s->house->rights, s->arena, &job);
    rights_file_close(&file);
    bool is_faulty = e.kind == ERR_INPUT && job.fault_count, is_conflict = e.kind == ERR_CONFLICT && job.conflict_count;
    if (e.kind && !is_faulty && !is_conflict) return command_fail(c, e, c->arguments[1]);
    if (option_flag(c, "json")) put_report(s, &job, e);
    else print_report(s, &job, c->arguments[1], e);
    if (is_faulty) return EXIT_CODE_FAILED;
    return is_conflict || (job.is_dry_run && job.conflict_count && !accepts) ? EXIT_CODE_CONFLICT : EXIT_CODE_DONE;
}
