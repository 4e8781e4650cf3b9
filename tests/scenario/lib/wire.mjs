// SPDX-License-Identifier: AGPL-3.0-or-later
//
// A connection for tests that must say what no well-behaved client says: bytes out as they are, responses and frames in.
import { connect } from 'node:net';

export async function dial(port) {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    await new Promise((done, fail) => socket.once('connect', done).once('error', fail));
    return new Wire(socket);
}

export class Wire {
    constructor(socket) {
        this.socket = socket;
        this.chunks = [];
        this.length = 0; // of all chunks
        this.waiting = [];
        const wake = () => this.waiting.splice(0).forEach((one) => one());
        socket.removeAllListeners('error');
        socket.on('error', () => {}); // a reset is a close: 'close' follows
        socket.on('data', (chunk) => { this.chunks.push(chunk); this.length += chunk.length; wake(); });
        socket.on('end', () => { this.hasEnded = true; wake(); });
        this.closed = new Promise((done) => socket.once('close', () => { this.hasEnded = true; wake(); done(); }));
    }

    /** Resolves when the kernel has the bytes, or the connection has gone. */
    send(bytes) {
        return Promise.race([new Promise((done) => this.socket.write(bytes, done)), this.closed]);
    }

    more() {
        return this.hasEnded ? undefined : new Promise((done) => this.waiting.push(done));
    }

    /** What has come and was not taken yet, in one piece. */
    bytes() {
        if (this.chunks.length !== 1) this.chunks = [Buffer.concat(this.chunks)];
        return this.chunks[0];
    }

    take(count) {
        const taken = this.bytes().subarray(0, count);
        this.chunks = [this.bytes().subarray(count)];
        this.length -= taken.length;
        return taken;
    }

    /** Resolves when so much has come; false if the connection ended before. */
    async has(count) {
        while (this.length < count) {
            if (this.hasEnded) return false;
            await this.more();
        }
        return true;
    }

    /** The next response: {status, head, body}; undefined if the connection ended instead. */
    async response({ isHead = false } = {}) {
        let end;
        while ((end = this.bytes().indexOf('\r\n\r\n')) < 0) if (!(await this.has(this.length + 1))) return undefined;
        const head = this.bytes().toString('latin1', 0, end);
        const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1]);
        const length = isHead || status < 200 || status === 204 || status === 304 ? 0 : Number(/^content-length: (\d+)$/im.exec(head)?.[1]);
        if (Number.isNaN(status) || Number.isNaN(length)) throw new Error(`not a response that can be read here: ${head}`);
        if (!(await this.has(end + 4 + length))) return undefined;
        this.take(end + 4);
        return { status, head, body: this.take(length) };
    }

    /** All that comes until the other side closes. */
    async rest() {
        while (!this.hasEnded) await this.more();
        this.socket.destroy();
        return this.take(this.length).toString('latin1');
    }

    /** The next HTTP/2 frame: {type, flags, stream, payload}; undefined if the connection ended instead. */
    async frame() {
        if (!(await this.has(9))) return undefined;
        const length = this.bytes().readUIntBE(0, 3);
        if (!(await this.has(9 + length))) return undefined;
        const head = this.take(9);
        return { type: head[3], flags: head[4], stream: head.readUInt32BE(5) & 0x7fffffff, payload: this.take(length) };
    }
}

// HTTP/2 (RFC 9113 section 6, HPACK RFC 7541)
export const h2 = {
    preface: Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
    DATA: 0, HEADERS: 1, RST_STREAM: 3, SETTINGS: 4, PING: 6, GOAWAY: 7, CONTINUATION: 9,
    END_STREAM: 1, END_HEADERS: 4,
    frame(type, flags, stream, payload = Buffer.alloc(0)) {
        const head = Buffer.alloc(9);
        head.writeUIntBE(payload.length, 0, 3);
        head[3] = type;
        head[4] = flags;
        head.writeUInt32BE(stream, 5);
        return Buffer.concat([head, payload]);
    },
    setting(id, value) {
        const bytes = Buffer.alloc(6);
        bytes.writeUInt16BE(id, 0);
        bytes.writeUInt32BE(value, 2);
        return bytes;
    },
    /** An integer with a prefix of `bits` bits. */
    integer(value, bits, first = 0) {
        const max = (1 << bits) - 1;
        if (value < max) return Buffer.from([first | value]);
        const bytes = [first | max];
        for (value -= max; value >= 128; value >>>= 7) bytes.push((value & 127) | 128);
        return Buffer.from([...bytes, value]);
    },
    string(text) {
        return Buffer.concat([h2.integer(text.length, 7), Buffer.from(text, 'latin1')]);
    },
    /** A field with its name spelled out; kept in the dynamic table if `isKept`. */
    field(name, value, isKept = false) {
        return Buffer.concat([Buffer.from([isKept ? 0x40 : 0]), h2.string(name), h2.string(value)]);
    },
    get(path, ...more) {
        return Buffer.concat([h2.field(':method', 'GET'), h2.field(':scheme', 'http'), h2.field(':authority', 'localhost'), h2.field(':path', path), ...more]);
    },
};
