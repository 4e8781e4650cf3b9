/* SPDX-License-Identifier: AGPL-3.0-or-later */
#define SRT_API_PLAIN
#include "media/srt/srt_api.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <syslog.h>

#include "media/srt/srt.h"

struct srt_api srt_api;

static struct err load_error;

static void load(void) {
    void *library = dlopen("libsrt-gnutls.so.1.5", RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    bool is_whole = library != NULL;
#define SRT_FUNCTION(name) is_whole = is_whole && (srt_api.name##_ = (__typeof__(name) *)dlsym(library, #name)) != NULL;
#include "media/srt/srt_api.tbl.h"
#undef SRT_FUNCTION
    if (!is_whole)
        load_error = err_make(ERR_BUSY, "srt.missing", "libsrt is not there in the version this was built with. Install Debian's libsrt1.5-gnutls.");
}

static struct err load_once(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, load);
    return load_error;
}

struct err srt_library_version(char out[16]) {
    struct err e = load_once();
    if (e.kind) return e;
    uint32_t version = srt_api.srt_getversion_();
    snprintf(out, 16, "%u.%u.%u", version >> 16 & 255, version >> 8 & 255, version & 255);
    return ERR_OK;
}

struct err srt_api_acquire(void) {
    struct err e = load_once();
    if (e.kind) return e;
    if (srt_api.srt_startup_() < 0) return err_make(ERR_IO, "srt.listen", "libsrt could not be started.");
    srt_api.srt_setloglevel_(LOG_CRIT); /* it prints to standard error, and stream ids are part of what it prints */
    return ERR_OK;
}

void srt_api_release(void) { srt_api.srt_cleanup_(); }
