/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * notify.h: tells systemd how the service is (sd_notify(3): a datagram to the socket in NOTIFY_SOCKET). Without one,
 * nothing happens. */
#ifndef APP_NOTIFY_H
#define APP_NOTIFY_H

/* "READY=1", "STOPPING=1", "RELOADING=1". Never fails: the service runs whether or not anybody listens. */
void notify_systemd(const char *state);

#endif
