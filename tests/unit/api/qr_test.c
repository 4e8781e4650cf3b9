/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The drawing is read back into modules and compared with what the library says; that those are a QR code is the library's affair. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <qrencode.h>

#include "api/qr.h"

enum { SIDE_MAX = 200, QUIET = 4 };

/* The second path's runs "Mx yhNv1h-Nz" as modules; returns the side. */
static int read_back(struct slice svg, uint8_t modules[SIDE_MAX][SIDE_MAX]) {
    memset(modules, 0, SIDE_MAX * SIDE_MAX);
    int side = 0, height = 0;
    size_t view = slice_find(svg, SLICE("viewBox=\"0 0 ")), path = slice_find(svg, SLICE("z\"/><path d=\""));
    assert_true(view != SLICE_NPOS && path != SLICE_NPOS);
    assert_int_equal(sscanf(svg.ptr + view, "viewBox=\"0 0 %d %d\"", &side, &height), 2);
    assert_true(side == height && side <= SIDE_MAX);
    const char *at = svg.ptr + path + strlen("z\"/><path d=\"");
    while (*at == 'M') {
        int x, y, run, back, used = 0;
        assert_int_equal(sscanf(at, "M%d %dh%dv1h-%dz%n", &x, &y, &run, &back, &used), 4);
        assert_true(used > 0 && run == back && run > 0 && x + run <= side && y < side);
        for (int i = 0; i < run; i++) assert_int_equal(modules[y][x + i]++, 0); /* none twice */
        at += used;
    }
    assert_true(slice_eq(slice_of(at, (size_t)(svg.ptr + svg.len - at)), SLICE("\"/></svg>")));
    return side;
}

static void the_drawing_is_the_code(void **state) {
    (void)state;
    static uint8_t modules[SIDE_MAX][SIDE_MAX];
    static const char *const texts[] = {"x", "otpauth://totp/Grandstand:erika%40example.org?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Grandstand",
                                        "ภาษาไทย 中文 äöü"};
    for (size_t t = 0; t < ARRAY_LEN(texts); t++) {
        struct buf svg = BUF(1 << 20);
        struct err e = qr_svg(&svg, slice_cstr(texts[t]));
        assert_int_equal(e.kind, ERR_NONE);
        buf_u8(&svg, 0); /* for sscanf */
        int side = read_back(slice_sub(buf_slice(&svg), 0, svg.len - 1), modules);
        QRcode *code = QRcode_encodeData((int)strlen(texts[t]), (const unsigned char *)texts[t], 0, QR_ECLEVEL_M);
        assert_non_null(code);
        assert_int_equal(side, code->width + 2 * QUIET);
        for (int y = 0; y < side; y++)
            for (int x = 0; x < side; x++) {
                int cx = x - QUIET, cy = y - QUIET;
                bool is_inside = cx >= 0 && cy >= 0 && cx < code->width && cy < code->width;
                assert_int_equal(modules[y][x], is_inside ? code->data[cy * code->width + cx] & 1 : 0);
            }
        QRcode_free(code);
        buf_free(&svg);
    }
}

static void what_does_not_fit_is_refused(void **state) {
    (void)state;
    char text[1001];
    memset(text, 'x', sizeof text);
    struct buf svg = BUF(1 << 20);
    assert_string_equal(qr_svg(&svg, slice_of(text, sizeof text)).code, "qr.text");
    assert_string_equal(qr_svg(&svg, SLICE("")).code, "qr.text");
    assert_string_equal(qr_svg(&svg, SLICE("a\0b")).code, "qr.text");
    assert_int_equal(svg.len, 0);
    assert_int_equal(qr_svg(&svg, slice_of(text, 1000)).kind, ERR_NONE);
    struct buf small = BUF(50);
    assert_int_equal(qr_svg(&small, SLICE("x")).kind, ERR_LIMIT);
    buf_free(&small);
    buf_free(&svg);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_drawing_is_the_code),
        cmocka_unit_test(what_does_not_fit_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
