/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 *   search tree   nodes of two records of 24 bits: a node's number, or node_count (nothing), or node_count + 16 + offset of data
 *   16 zeros
 *   data          a map for each net
 *   marker, then a map of metadata */
#include "mmdb_maker.h"

#include <arpa/inet.h>
#include <assert.h>
#include <string.h>

enum { NODES_MAX = 20000, NETS_MAX = 1000 };
enum { TYPE_TEXT = 2, TYPE_UINT16 = 5, TYPE_UINT32 = 6, TYPE_MAP = 7, TYPE_UINT64 = 9, TYPE_ARRAY = 11 };

/* What a record of the tree may say, until it is written. */
struct node {
    int kind[2]; /* 0 nothing, 1 node, 2 net */
    unsigned at[2];
};

static void put_control(struct buf *out, unsigned type, unsigned size) {
    assert(size < 29);
    buf_u8(out, (uint8_t)((type < 8 ? type << 5 : 0) | size));
    if (type >= 8) buf_u8(out, (uint8_t)(type - 7));
}
static void put_text(struct buf *out, const char *text) {
    put_control(out, TYPE_TEXT, (unsigned)strlen(text));
    buf_cstr(out, text);
}
static void put_number(struct buf *out, unsigned type, unsigned bytes, uint64_t n) {
    put_control(out, type, bytes);
    while (bytes-- > 0) buf_u8(out, (uint8_t)(n >> bytes * 8));
}

static void put_net(struct buf *out, const struct mmdb_net *net) {
    put_control(out, TYPE_MAP, (net->country != NULL) + (net->area != NULL));
    if (net->country) {
        put_text(out, "country");
        put_control(out, TYPE_MAP, 1);
        put_text(out, "iso_code");
        put_text(out, net->country);
    }
    if (net->area) {
        put_text(out, "subdivisions");
        put_control(out, TYPE_ARRAY, 1);
        put_control(out, TYPE_MAP, 1);
        put_text(out, "iso_code");
        put_text(out, net->area);
    }
}

static void tree_add(struct node *nodes, unsigned *count, const struct mmdb_net *net, unsigned at) {
    uint8_t address[16] = {0};
    unsigned bits = net->bits;
    if (inet_pton(AF_INET, net->address, address + 12) == 1) bits += 96;
    else assert(inet_pton(AF_INET6, net->address, address) == 1);
    unsigned node = 0;
    for (unsigned i = 0; i < bits; i++) {
        int side = address[i / 8] >> (7 - i % 8) & 1;
        if (i + 1 == bits) {
            nodes[node].kind[side] = 2;
            nodes[node].at[side] = at;
            return;
        }
        if (nodes[node].kind[side] != 1) {
            assert(*count < NODES_MAX);
            nodes[node].kind[side] = 1;
            nodes[node].at[side] = *count;
            nodes[(*count)++] = (struct node){0};
        }
        node = nodes[node].at[side];
    }
}

void mmdb_make(struct buf *out, const struct mmdb_net *nets, size_t count) {
    static struct node nodes[NODES_MAX];
    unsigned node_count = 1, offsets[NETS_MAX];
    struct buf data = BUF(1 << 20);
    assert(count <= NETS_MAX);
    nodes[0] = (struct node){0};
    for (size_t i = 0; i < count; i++) {
        offsets[i] = (unsigned)data.len;
        put_net(&data, &nets[i]);
        tree_add(nodes, &node_count, &nets[i], (unsigned)i);
    }
    for (unsigned i = 0; i < node_count; i++)
        for (int side = 0; side < 2; side++) {
            const struct node *n = &nodes[i];
            buf_u24be(out, n->kind[side] == 1 ? n->at[side] : n->kind[side] == 2 ? node_count + 16 + offsets[n->at[side]] : node_count);
        }
    buf_bytes(out, (const char[16]){0}, 16);
    buf_append(out, buf_slice(&data));
    buf_free(&data);

    buf_cstr(out, "\xab\xcd\xefMaxMind.com");
    put_control(out, TYPE_MAP, 9);
    put_text(out, "binary_format_major_version");
    put_number(out, TYPE_UINT16, 2, 2);
    put_text(out, "binary_format_minor_version");
    put_number(out, TYPE_UINT16, 2, 0);
    put_text(out, "build_epoch");
    put_number(out, TYPE_UINT64, 8, 1800000000);
    put_text(out, "database_type");
    put_text(out, "Test-City");
    put_text(out, "description");
    put_control(out, TYPE_MAP, 1);
    put_text(out, "en");
    put_text(out, "made by a test");
    put_text(out, "ip_version");
    put_number(out, TYPE_UINT16, 2, 6);
    put_text(out, "languages");
    put_control(out, TYPE_ARRAY, 1);
    put_text(out, "en");
    put_text(out, "node_count");
    put_number(out, TYPE_UINT32, 4, node_count);
    put_text(out, "record_size");
    put_number(out, TYPE_UINT16, 2, 24);
}
