/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Qualisys .qca.txt. Focal lengths and centres are in 1/64 pixel and the picture's corner is fov_video's; positions are
 * millimetres; <transform> holds the camera's pose in the world, rotation by columns, with y up and z backwards in the
 * camera. The distortions are divided by 64 as well, because that is what Pose2Sim's own conversion writes and what
 * people compare with; the picture size counts both border pixels. */
#include <ctype.h>
#include <libxml/parser.h>
#include <libxml/tree.h>
#include <stdlib.h>

#include "human/camera/tree.h"

static struct err complain(struct camera_note *note, int line, const char *name, const char *what) {
    camera_note_set(note, line, "Camera %s: %s", name, what);
    return err_make(ERR_INPUT, "camera.field", "A value of the calibration is missing or not what it should be.");
}

static xmlNode *child(const xmlNode *parent, const char *name) {
    for (xmlNode *n = parent ? parent->children : NULL; n; n = n->next) {
        if (n->type == XML_ELEMENT_NODE && !xmlStrcasecmp(n->name, BAD_CAST name)) return n;
    }
    return NULL;
}

static bool attribute_text(xmlNode *n, const char *name, char *out, size_t out_len) {
    xmlChar *value = n ? xmlGetNoNsProp(n, BAD_CAST name) : NULL;
    if (!value) return false;
    snprintf(out, out_len, "%s", (const char *)value);
    xmlFree(value);
    return true;
}

static bool attribute(xmlNode *n, const char *name, double *out) {
    char text[64];
    return attribute_text(n, name, text, sizeof text) && tree_parse_number(slice_trim(slice_cstr(text)), out) && isfinite(*out);
}

/* "cam_2" before "cam_10": digits compare as numbers. */
static int natural_order(const void *a_, const void *b_) {
    const char *a = ((const struct camera *)a_)->name, *b = ((const struct camera *)b_)->name;
    while (*a && *b) {
        if (isdigit((unsigned char)*a) && isdigit((unsigned char)*b)) {
            while (*a == '0') a++;
            while (*b == '0') b++;
            size_t na = strspn(a, "0123456789"), nb = strspn(b, "0123456789");
            int order = na != nb ? (na < nb ? -1 : 1) : memcmp(a, b, na);
            if (order) return order;
            a += na, b += nb;
        } else {
            int ca = tolower((unsigned char)*a), cb = tolower((unsigned char)*b);
            if (ca != cb) return ca - cb;
            a++, b++;
        }
    }
    return (unsigned char)*a - (unsigned char)*b;
}

static struct err read_camera(xmlNode *node, struct camera *c, struct camera_note *note) {
    *c = (struct camera){.error_px = NAN}; /* avg-residual is in millimetres, not pixels */
    int line = (int)xmlGetLineNo(node);
    if (!attribute_text(node, "serial", c->name, sizeof c->name) || !c->name[0]) snprintf(c->name, sizeof c->name, "line %d", line);
    for (char *p = c->name; *p; p++) {
        if ((unsigned char)*p < 0x20) *p = '_';
    }
    xmlNode *fov = child(node, "fov_video"), *t = child(node, "transform"), *in = child(node, "intrinsic");
    double left, top, right, bottom;
    if (!attribute(fov, "left", &left) || !attribute(fov, "top", &top) || !attribute(fov, "right", &right) || !attribute(fov, "bottom", &bottom)) {
        return complain(note, line, c->name, "<fov_video> with left, top, right and bottom is missing.");
    }
    c->width = right - left + 1, c->height = bottom - top + 1;
    struct camera_lens *l = &c->fixed.lens;
    double unused;
    if (!attribute(in, "focalLengthU", &l->fx) || !attribute(in, "focalLengthV", &l->fy) || !attribute(in, "centerPointU", &l->cx) ||
        !attribute(in, "centerPointV", &l->cy)) {
        return complain(note, line, c->name, "<intrinsic> with focalLengthU, focalLengthV, centerPointU and centerPointV is missing.");
    }
    if (attribute(in, "skew", &unused) && unused != 0) l->skew = unused / 64;
    l->fx /= 64, l->fy /= 64, l->cx = l->cx / 64 - left, l->cy = l->cy / 64 - top;
    const char *const radial[] = {"radialDistortion1", "radialDistortion2", "radialDistortion3"};
    const char *const tangential[] = {"tangentalDistortion1", "tangentalDistortion2"};
    for (int i = 0; i < 3; i++) {
        if (attribute(in, radial[i], &l->radial[i])) l->radial[i] /= 64;
    }
    for (int i = 0; i < 2; i++) {
        if (attribute(in, tangential[i], &l->tangential[i])) l->tangential[i] /= 64;
    }
    double r[9], centre[3];
    bool has_pose = attribute(t, "x", &centre[0]) && attribute(t, "y", &centre[1]) && attribute(t, "z", &centre[2]);
    for (int i = 0; i < 9 && has_pose; i++) {
        char key[4] = {'r', (char)('1' + i / 3), (char)('1' + i % 3), 0};
        has_pose = attribute(t, key, &r[i]);
    }
    if (!has_pose) return complain(note, line, c->name, "<transform> with x, y, z and r11 to r33 is missing.");
    for (int i = 3; i < 9; i++) r[i] = -r[i]; /* rows of the world-to-camera rotation; y down and z forward */
    double zero[3] = {0, 0, 0};
    struct err e = camera_pose_from(r, 9, zero, &c->fixed.pose, note, line, c->name);
    if (e.kind) return e;
    struct vec3 at = {centre[0] / 1000, centre[1] / 1000, centre[2] / 1000};
    if (!(vec3_norm(at) < 1e9)) return complain(note, line, c->name, "its position is not finite.");
    c->fixed.pose.translation = vec3_scale(mat3_apply(&c->fixed.pose.rotation, at), -1);
    if ((e = camera_lens_prepare(l)).kind) camera_note_set(note, line, "Camera %s: %s", c->name, e.what);
    return e;
}

static bool is_video(xmlNode *n) {
    char model[64];
    return !attribute_text(n, "model", model, sizeof model) || strstr(model, "Video") || !strcmp(model, "none");
}

static void quiet(void *context, const char *message, ...) { (void)context, (void)message; }

struct err camera_read_qualisys(struct arena *mem, struct slice text, struct camera_rig *out, struct camera_note *note) {
    if (text.len > 64u << 20) return err_make(ERR_LIMIT, "camera.large", "The calibration file is larger than 64 MB.");
    xmlParserCtxt *parser = xmlNewParserCtxt();
    if (!parser) return err_memory();
    parser->sax->error = parser->sax->warning = quiet;
    parser->sax->serror = NULL;
    /* no network, no external files, no entities expanded */
    xmlDoc *doc = xmlCtxtReadMemory(parser, text.ptr, (int)text.len, NULL, NULL, XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING | XML_PARSE_NOCDATA);
    struct err e = ERR_OK;
    struct camera_rig rig = {.up = CAMERA_UP_Z};
    if (!doc) {
        camera_note_set(note, parser->lastError.line, "This is not well-formed XML.");
        e = err_make(ERR_INPUT, "camera.syntax", "The calibration file is not well-formed.");
    } else {
        xmlNode *root = xmlDocGetRootElement(doc), *list = child(root, "cameras");
        size_t count = 0, videos = 0;
        for (xmlNode *n = list ? list->children : NULL; n; n = n->next) {
            if (n->type != XML_ELEMENT_NODE || xmlStrcasecmp(n->name, BAD_CAST "camera")) continue;
            count++, videos += is_video(n);
        }
        size_t wanted = videos ? videos : count;
        if (!wanted) {
            camera_note_set(note, 0, "No <camera> is in its <cameras>.");
            e = err_make(ERR_INPUT, "camera.field", "A value of the calibration is missing or not what it should be.");
        } else if (wanted > CAMERA_COUNT_MAX) {
            camera_note_set(note, 0, "The file holds more than %d cameras.", CAMERA_COUNT_MAX);
            e = err_make(ERR_LIMIT, "camera.large", "The calibration holds more cameras than are accepted.");
        } else if (!(rig.cameras = arena_alloc_array(mem, wanted, sizeof *rig.cameras))) e = err_memory();
        for (xmlNode *n = list ? list->children : NULL; n && !e.kind; n = n->next) {
            if (n->type != XML_ELEMENT_NODE || xmlStrcasecmp(n->name, BAD_CAST "camera") || (videos && !is_video(n))) continue;
            e = read_camera(n, &rig.cameras[rig.count++], note);
        }
    }
    xmlFreeDoc(doc);
    xmlFreeParserCtxt(parser);
    if (e.kind) return e;
    qsort(rig.cameras, rig.count, sizeof *rig.cameras, natural_order);
    *out = rig;
    return ERR_OK;
}
