/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <math.h>
#include <stdio.h>

#include "human/calibration/calibration.h"
#include "human/calibration/room.h"

/* The words of the dictionary: rows from the top, four bits each, the left one highest; 1 is white. Any two differ in at least four
 * bits, however they are turned. */
const uint16_t marker_words[CALIBRATION_MARKERS] = {
    0xb532, 0x0f9a, 0x332d, 0x9946, 0x549e, 0x79cd, 0x9e2e, 0xc4f2, 0xfeda, 0xcf56,
    0xf991, 0x11a7, 0x0eb7, 0x2a0f, 0x24b1, 0x263e, 0x4665, 0x6600, 0x6c5e, 0x76af,
    0x868b, 0xb02b, 0xccd5, 0xdd82, 0xfe47, 0x9471, 0xace4, 0xa554, 0x2123, 0x346f,
    0x4415, 0x57b2, 0x9ecf, 0xf0cb, 0x08ae, 0x0929, 0x1875, 0x04ff, 0x0df6, 0x1c5a,
    0x1718, 0x2a28, 0x328c, 0x38b2, 0x24e8, 0x2eeb, 0x2d3f, 0x4b64, 0x502e, 0x5013,
};

static struct err bad(const char *what) { return err_make(ERR_INPUT, "calibration.board", what); }

struct err calibration_board_check(const struct calibration_board *b) {
    if (b->columns < 3 || b->rows < 3 || b->columns > CALIBRATION_SQUARES_MAX || b->rows > CALIBRATION_SQUARES_MAX) return bad("A board has 3 to 40 squares in each direction.");
    if (!(b->square_m >= 0.002 && b->square_m <= 2)) return bad("A square of the board is 2 mm to 2 m; give it in metres.");
    if (b->marker_m == 0) return ERR_OK;
    if (!(b->marker_m >= 0.4 * b->square_m && b->marker_m <= 0.9 * b->square_m)) return bad("The markers of a ChArUco board take 0.4 to 0.9 of a square.");
    if (b->first_marker < 0 || b->first_marker + b->columns * b->rows / 2 > CALIBRATION_MARKERS) return bad("The board has more white squares than there are markers (50). Use fewer squares.");
    return ERR_OK;
}

struct vec3 calibration_corner_at(const struct calibration_board *b, int id) {
    return vec3_of((id % (b->columns - 1) + 1) * b->square_m, (id / (b->columns - 1) + 1) * b->square_m, 0);
}

/* The marker of a white square: as many as there are white ones before it. */
int marker_of_square(const struct calibration_board *b, int column, int row) { return b->first_marker + (row * b->columns + column) / 2; }

bool calibration_board_is_white(const struct calibration_board *b, double x, double y) {
    int column = (int)floor(x / b->square_m), row = (int)floor(y / b->square_m);
    if (column < 0 || row < 0 || column >= b->columns || row >= b->rows) return true; /* the paper */
    if ((column + row) % 2 == 0) return false;
    if (b->marker_m == 0) return true;
    double margin = 0.5 * (b->square_m - b->marker_m), cell = b->marker_m / 6;
    int i = (int)floor((x - column * b->square_m - margin) / cell), j = (int)floor((y - row * b->square_m - margin) / cell);
    if (i < 0 || j < 0 || i > 5 || j > 5) return true;
    if (i == 0 || j == 0 || i == 5 || j == 5) return false;
    return marker_words[marker_of_square(b, column, row)] >> (15 - (4 * (j - 1) + i - 1)) & 1;
}

/* ---- the page ---- */

/* PDF's corner is at the lower left and its unit 1/72 inch. */
static void rectangle(struct buf *out, double page_h_mm, double x_mm, double y_mm, double w_mm, double h_mm) {
    const double point = 72 / 25.4;
    buf_printf(out, "%.4f %.4f %.4f %.4f re\n", x_mm * point, (page_h_mm - y_mm - h_mm) * point, w_mm * point, h_mm * point);
}

static void sentence(struct buf *out, double page_h_mm, double x_mm, double y_mm, const char *text) {
    const double point = 72 / 25.4;
    buf_printf(out, "BT /F1 9 Tf %.3f %.3f Td (%s) Tj ET\n", x_mm * point, (page_h_mm - y_mm) * point, text);
}

static void paint(struct buf *out, const struct calibration_board *b, double page_w_mm, double page_h_mm) {
    const double square = b->square_m * 1e3, marker = b->marker_m * 1e3, left = 0.5 * (page_w_mm - b->columns * square);
    const double spare = page_h_mm - b->rows * square, top = spare > 60 ? spare / 2 - 8 : spare / 2;
    buf_cstr(out, "0 g\n");
    for (int row = 0; row < b->rows; row++) {
        for (int column = 0; column < b->columns; column++) {
            double x = left + column * square, y = top + row * square, margin = 0.5 * (square - marker), cell = marker / 6;
            if ((row + column) % 2 == 0) rectangle(out, page_h_mm, x, y, square, square);
            else if (marker > 0) { /* black, with the white bits punched out by the even-odd rule */
                uint16_t word = marker_words[marker_of_square(b, column, row)];
                rectangle(out, page_h_mm, x + margin, y + margin, marker, marker);
                for (int k = 0; k < 16; k++) {
                    if (!(word >> (15 - k) & 1)) continue;
                    int run = 1; /* neighbouring bits in one, so that no viewer shows a hair between them */
                    while (k % 4 + run < 4 && word >> (15 - k - run) & 1) run++;
                    rectangle(out, page_h_mm, x + margin + (k % 4 + 1) * cell, y + margin + (k / 4 + 1) * cell, run * cell, cell);
                    k += run - 1;
                }
            }
        }
    }
    buf_cstr(out, "f*\n");
    double under = top + b->rows * square;
    if (page_h_mm - under < 24) return; /* no room for words */
    char text[200];
    if (marker > 0) {
        snprintf(text, sizeof text, "ChArUco board: %d x %d squares of %.4g mm, markers of %.4g mm (4 x 4 bits, from number %d)", b->columns, b->rows, square, marker, b->first_marker);
    } else snprintf(text, sizeof text, "Checkerboard: %d x %d squares of %.4g mm", b->columns, b->rows, square);
    double x = left < 10 ? 10 : left, ruler = page_w_mm - x - 10 < 100 ? 50 : 100;
    sentence(out, page_h_mm, x, under + 8, text);
    snprintf(text, sizeof text, "Print at 100 %%; this line must measure %.0f mm:", ruler);
    sentence(out, page_h_mm, x, under + 13, text);
    rectangle(out, page_h_mm, x, under + 16, ruler, 0.3);
    for (int i = 0; i <= (int)ruler / 10; i++) rectangle(out, page_h_mm, x + i * 10.0 - 0.1, under + 16, 0.2, i % 5 ? 1.5 : 3);
    buf_cstr(out, "f\n");
}

struct err calibration_board_pdf(struct buf *out, const struct calibration_board *b, double page_w_mm, double page_h_mm) {
    struct err e = calibration_board_check(b);
    if (e.kind) return e;
    const struct err page = err_make(ERR_INPUT, "calibration.page", "The board does not fit the page. Take smaller squares, fewer of them, or a larger page.");
    if (!(page_w_mm >= 50 && page_w_mm <= 5000 && page_h_mm >= 50 && page_h_mm <= 5000)) return page;
    /* A white border of half a square: without it the outer squares run into the table. */
    if ((b->columns + 0.5) * b->square_m * 1e3 > page_w_mm || (b->rows + 0.5) * b->square_m * 1e3 > page_h_mm) return page;
    struct buf content = BUF(4 << 20);
    paint(&content, b, page_w_mm, page_h_mm);
    size_t at[6], start = out->len; /* offsets are counted from the file's beginning */
    buf_cstr(out, "%PDF-1.4\n");
    at[1] = out->len - start;
    buf_cstr(out, "1 0 obj\n<< /Type /Catalog /Pages 2 0 R >>\nendobj\n");
    at[2] = out->len - start;
    buf_cstr(out, "2 0 obj\n<< /Type /Pages /Kids [3 0 R] /Count 1 >>\nendobj\n");
    at[3] = out->len - start;
    buf_printf(out, "3 0 obj\n<< /Type /Page /Parent 2 0 R /MediaBox [0 0 %.4f %.4f] /Contents 5 0 R /Resources << /Font << /F1 4 0 R >> >> >>\nendobj\n", page_w_mm * 72 / 25.4, page_h_mm * 72 / 25.4);
    at[4] = out->len - start;
    buf_cstr(out, "4 0 obj\n<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>\nendobj\n");
    at[5] = out->len - start;
    buf_printf(out, "5 0 obj\n<< /Length %zu >>\nstream\n", content.len);
    buf_append(out, buf_slice(&content));
    buf_cstr(out, "endstream\nendobj\n");
    size_t table = out->len - start;
    buf_cstr(out, "xref\n0 6\n0000000000 65535 f \n");
    for (int i = 1; i < 6; i++) buf_printf(out, "%010zu 00000 n \n", at[i]);
    buf_printf(out, "trailer\n<< /Size 6 /Root 1 0 R >>\nstartxref\n%zu\n%%%%EOF\n", table);
    e = buf_error(&content);
    if (!e.kind) e = buf_error(out);
    buf_free(&content);
    return e;
}
