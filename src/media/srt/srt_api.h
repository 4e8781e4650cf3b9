/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * srt_api.h: libsrt, loaded when somebody first listens: it brings GnuTLS and the C++ runtime along, which a server without SRT and the children
 * need not carry. The GnuTLS flavour, since Debian's libavformat loads that one, and two flavours in one process would share symbols.
 * libsrt and its threads run once for the process, until the last listener is gone. */
#ifndef SRT_SRT_API_H
#define SRT_SRT_API_H

/* libsrt brings syslog.h along, which has macros of the names that base/log.h uses. */
#pragma push_macro("LOG_ERR")
#undef LOG_ERR
#include <srt/access_control.h>
#include <srt/srt.h>
#undef LOG_DEBUG
#undef LOG_INFO
#pragma pop_macro("LOG_ERR")

#include "base/err.h"

struct srt_api {
#define SRT_FUNCTION(name) __typeof__(name) *name##_;
#include "media/srt/srt_api.tbl.h"
#undef SRT_FUNCTION
};
extern struct srt_api srt_api;

/* Each acquire has its release. Any thread. Errors: ERR_BUSY "srt.missing", ERR_IO "srt.listen". */
MUST_USE struct err srt_api_acquire(void);
void srt_api_release(void);

#ifndef SRT_API_PLAIN
#define srt_accept srt_api.srt_accept_
#define srt_bind srt_api.srt_bind_
#define srt_bistats srt_api.srt_bistats_
#define srt_cleanup srt_api.srt_cleanup_
#define srt_close srt_api.srt_close_
#define srt_create_socket srt_api.srt_create_socket_
#define srt_epoll_add_usock srt_api.srt_epoll_add_usock_
#define srt_epoll_create srt_api.srt_epoll_create_
#define srt_epoll_release srt_api.srt_epoll_release_
#define srt_epoll_uwait srt_api.srt_epoll_uwait_
#define srt_getlasterror srt_api.srt_getlasterror_
#define srt_getpeername srt_api.srt_getpeername_
#define srt_getsockflag srt_api.srt_getsockflag_
#define srt_getsockname srt_api.srt_getsockname_
#define srt_getversion srt_api.srt_getversion_
#define srt_listen srt_api.srt_listen_
#define srt_listen_callback srt_api.srt_listen_callback_
#define srt_msgctrl_init srt_api.srt_msgctrl_init_
#define srt_recvmsg2 srt_api.srt_recvmsg2_
#define srt_setloglevel srt_api.srt_setloglevel_
#define srt_setrejectreason srt_api.srt_setrejectreason_
#define srt_setsockflag srt_api.srt_setsockflag_
#define srt_startup srt_api.srt_startup_
#define srt_time_now srt_api.srt_time_now_
#endif

#endif
