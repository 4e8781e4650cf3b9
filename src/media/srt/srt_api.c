/* SPDX-License-Identifier: AGPL-3.0-or-later */
#define SRT_API_PLAIN
#include "media/srt/srt_api.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>
#include <syslog.h>

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

struct err srt_api_acquire(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, load);
    if (load_error.kind) return load_error;
    if (srt_api.srt_startup_() < 0) return err_make(ERR_IO, "srt.listen", "libsrt could not be started.");
    srt_api.srt_setloglevel_(LOG_CRIT); /* it prints to standard error, and stream ids are part of what it prints */
    return ERR_OK;
}

void srt_api_release(void) { srt_api.srt_cleanup_(); }
