// SPDX-License-Identifier: AGPL-3.0-or-later
//
// An encoder in the hands of a test: it sends the frames of an FLV file over RTMP when the test says so, drops when the test says so.
//
//   const encoder = await publish(channel.rtmp_url, flv);   // rejects with the server's words when it is refused
//   await encoder.send(2_000);                               // everything up to 2 s of the file's time
//   await encoder.end();                                     // says goodbye; encoder.drop() does not
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';

const chunkBytes = 65536;

function amf(value) {
    if (typeof value === 'number') {
        const out = Buffer.alloc(9);
        out.writeDoubleBE(value, 1);
        return out;
    }
    if (typeof value === 'string') return Buffer.concat([Buffer.from([2, value.length >> 8, value.length & 255]), Buffer.from(value)]);
    if (value === null) return Buffer.from([5]);
    const members = Object.entries(value).map(([name, one]) => Buffer.concat([amf(name).subarray(1), amf(one)]));
    return Buffer.concat([Buffer.from([3]), ...members, Buffer.from([0, 0, 9])]);
}

function amfRead(bytes) {
    let at = 0;
    const text = () => {
        const len = bytes.readUInt16BE(at);
        at += 2 + len;
        return bytes.toString('utf8', at - len, at);
    };
    const one = () => {
        const type = bytes[at++];
        if (type === 0) return bytes.readDoubleBE((at += 8) - 8);
        if (type === 1) return bytes[at++] !== 0;
        if (type === 2) return text();
        if (type === 5 || type === 6) return null;
        if (type === 8) at += 4;
        if (type !== 3 && type !== 8) throw new Error(`AMF type ${type}`);
        const object = {};
        for (;;) {
            const name = text();
            if (!name && bytes[at] === 9) break;
            object[name] = one();
        }
        at++;
        return object;
    };
    const all = [];
    while (at < bytes.length) all.push(one());
    return all;
}

/** The tags of an FLV file: {type, ms, data}. */
export function readFlv(path) {
    const bytes = readFileSync(path), tags = [];
    for (let at = 13; at + 11 <= bytes.length;) {
        const size = bytes.readUIntBE(at + 1, 3);
        const ms = bytes.readUIntBE(at + 4, 3) | (bytes[at + 7] << 24);
        tags.push({ type: bytes[at] & 31, ms, data: bytes.subarray(at + 11, at + 11 + size) });
        at += 11 + size + 4;
    }
    return tags;
}

/** A test that waits for ever says nothing; one that fails says for what. */
export function soon(promise, what, ms = 60_000) {
    let timer;
    const late = new Promise((_, fail) => { timer = setTimeout(() => fail(new Error(`it did not come within ${ms} ms: ${what}`)), ms); });
    return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

class Encoder {
    constructor(url, tags) {
        const parsed = new URL(url.replace('rtmp:', 'http:'));
        [, this.app, this.key] = parsed.pathname.split('/');
        this.host = parsed.hostname === 'localhost' ? '127.0.0.1' : parsed.hostname;
        this.port = Number(parsed.port);
        this.tags = tags;
        this.next = 0;
        this.offset = 0;
        this.waiting = [];
        this.heard = [];
        this.input = Buffer.alloc(0);
        this.chunkIn = 128;
        this.streams = new Map();
    }

    message(stream, type, ms, streamId, body) {
        const extended = ms >= 0xffffff;
        const head = Buffer.alloc(12 + (extended ? 4 : 0));
        head[0] = stream;
        head.writeUIntBE(extended ? 0xffffff : ms, 1, 3);
        head.writeUIntBE(body.length, 4, 3);
        head[7] = type;
        head.writeUInt32LE(streamId, 8);
        if (extended) head.writeUInt32BE(ms >>> 0, 12);
        const parts = [head, body.subarray(0, chunkBytes)];
        for (let at = chunkBytes; at < body.length; at += chunkBytes) {
            const more = Buffer.alloc(extended ? 5 : 1);
            more[0] = 0xc0 | stream;
            if (extended) more.writeUInt32BE(ms >>> 0, 1);
            parts.push(more, body.subarray(at, at + chunkBytes));
        }
        return Buffer.concat(parts);
    }

    command(streamId, ...values) {
        this.socket.write(this.message(3, 20, 0, streamId, Buffer.concat(values.map(amf))));
    }

    take(data) {
        this.input = Buffer.concat([this.input, data]);
        if (!this.hasShaken) {
            if (this.input.length < 3073) return;
            this.hasShaken = true;
            this.socket.write(this.input.subarray(1, 1537));
            this.input = this.input.subarray(3073);
            this.onShaken();
        }
        while (this.chunk());
    }

    chunk() {
        const bytes = this.input;
        if (bytes.length < 1) return false;
        const format = bytes[0] >> 6, id = bytes[0] & 63;
        const headBytes = [11, 7, 3, 0][format];
        if (bytes.length < 1 + headBytes) return false;
        const s = this.streams.get(id) ?? { parts: [], have: 0 };
        this.streams.set(id, s);
        if (format < 2) {
            s.length = bytes.readUIntBE(4, 3);
            s.type = bytes[7];
        }
        const want = Math.min(s.length - s.have, this.chunkIn);
        if (bytes.length < 1 + headBytes + want) return false;
        s.parts.push(bytes.subarray(1 + headBytes, 1 + headBytes + want));
        s.have += want;
        this.input = bytes.subarray(1 + headBytes + want);
        if (s.have < s.length) return true;
        const body = Buffer.concat(s.parts);
        s.parts = [];
        s.have = 0;
        if (s.type === 1) this.chunkIn = body.readUInt32BE(0);
        if (s.type === 20) {
            const values = amfRead(body);
            this.heard.push(values);
            this.waiting.shift()?.();
        }
        return true;
    }

    async hear(isWanted) {
        for (;;) {
            const at = this.heard.findIndex(isWanted);
            if (at >= 0) return this.heard.splice(at, 1)[0];
            if (this.isClosed) throw new Error('the server closed the connection');
            await soon(new Promise((done) => this.waiting.push(done)), "the server's answer over RTMP");
        }
    }

    async open() {
        this.closed = new Promise((done) => {
            this.socket = connect(this.port, this.host);
            this.socket.setNoDelay(true);
            this.socket.on('error', () => {});
            this.socket.on('data', (data) => this.take(data));
            this.socket.on('close', () => {
                this.isClosed = true;
                this.waiting.splice(0).forEach((wake) => wake());
                done();
            });
        });
        const shaken = new Promise((done) => { this.onShaken = done; });
        this.socket.write(Buffer.concat([Buffer.from([3]), Buffer.alloc(1536, 7)]));
        await soon(Promise.race([shaken, this.closed]), 'the RTMP handshake');
        const size = Buffer.alloc(4);
        size.writeUInt32BE(chunkBytes);
        this.socket.write(this.message(2, 1, 0, 0, size));
        this.command(0, 'connect', 1, { app: this.app, flashVer: 'test encoder', tcUrl: `rtmp://${this.host}:${this.port}/${this.app}` });
        await this.hear((v) => v[0] === '_result' && v[1] === 1);
        this.command(0, 'createStream', 2, null);
        this.streamId = (await this.hear((v) => v[0] === '_result' && v[1] === 2))[3];
        this.command(this.streamId, 'publish', 3, null, this.key, 'live');
        const [, , , said] = await this.hear((v) => v[0] === 'onStatus');
        if (said.code !== 'NetStream.Publish.Start') {
            this.drop();
            throw new Error(`${said.code}: ${said.description}`);
        }
        return this;
    }

    metadata(data) {
        return this.message(3, 18, 0, this.streamId, Buffer.concat([amf('@setDataFrame'), data]));
    }

    announce(tag) {
        this.socket.write(this.metadata(tag.data));
    }

    /** Sends all tags up to that time of the file, moved by `offset` ms; resolves when the system has taken them. */
    async send(untilMs = Infinity) {
        const out = [];
        while (this.next < this.tags.length && this.tags[this.next].ms < untilMs) {
            const { type, ms, data } = this.tags[this.next++];
            if (type === 18) out.push(this.metadata(data));
            else out.push(this.message(type === 8 ? 4 : 6, type, ms + this.offset, this.streamId, data));
        }
        if (out.length && !this.isClosed) await soon(new Promise((done) => this.socket.write(Buffer.concat(out), done)), 'the server to take frames');
    }

    /** Begins the file again, as another encoder would, or later on the same clock. */
    rewind(offset = 0) {
        this.next = 0;
        this.offset = offset;
    }

    async end() {
        this.command(0, 'FCUnpublish', 4, null, this.key);
        this.command(0, 'deleteStream', 5, null, this.streamId);
        this.socket.end();
        await soon(this.closed, 'the server to hang up after goodbye');
    }

    drop() {
        this.socket.destroy();
        return this.closed;
    }
}

export async function publish(url, tags) {
    const encoder = new Encoder(url, typeof tags === 'string' ? readFlv(tags) : tags);
    return encoder.open();
}
