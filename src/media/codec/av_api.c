/* SPDX-License-Identifier: AGPL-3.0-or-later */
#define CODEC_AV_API_PLAIN
#include "media/codec/av_api.h"

#include <dlfcn.h>
#include <pthread.h>

struct av_api av_api;

#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)
/* The version that the headers were of: another one has other structs. */
#define FILE_OF(name, version) "lib" #name ".so." TEXT(version)

static struct err load_error;

static void load(void) {
    static const struct err MISSING = {.kind = ERR_BUG, .code = "codec.missing",
                                       .what = "FFmpeg's libraries are not there in the version this was built with. Install Debian's, or build again."};
    const int how = RTLD_LAZY | RTLD_GLOBAL;
    void *avutil = dlopen(FILE_OF(avutil, LIBAVUTIL_VERSION_MAJOR), how), *swresample = dlopen(FILE_OF(swresample, LIBSWRESAMPLE_VERSION_MAJOR), how),
         *avcodec = dlopen(FILE_OF(avcodec, LIBAVCODEC_VERSION_MAJOR), how), *avformat = dlopen(FILE_OF(avformat, LIBAVFORMAT_VERSION_MAJOR), how),
         *swscale = dlopen(FILE_OF(swscale, LIBSWSCALE_VERSION_MAJOR), how), *avfilter = dlopen(FILE_OF(avfilter, LIBAVFILTER_VERSION_MAJOR), how);
    if (!avutil || !swresample || !avcodec || !avformat || !swscale || !avfilter) {
        load_error = MISSING;
        return;
    }
#define AV_FUNCTION(library, name) \
    if (!(av_api.name##_ = (__typeof__(name) *)dlsym(library, #name))) load_error = MISSING;
#include "media/codec/av_api.tbl.h"
#undef AV_FUNCTION
}

struct err av_load(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, load);
    return load_error;
}
