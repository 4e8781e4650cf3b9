/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * qr.h: a text as a QR code (ISO/IEC 18004), drawn as SVG. Within api only. */
#ifndef API_QR_H
#define API_QR_H

#include "base/buf.h"

/* Up to some 1,000 bytes. Dark on light with the quiet zone of four modules, whatever the page's colours are; it scales. Errors: ERR_INPUT qr.text
 * (too long, or has a zero byte), memory. */
MUST_USE struct err qr_svg(struct buf *out, struct slice text);

#endif
