/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "example/draw.h"

#include <pango/pangocairo.h>

#ifdef GRANDSTAND_TEST_DOORS
/* As in system/paper: fontconfig keeps its tables until the process ends, and cairo forgets an array with each PDF. Whichever of the two the linker takes. */
const char *__lsan_default_suppressions(void);
__attribute__((weak)) const char *__lsan_default_suppressions(void) { return "leak:libfontconfig\nleak:libcairo\n"; }
#endif

void use(struct canvas *c, struct colour k) { cairo_set_source_rgba(c->cr, k.r, k.g, k.b, k.a); }
void fill(struct canvas *c, struct colour k) {
    use(c, k);
    cairo_fill(c->cr);
}
void stroke(struct canvas *c, struct colour k, double width) {
    use(c, k);
    cairo_set_line_width(c->cr, width);
    cairo_stroke(c->cr);
}

void path_circle(struct canvas *c, double x, double y, double r) {
    cairo_new_sub_path(c->cr);
    cairo_arc(c->cr, x, y, r, 0, TAU);
    cairo_close_path(c->cr);
}
void path_oval(struct canvas *c, double x, double y, double rx, double ry, double turn) {
    cairo_save(c->cr);
    cairo_translate(c->cr, x, y);
    cairo_rotate(c->cr, turn);
    cairo_scale(c->cr, fmax(rx, 1e-3), fmax(ry, 1e-3));
    path_circle(c, 0, 0, 1);
    cairo_restore(c->cr);
}
void path_limb(struct canvas *c, struct vec2 a, double ra, struct vec2 b, double rb) {
    struct vec2 d = sub2(b, a);
    double length = length2(d);
    if (length <= fabs(ra - rb) + 1e-6) {
        path_circle(c, ra > rb ? a.x : b.x, ra > rb ? a.y : b.y, fmax(ra, rb));
        return;
    }
    double along = atan2(d.y, d.x), side = acos((ra - rb) / length); /* where the common tangent touches */
    cairo_new_sub_path(c->cr);
    cairo_arc(c->cr, a.x, a.y, ra, along + side, along + TAU - side);
    cairo_arc(c->cr, b.x, b.y, rb, along - side, along + side);
    cairo_close_path(c->cr);
}
void path_line(struct canvas *c, struct vec2 a, struct vec2 b) {
    cairo_move_to(c->cr, a.x, a.y);
    cairo_line_to(c->cr, b.x, b.y);
}
void path_polygon(struct canvas *c, const struct vec2 *p, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (i == 0) cairo_move_to(c->cr, p[i].x, p[i].y);
        else cairo_line_to(c->cr, p[i].x, p[i].y);
    }
    cairo_close_path(c->cr);
}
void path_curve(struct canvas *c, const struct vec2 *p, size_t count, bool is_closed) {
    if (count < 2) return;
    cairo_move_to(c->cr, p[0].x, p[0].y);
    size_t pieces = is_closed ? count : count - 1;
    for (size_t i = 0; i < pieces; i++) { /* Catmull-Rom as Bezier */
        struct vec2 a = p[i], b = p[(i + 1) % count];
        struct vec2 before = is_closed ? p[(i + count - 1) % count] : p[i ? i - 1 : 0];
        struct vec2 after = is_closed ? p[(i + 2) % count] : p[i + 2 < count ? i + 2 : count - 1];
        struct vec2 leave = add2(a, scale2(sub2(b, before), 1 / 6.0)), enter = sub2(b, scale2(sub2(after, a), 1 / 6.0));
        cairo_curve_to(c->cr, leave.x, leave.y, enter.x, enter.y, b.x, b.y);
    }
    if (is_closed) cairo_close_path(c->cr);
}
void path_box(struct canvas *c, double x, double y, double w, double h, double corner) {
    double r = fmin(corner, fmin(w, h) / 2);
    if (r <= 0) {
        cairo_rectangle(c->cr, x, y, w, h);
        return;
    }
    cairo_new_sub_path(c->cr);
    cairo_arc(c->cr, x + w - r, y + r, r, -TAU / 4, 0);
    cairo_arc(c->cr, x + w - r, y + h - r, r, 0, TAU / 4);
    cairo_arc(c->cr, x + r, y + h - r, r, TAU / 4, TAU / 2);
    cairo_arc(c->cr, x + r, y + r, r, TAU / 2, TAU * 3 / 4);
    cairo_close_path(c->cr);
}

static void fill_pattern(struct canvas *c, cairo_pattern_t *pattern, struct colour a, struct colour b) {
    for (int i = 0; i <= 4; i++) { /* a few stops in between, so that the middle is blended as the eye sees it */
        struct colour k = blend(a, b, i / 4.0);
        cairo_pattern_add_color_stop_rgba(pattern, i / 4.0, k.r, k.g, k.b, k.a);
    }
    cairo_set_source(c->cr, pattern);
    cairo_fill(c->cr);
    cairo_pattern_destroy(pattern);
}
void fill_between(struct canvas *c, struct vec2 from, struct colour a, struct vec2 to, struct colour b) {
    fill_pattern(c, cairo_pattern_create_linear(from.x, from.y, to.x, to.y), a, b);
}
void fill_round(struct canvas *c, struct vec2 centre, double r, struct colour middle, struct colour rim) {
    fill_pattern(c, cairo_pattern_create_radial(centre.x, centre.y, 0, centre.x, centre.y, r), middle, rim);
}

static PangoLayout *layout_of(struct canvas *c, const struct lettering *s, const char *text) {
    PangoLayout *layout = pango_cairo_create_layout(c->cr);
    PangoFontDescription *font = pango_font_description_new();
    pango_font_description_set_family(font, s->family);
    pango_font_description_set_absolute_size(font, s->size * PANGO_SCALE);
    pango_font_description_set_weight(font, s->is_bold ? PANGO_WEIGHT_BOLD : PANGO_WEIGHT_NORMAL);
    pango_font_description_set_style(font, s->is_italic ? PANGO_STYLE_ITALIC : PANGO_STYLE_NORMAL);
    pango_layout_set_font_description(layout, font);
    pango_font_description_free(font);
    PangoAttrList *attributes = pango_attr_list_new();
    pango_attr_list_insert(attributes, pango_attr_letter_spacing_new((int)(s->spacing * s->size * PANGO_SCALE)));
    if (s->leading > 0) pango_attr_list_insert(attributes, pango_attr_line_height_new_absolute((int)(s->leading * s->size * PANGO_SCALE)));
    pango_layout_set_attributes(layout, attributes);
    pango_attr_list_unref(attributes);
    pango_layout_set_alignment(layout, s->align == LEFT ? PANGO_ALIGN_LEFT : s->align == CENTRE ? PANGO_ALIGN_CENTER : PANGO_ALIGN_RIGHT);
    if (s->width > 0) {
        pango_layout_set_width(layout, (int)(s->width * PANGO_SCALE));
        pango_layout_set_wrap(layout, PANGO_WRAP_WORD_CHAR);
    }
    pango_layout_set_text(layout, text, -1);
    return layout;
}

double letters(struct canvas *c, const struct lettering *s, double x, double y, struct colour k, const char *text) {
    PangoLayout *layout = layout_of(c, s, text);
    PangoRectangle box;
    pango_layout_get_extents(layout, NULL, &box);
    double width = s->width > 0 ? s->width : (box.x + box.width) / (double)PANGO_SCALE;
    cairo_move_to(c->cr, s->align == LEFT ? x : s->align == CENTRE ? x - width / 2 : x - width, y);
    use(c, k);
    pango_cairo_show_layout(c->cr, layout);
    cairo_new_path(c->cr);
    g_object_unref(layout);
    return box.height / (double)PANGO_SCALE;
}

void letters_size(struct canvas *c, const struct lettering *s, const char *text, double *width, double *height) {
    PangoLayout *layout = layout_of(c, s, text);
    PangoRectangle box;
    pango_layout_get_extents(layout, NULL, &box);
    *width = box.width / (double)PANGO_SCALE;
    *height = box.height / (double)PANGO_SCALE;
    g_object_unref(layout);
}

double letters_fit(struct canvas *c, struct lettering style, const char *text, double width) {
    double w, h;
    style.size = 100;
    letters_size(c, &style, text, &w, &h);
    return w > 0 ? 100 * width / w : 100;
}
