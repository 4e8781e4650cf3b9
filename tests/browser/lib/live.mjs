// SPDX-License-Identifier: AGPL-3.0-or-later
//
// A live channel for the stand-in: LL-HLS (parts, blocking reload), plain HLS and DASH with growing segments, from a loop of 64
// seconds that never ends. Its history is as long as a test wishes; its publisher drops, comes back and ends when it is told to.
//
// Media time is the wall clock since the channel's start. The loop is stored frame by frame, one moof each; a part is a row of them,
// their decode times moved to where the wall clock stands.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { until } from './browser.mjs';
import { makeOnce } from './media.mjs';

const loop_s = 64; // whole video segments, and whole AAC frames at 48 kHz
const part_s = 1 / 3;
const segment_s = 2;
const parts_per_segment = 6;
const clients_max = 1000; // requests held at once

/** {init, frames: [{at, ticks, bytes}], timescale}: a fragmented file with one sample a fragment. */
function readFrames(file) {
    const bytes = fs.readFileSync(file);
    const frames = [];
    let init = 0, timescale = 0, moof = null;
    for (let at = 0; at < bytes.length; at += bytes.readUInt32BE(at)) {
        const type = bytes.toString('latin1', at + 4, at + 8);
        const end = at + bytes.readUInt32BE(at);
        if (type === 'moov') {
            const mdhd = bytes.indexOf('mdhd', at);
            timescale = bytes.readUInt32BE(mdhd + (bytes[mdhd + 4] ? 24 : 16));
            init = end;
        } else if (type === 'moof') moof = at;
        else if (type === 'mdat') {
            const whole = bytes.subarray(moof, end);
            const tfdt = whole.indexOf('tfdt') + 4;
            const ticks = whole[tfdt] ? Number(whole.readBigUInt64BE(tfdt + 4)) : whole.readUInt32BE(tfdt + 4);
            frames.push({ ticks, at: ticks / timescale, bytes: whole, tfdt });
        }
    }
    return { init: bytes.subarray(0, init), frames, timescale };
}

function makeLoop() {
    const folder = makeOnce('live', (folder) => {
        const ffmpeg = (...args) => execFileSync('ffmpeg', ['-v', 'error', '-y', ...args], { stdio: 'inherit' });
        const flags = ['-movflags', '+empty_moov+default_base_moof+frag_every_frame', '-f', 'mp4'];
        ffmpeg('-f', 'lavfi', '-i', `testsrc2=s=320x180:r=30:d=${loop_s}`, '-c:v', 'libx264', '-preset', 'ultrafast', '-tune', 'zerolatency',
            '-g', '60', '-keyint_min', '60', '-sc_threshold', '0', '-pix_fmt', 'yuv420p', '-b:v', '300k', ...flags, path.join(folder, 'v0.mp4'));
        ffmpeg('-f', 'lavfi', '-i', `sine=f=330:r=48000:d=${loop_s}`, '-c:a', 'aac', '-b:a', '48k', '-frames:a', String(loop_s * 48000 / 1024), ...flags,
            path.join(folder, 'a0.mp4'));
        ffmpeg('-f', 'lavfi', '-i', `testsrc2=s=160x90:r=1/2:d=50`, '-vf', 'tile=5x5', '-frames:v', '1', path.join(folder, 'thumbs.jpg'));
    });
    return { v0: readFrames(path.join(folder, 'v0.mp4')), a0: readFrames(path.join(folder, 'a0.mp4')), thumbs: fs.readFileSync(path.join(folder, 'thumbs.jpg')) };
}

export class LiveStandIn {
    constructor({ history_s = 600, dvr_s = 7200 } = {}) {
        this.loop = makeLoop();
        this.dvr_s = dvr_s;
        this.started_at = Math.floor(Date.now() / 1000) * 1000 - history_s * 1000; // whole seconds: segment n begins at n * 2 s
        this.gaps = []; // {from, to}: segments that were never published; `to` is Infinity while the publisher is away
        this.ended = null; // first segment that does not exist
        this.held = new Set(); // requests that wait
        this.heldMost = 0; // of them at once
        this.requests = [];
        this.timer = setInterval(() => this.#wake(), 15);
    }
    close() {
        clearInterval(this.timer);
        for (const wake of [...this.held]) wake();
    }

    /** Resolves when so many more requests whose "file?query" fits have come. */
    async asked(pattern, count = 1) {
        const from = this.requests.length;
        await until(() => this.requests.slice(from).filter((one) => pattern.test(decodeURIComponent(one))).length >= count, `${count} requests for ${pattern}`);
    }
    now_s() {
        return (Date.now() - this.started_at) / 1000;
    }
    /** The publisher goes away at the next segment, and comes back at the next after that is asked. */
    drop() {
        this.gaps.push({ from: Math.ceil(this.now_s() / segment_s), to: Infinity });
    }
    comeBack() {
        const gap = this.gaps.at(-1);
        gap.to = Math.max(gap.from + 1, Math.ceil(this.now_s() / segment_s));
    }
    end() {
        this.ended = Math.floor(this.now_s() / segment_s);
        this.#wake();
    }
    #exists(segment) {
        return (this.ended === null || segment < this.ended) && !this.gaps.some((gap) => segment >= gap.from && segment < gap.to);
    }
    /** Whole parts of a segment that are there: 0 to 6. */
    #partsOf(segment) {
        if (!this.#exists(segment)) return 0;
        return Math.max(0, Math.min(parts_per_segment, Math.floor((this.now_s() - segment * segment_s) / part_s + 1e-6)));
    }
    /** Segments by media sequence number: numbers have no gaps, times may. */
    #segments() {
        const last = Math.floor(this.now_s() / segment_s);
        const first = Math.max(0, Math.ceil(this.now_s() / segment_s - this.dvr_s / segment_s));
        const list = [];
        let number = 0, cut = 0, before = -1;
        for (let segment = 0; segment <= last; segment++) {
            if (!this.#exists(segment)) continue;
            if (before >= 0 && segment !== before + 1) cut++;
            if (segment >= first) list.push({ segment, number, cut, isCut: before >= 0 && segment !== before + 1, parts: this.#partsOf(segment) });
            before = segment;
            number++;
        }
        while (list.length && list.at(-1).parts === 0) list.pop();
        return list;
    }
    #frames(rendition, from_s, to_s) {
        const { frames, timescale } = this.loop[rendition];
        const out = [];
        for (let round = Math.floor(from_s / loop_s); round * loop_s < to_s; round++)
            for (const frame of frames) {
                const at = frame.at + round * loop_s;
                if (at < from_s - 1e-6 || at >= to_s - 1e-6) continue;
                const bytes = Buffer.from(frame.bytes);
                const ticks = frame.ticks + round * loop_s * timescale;
                if (bytes[frame.tfdt]) bytes.writeBigUInt64BE(BigInt(ticks), frame.tfdt + 4);
                else bytes.writeUInt32BE(ticks, frame.tfdt + 4);
                out.push(bytes);
            }
        return out;
    }
    #part(rendition, segment, part) {
        const from = segment * segment_s + part * part_s;
        return Buffer.concat(this.#frames(rendition, from, from + part_s));
    }
    #bytes(rendition, segment, parts) {
        return Buffer.concat(Array.from({ length: parts }, (_, part) => this.#part(rendition, segment, part)));
    }

    #wake() {
        for (const wake of [...this.held]) wake();
        // Counted here, not where a request comes in: one that was given up for it may then still be waiting for its turn to be told so.
        this.heldMost = Math.max(this.heldMost, this.held.size);
    }
    /** Resolves when `is()` or the client has gone or the channel has ended. */
    async #until(is, request) {
        if (is()) return true;
        if (this.held.size >= clients_max) return false;
        return new Promise((resolve) => {
            const wake = () => {
                if (!is() && !request.destroyed && !request.socket.destroyed && this.ended === null) return;
                this.held.delete(wake);
                resolve(is());
            };
            this.held.add(wake);
            request.on('close', wake);
        });
    }

    playlist(rendition, isLow) {
        const list = this.#segments();
        const lines = ['#EXTM3U', '#EXT-X-VERSION:9', `#EXT-X-TARGETDURATION:${segment_s}`];
        if (isLow) lines.push(`#EXT-X-PART-INF:PART-TARGET=0.334`, '#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=1.002,HOLD-BACK=6');
        lines.push(`#EXT-X-MEDIA-SEQUENCE:${list[0]?.number ?? 0}`, `#EXT-X-DISCONTINUITY-SEQUENCE:${list[0] ? list[0].cut - (list[0].isCut ? 1 : 0) : 0}`);
        lines.push(`#EXT-X-MAP:URI="${rendition}-i1.mp4"`);
        for (const [i, { segment, number, isCut, parts }] of list.entries()) {
            const isWhole = parts === parts_per_segment;
            if (!isLow && !isWhole) break;
            if (isCut) lines.push('#EXT-X-DISCONTINUITY');
            lines.push(`#EXT-X-PROGRAM-DATE-TIME:${new Date(this.started_at + segment * segment_s * 1000).toISOString()}`);
            if (isLow && i >= list.length - 4) {
                let at = 0;
                for (let part = 0; part < parts; part++) {
                    const bytes = this.#part(rendition, segment, part).length;
                    lines.push(`#EXT-X-PART:DURATION=0.33333,URI="${rendition}-${number}.m4s",BYTERANGE="${bytes}@${at}"${part === 0 || rendition === 'a0' ? ',INDEPENDENT=YES' : ''}`);
                    at += bytes;
                }
            }
            if (isWhole) lines.push(`#EXTINF:${segment_s.toFixed(5)},`, `${rendition}-${number}.m4s`);
        }
        const last = list.at(-1);
        if (this.ended !== null) lines.push('#EXT-X-ENDLIST');
        else if (isLow && last) {
            const at = last.parts < parts_per_segment ? this.#bytes(rendition, last.segment, last.parts).length : 0;
            lines.push(`#EXT-X-PRELOAD-HINT:TYPE=PART,URI="${rendition}-${last.number + (last.parts < parts_per_segment ? 0 : 1)}.m4s",BYTERANGE-START=${at}`);
        }
        return `${lines.join('\n')}\n`;
    }
    manifest() {
        const list = this.#segments();
        const iso = (ms) => new Date(ms).toISOString();
        const isOver = this.ended !== null;
        const set = (id, type, mime, codecs, more, ato) => `<AdaptationSet id="${id}" contentType="${type}" mimeType="${mime}" segmentAlignment="true" startWithSAP="1">`
            + `<ProducerReferenceTime id="${id}" type="encoder" wallClockTime="${iso(this.started_at)}" presentationTime="0"><UTCTiming schemeIdUri="urn:mpeg:dash:utc:direct:2014" value="${iso(Date.now())}"/></ProducerReferenceTime>`
            + `<SegmentTemplate timescale="1000" duration="2000" startNumber="0" media="$RepresentationID$-$Number$.m4s" initialization="$RepresentationID$-i1.mp4"${isOver ? '' : ` availabilityTimeOffset="${ato}" availabilityTimeComplete="false"`}/>`
            + `<Representation id="${type === 'video' ? 'v0' : 'a0'}" codecs="${codecs}" ${more}/></AdaptationSet>`;
        const head = isOver ? `type="static" mediaPresentationDuration="PT${this.ended * segment_s}S"`
            : `type="dynamic" availabilityStartTime="${iso(this.started_at)}" publishTime="${iso(Date.now())}" minimumUpdatePeriod="PT2S" timeShiftBufferDepth="PT${Math.min(this.dvr_s, Math.floor(this.now_s()))}S"`;
        return `<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" profiles="urn:mpeg:dash:profile:isoff-live:2011" ${head} minBufferTime="PT1S" maxSegmentDuration="PT2S">`
            + (isOver ? '' : '<ServiceDescription id="0"><Latency target="1500" min="1000" max="6000"/><PlaybackRate min="0.95" max="1.08"/></ServiceDescription>')
            + `<Period id="p0" start="PT0S">${set(0, 'video', 'video/mp4', 'avc1.42c00d', 'bandwidth="300000" width="320" height="180" frameRate="30"', 1.667)}`
            + `${set(1, 'audio', 'audio/mp4', 'mp4a.40.2', 'bandwidth="48000" audioSamplingRate="48000"', 1.667)}</Period>`
            + `<UTCTiming schemeIdUri="urn:mpeg:dash:utc:direct:2014" value="${iso(Date.now())}"/></MPD>`;
    }
    thumbnails() {
        const clock = (s) => new Date(s * 1000).toISOString().slice(11, 23);
        const now = this.now_s();
        const first = Math.max(0, Math.ceil((now - this.dvr_s) / 10));
        let out = 'WEBVTT\n';
        for (let cue = first; (cue + 1) * 10 <= now; cue++)
            out += `\n${clock(cue * 10)} --> ${clock(cue * 10 + 10)}\nthumbs-${Math.floor(cue / 25)}.jpg#xywh=${(cue % 5) * 160},${(Math.floor(cue / 5) % 5) * 90},160,90\n`;
        return out;
    }

    async answer(request, response, file, query) {
        this.requests.push(`${file}?${query}`);
        const send = (type, body, status = 200, headers = {}) => {
            response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(body), 'cache-control': 'no-store', ...headers });
            response.end(request.method === 'HEAD' ? undefined : body);
        };
        if (file === 'master.m3u8')
            return send('application/vnd.apple.mpegurl', '#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-INDEPENDENT-SEGMENTS\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="English",LANGUAGE="en",DEFAULT=YES,AUTOSELECT=YES,URI="a0.m3u8"\n'
                + '#EXT-X-STREAM-INF:BANDWIDTH=400000,CODECS="avc1.42c00d,mp4a.40.2",RESOLUTION=320x180,FRAME-RATE=30,AUDIO="a"\nv0.m3u8\n');
        if (file === 'manifest.mpd') return send('application/dash+xml', this.manifest());
        if (file === 'thumbs.vtt') return send('text/vtt', this.thumbnails());
        if (/^thumbs-\d+\.jpg$/.test(file)) return send('image/jpeg', this.loop.thumbs);
        const [, rendition, what] = /^([va]0)(\.m3u8|-i1\.mp4|-\d+\.m4s)$/.exec(file) ?? [];
        if (!rendition) return send('text/plain', 'not found', 404);
        if (what === '-i1.mp4') return send('video/mp4', this.loop[rendition].init);
        if (what === '.m3u8') {
            const number = query.get('_HLS_msn');
            const part = Number(query.get('_HLS_part') ?? parts_per_segment - 1);
            const isThere = () => {
                const last = this.#segments().at(-1);
                return last !== undefined && (last.number > Number(number) || (last.number === Number(number) && last.parts > part));
            };
            if (number !== null) await this.#until(isThere, request);
            if (response.destroyed) return undefined;
            return send('application/vnd.apple.mpegurl', this.playlist(rendition, query.get('_low') !== '0'));
        }
        const number = Number(/\d+(?=\.m4s)/.exec(what)[0]);
        // While there was no gap the number is the place in time, so that a request ahead of its time can be held.
        const place = () => this.#segments().find((one) => one.number === number) ?? (this.gaps.length ? undefined : { segment: number, parts: this.#partsOf(number) });
        if (!(await this.#until(() => (place()?.parts ?? 0) > 0, request))) return send('text/plain', 'not found', 404);
        const { segment } = place();
        const [, from, to] = /bytes=(\d+)-(\d*)/.exec(request.headers.range ?? '') ?? [];
        if (to) {
            const whole = this.#bytes(rendition, segment, this.#partsOf(segment));
            const end = Math.min(Number(to), whole.length - 1);
            if (Number(from) > end) return send('text/plain', 'out of range', 416);
            return send('video/mp4', whole.subarray(Number(from), end + 1), 206, { 'content-range': `bytes ${from}-${end}/*` });
        }
        response.writeHead(200, { 'content-type': 'video/mp4', 'cache-control': 'no-store' });
        for (let part = 0; part < parts_per_segment; part++) {
            if (!(await this.#until(() => this.#partsOf(segment) > part, request))) break;
            response.write(this.#part(rendition, segment, part));
        }
        response.end();
        return undefined;
    }
}
