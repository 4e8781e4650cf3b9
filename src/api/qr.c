/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "api/qr.h"

#include <errno.h>
#include <qrencode.h>


enum { TEXT_BYTES_MAX = 1000, QUIET = 4, DARK = 1 };

/* One path, a run of dark modules after the other: a quarter of the size of a rectangle each. */
static void draw(struct buf *out, const QRcode *code) {
    int side = code->width + 2 * QUIET;
    buf_printf(out, "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" shape-rendering=\"crispEdges\"><path fill=\"#fff\" d=\"M0 0h%dv%dH0z\"/><path d=\"", side, side, side, side);
    for (int y = 0; y < code->width; y++)
        for (int x = 0; x < code->width;) {
            int from = x;
            while (x < code->width && code->data[y * code->width + x] & DARK) x++;
            if (x > from) buf_printf(out, "M%d %dh%dv1h-%dz", from + QUIET, y + QUIET, x - from, x - from);
            else x++;
        }
    buf_cstr(out, "\"/></svg>");
}

struct err qr_svg(struct buf *out, struct slice text) {
    if (!text.len || text.len > TEXT_BYTES_MAX || slice_find_byte(text, 0) != SLICE_NPOS)
        return err_make(ERR_INPUT, "qr.text", "A QR code holds up to a thousand bytes of text.");
    QRcode *code = QRcode_encodeData((int)text.len, (const unsigned char *)text.ptr, 0, QR_ECLEVEL_M);
    if (!code) return errno == ENOMEM ? err_memory() : err_make(ERR_INPUT, "qr.text", "This text does not fit into a QR code.");
    draw(out, code);
    QRcode_free(code);
    return buf_error(out);
}
