/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "media/rtmp/sound.h"

#include "base/bytes.h"

/* "OpusHead" (RFC 7845 section 5.1, little-endian) to dOps (Opus in ISOBMFF section 4.3.2, big-endian, version 0). */
bool sound_of_opus(struct cmaf_track *t, struct slice h, struct buf *out) {
    const uint8_t *b = (const uint8_t *)h.ptr;
    if (h.len < 19 || memcmp(b, "OpusHead", 8) || b[8] >> 4) return false;
    unsigned channels = b[9], family = b[18];
    if (!channels || (family ? h.len < 21u + channels : channels > 2)) return false;
    buf_u8(out, 0);
    buf_u8(out, (uint8_t)channels);
    buf_u16be(out, (uint16_t)(b[10] | b[11] << 8));
    buf_u32be(out, b[12] | (uint32_t)b[13] << 8 | (uint32_t)b[14] << 16 | (uint32_t)b[15] << 24);
    buf_u16be(out, (uint16_t)(b[16] | b[17] << 8));
    buf_u8(out, (uint8_t)family);
    if (family) buf_bytes(out, b + 19, 2 + channels);
    t->channels = (uint16_t)channels;
    t->sample_rate = 48000;
    return true;
}

/* "fLaC" and metadata blocks, of which the first is STREAMINFO; dfLa is version, flags and the same blocks (FLAC in ISOBMFF section 3.3.2). */
bool sound_of_flac(struct cmaf_track *t, struct slice body, struct buf *out) {
    if (slice_starts_with(body, SLICE("fLaC"))) body = slice_sub(body, 4, body.len);
    if (body.len < 38 || (body.ptr[0] & 0x7f) != 0) return false;
    struct bit_reader b = bit_reader_of(slice_sub(body, 14, body.len)); /* behind block and frame sizes */
    t->sample_rate = bits_take(&b, 20);
    t->channels = (uint16_t)(bits_take(&b, 3) + 1);
    if (!t->sample_rate) return false;
    buf_u32be(out, 0);
    buf_u8(out, 0x80); /* STREAMINFO is the last block */
    buf_append(out, slice_sub(body, 1, 38));
    return true;
}

struct mp3_header {
    uint32_t rate;
    uint16_t channels, samples;
};
static bool read_mp3(struct slice frame, struct mp3_header *out) { /* 11172-3 section 2.4.2.3, 13818-3 */
    static const uint16_t RATES[3] = {44100, 48000, 32000};
    if (frame.len < 4) return false;
    const uint8_t *b = (const uint8_t *)frame.ptr;
    if (b[0] != 0xff || (b[1] & 0xe0) != 0xe0) return false;
    unsigned version = b[1] >> 3 & 3, layer = b[1] >> 1 & 3, rate = b[2] >> 2 & 3;
    if (version == 1 || layer != 1 || rate == 3) return false; /* layer III only */
    out->rate = RATES[rate] >> (version == 3 ? 0 : version == 2 ? 1 : 2);
    out->channels = (b[3] >> 6) == 3 ? 1 : 2;
    out->samples = version == 3 ? 1152 : 576;
    return true;
}

/* ETSI TS 102 366 section 4.3 (bsi) and annex E.1.2.2; dac3 and dec3 of annex F. */
bool sound_of_ac3(struct cmaf_track *t, struct slice frame, struct buf *out) {
    static const uint16_t RATES[3] = {48000, 44100, 32000};
    static const uint8_t CHANNELS[8] = {2, 1, 2, 3, 3, 4, 4, 5};
    struct bit_reader b = bit_reader_of(frame);
    if (bits_take(&b, 16) != 0x0b77) return false;
    bool is_enhanced = t->codec == CMAF_EAC3;
    unsigned fscod, bsid, bsmod = 0, acmod, rate_code = 0, kbps = 0;
    if (!is_enhanced) {
        bits_take(&b, 16);
        fscod = bits_take(&b, 2);
        rate_code = bits_take(&b, 6) >> 1;
        bsid = bits_take(&b, 5);
        bsmod = bits_take(&b, 3);
        acmod = bits_take(&b, 3);
        if ((acmod & 1) && acmod != 1) bits_take(&b, 2);
        if (acmod & 4) bits_take(&b, 2);
        if (acmod == 2) bits_take(&b, 2);
        if (fscod == 3 || bsid > 10 || rate_code > 18) return false;
        t->sample_rate = RATES[fscod];
    } else {
        unsigned type = bits_take(&b, 2);
        bits_take(&b, 3);
        unsigned words = bits_take(&b, 11) + 1;
        fscod = bits_take(&b, 2);
        unsigned blocks_code = bits_take(&b, 2);
        if (fscod == 3) { /* half rates; then six blocks */
            if (blocks_code == 3) return false;
            t->sample_rate = RATES[blocks_code] / 2u;
            blocks_code = 3;
        } else {
            t->sample_rate = RATES[fscod];
        }
        static const uint8_t BLOCKS[4] = {1, 2, 3, 6};
        acmod = bits_take(&b, 3);
        kbps = (unsigned)((uint64_t)words * 2 * 8 * t->sample_rate / (256u * BLOCKS[blocks_code]) / 1000);
        if (type == 1) return false; /* a dependent substream cannot stand first */
    }
    bool has_lfe = bits_take(&b, 1);
    if (is_enhanced) {
        bsid = bits_take(&b, 5);
        if (bsid < 11 || bsid > 16) return false;
    }
    if (b.has_failed) return false;
    t->channels = (uint16_t)(CHANNELS[acmod] + has_lfe);
    if (!is_enhanced) {
        uint32_t packed = fscod << 22 | bsid << 17 | bsmod << 14 | acmod << 11 | (uint32_t)has_lfe << 10 | rate_code << 5;
        buf_u24be(out, packed);
    } else {
        if (kbps > 8191) kbps = 8191;
        buf_u16be(out, (uint16_t)(kbps << 3)); /* one independent substream */
        buf_u24be(out, fscod << 22 | bsid << 17 | bsmod << 12 | acmod << 9 | (uint32_t)has_lfe << 8);
    }
    return true;
}

static uint32_t opus_samples(struct slice frame) { /* RFC 6716 section 3.1, at 48 kHz */
    static const uint16_t SIZES[32] = {480, 960, 1920, 2880, 480, 960, 1920, 2880, 480, 960, 1920, 2880, 480, 960, 480, 960,
                                       120, 240, 480,  960,  120, 240, 480,  960,  120, 240, 480,  960,  120, 240, 480, 960};
    if (!frame.len) return 0;
    uint8_t toc = (uint8_t)frame.ptr[0];
    uint32_t each = SIZES[toc >> 3], frames = (toc & 3) == 0 ? 1 : (toc & 3) < 3 ? 2 : frame.len > 1 ? frame.ptr[1] & 63 : 0;
    return each * frames <= 5760 ? each * frames : 0;
}

static uint32_t aac_samples(const struct cmaf_track *t) { /* 14496-3 section 1.6.2.1 and 4.4.1 */
    static const uint32_t RATES[13] = {96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350};
    struct bit_reader b = bit_reader_of(t->config);
    unsigned type = bits_take(&b, 5);
    if (type == 31) type = 32 + bits_take(&b, 6);
    unsigned index = bits_take(&b, 4);
    uint32_t core = index == 15 ? bits_take(&b, 24) : index < 13 ? RATES[index] : 0;
    bits_take(&b, 4);
    if (type == 5 || type == 29) {
        if (bits_take(&b, 4) == 15) bits_take(&b, 24);
        bits_take(&b, 5);
    }
    bool is_short = bits_take(&b, 1);
    if (b.has_failed || !core) return 0;
    uint64_t samples = (uint64_t)(is_short ? 960 : 1024) * t->sample_rate;
    return samples % core ? 0 : (uint32_t)(samples / core);
}

static uint32_t flac_samples(struct slice frame) { /* RFC 9639 section 9.1 */
    if (frame.len < 6 || (uint8_t)frame.ptr[0] != 0xff || ((uint8_t)frame.ptr[1] & 0xfe) != 0xf8) return 0;
    unsigned code = (uint8_t)frame.ptr[2] >> 4;
    if (code == 1) return 192;
    if (code >= 2 && code <= 5) return 144u << code;
    if (code >= 8) return 1u << code;
    struct byte_reader r = byte_reader_of(slice_sub(frame, 4, frame.len));
    uint8_t first = bytes_u8(&r); /* a number in the manner of UTF-8 */
    for (unsigned bit = 0x40; first & 0x80 && first & bit && bit; bit >>= 1) bytes_skip(&r, 1);
    uint32_t samples = code == 6 ? bytes_u8(&r) + 1u : code == 7 ? bytes_u16be(&r) + 1u : 0;
    return r.has_failed ? 0 : samples;
}

bool sound_of_mp3(struct cmaf_track *t, struct slice frame) {
    struct mp3_header mp3;
    if (!read_mp3(frame, &mp3)) return false;
    t->sample_rate = mp3.rate;
    t->channels = mp3.channels;
    return true;
}

uint32_t sound_duration(const struct cmaf_track *t, struct slice frame) {
    struct mp3_header mp3;
    switch (t->codec) {
    case CMAF_AAC: return aac_samples(t);
    case CMAF_OPUS: return opus_samples(frame);
    case CMAF_MP3: return read_mp3(frame, &mp3) ? mp3.samples : 0;
    case CMAF_AC3: return 1536;
    case CMAF_EAC3:
        return frame.len > 4 && (uint8_t)frame.ptr[4] >> 6 != 3 ? (const uint16_t[]){256, 512, 768, 1536}[frame.ptr[4] >> 4 & 3] : 1536;
    case CMAF_FLAC: return flac_samples(frame);
    default: return 0;
    }
}
