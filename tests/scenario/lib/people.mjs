// SPDX-License-Identifier: AGPL-3.0-or-later
//
// People with accounts, in the hands of a test: a browser's cookie, the mails that reach them (as the operator's page shows them), an
// authenticator.
//
//   const erika = await signUp(server, operator, { email: 'erika@example.org', name: 'Erika' });
//   await erika.call('POST', '/profiles', { name: 'Max', ... });
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash, createHmac } from 'node:crypto';
import { join } from 'node:path';
import { epoch } from './server.mjs';

export const password = 'vier Birnen im Regen';

export class Person {
    constructor(server, { host, cookie, device } = {}) {
        this.server = server;
        this.host = host;
        this.cookie = cookie;
        this.device = device; // by which this browser is known again
    }

    /** As a page of this site would ask; keeps the cookie that comes back. */
    async call(method, path, body, { headers = {}, mark = true, ...more } = {}) {
        const cookie = [this.cookie, this.device].filter(Boolean).join('; ');
        const answer = await this.server.call(method, `/api/v1${path}`, {
            body, ...more,
            headers: { ...(mark ? { 'x-grandstand': '1' } : {}), ...(this.host ? { host: this.host } : {}), ...(cookie ? { cookie } : {}), ...headers },
        });
        for (const set of (answer.headers.get('set-cookie') ?? '').split(/, (?=[\w-]+=)/).filter(Boolean)) {
            const [pair, ...attributes] = set.split('; ');
            if (pair.startsWith('grandstand_device=')) {
                this.device = pair;
                this.deviceAttributes = attributes;
            } else {
                this.cookie = attributes.includes('Max-Age=0') ? undefined : pair;
                this.attributes = attributes;
            }
        }
        return answer;
    }

    get(path, headers) {
        return this.call('GET', path, undefined, { headers });
    }

    /** Calls, and insists on the status; the answer's JSON. */
    async ok(method, path, body, status = 200) {
        const answer = await this.call(method, path, body);
        assert.equal(answer.status, status, `${method} ${path}: ${answer.text}`);
        return answer.json;
    }

    /** Calls, and insists on the refusal. */
    async refused(method, path, body, status, code, more) {
        const answer = await this.call(method, path, body, more);
        assert.deepEqual([answer.status, answer.json?.error.code], [status, code], `${method} ${path}: ${answer.text}`);
        return answer;
    }
}

/** Mails to an address, the latest first. */
export async function mailsTo(operator, address) {
    const { status, json, text } = await operator.get('/operator/mails');
    assert.equal(status, 200, text);
    return json.items.filter((mail) => mail.to === address);
}

/** The code of the link in the latest mail to an address, or the latest that leads to `to`: {code, page}. */
export async function linkTo(operator, address, to = '#code=') {
    const mail = (await mailsTo(operator, address)).find((one) => one.text.includes(to));
    assert.ok(mail, `a mail to ${address}`);
    const found = /https?:\/\/\S+?(\/[a-z-]+(?:\/[a-z-]+)*)#code=([A-Za-z0-9_-]+)/.exec(mail.text);
    assert.ok(found, mail.text);
    return { page: found[1], code: found[2] };
}

export async function signUp(server, operator, { email, name, country = 'DE', lang = 'en', host, pass = password } = {}) {
    const person = new Person(server, { host });
    await person.ok('POST', '/sign-up', { email, password: pass, name, country, lang }, 202);
    const { page, code } = await linkTo(operator, email);
    assert.equal(page, '/confirm');
    const me = await person.ok('POST', '/confirm', { code });
    assert.equal(me.user.email, email);
    return person;
}

export async function signIn(server, email, pass = password, { host, code } = {}) {
    const person = new Person(server, { host });
    await person.ok('POST', '/sign-in', { email, password: pass, ...(code ? { code } : {}) });
    return person;
}

/** Invites by mail and accepts. */
export async function invite(server, operator, { email, name, roles, host, pass = password }) {
    const made = await operator.call('POST', '/operator/members', { email, roles });
    assert.equal(made.status, 201, made.text);
    const person = new Person(server, { host });
    const { page, code } = await linkTo(operator, email);
    assert.equal(page, '/invitation');
    await person.ok('POST', '/invitation/accept', { code, name, password: pass });
    return person;
}

/** Where the server's clock stands. */
export const nowS = (server) => epoch + Math.floor((server.advancedMs ?? 0) / 1000);

/** RFC 6238 with the usual SHA-1, 30 seconds, six digits. */
export function totp(secret, seconds) {
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
    let bits = '';
    for (const letter of secret.replace(/=+$/, '')) bits += alphabet.indexOf(letter).toString(2).padStart(5, '0');
    const key = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
    const counter = Buffer.alloc(8);
    counter.writeBigUInt64BE(BigInt(Math.floor(seconds / 30)));
    const mac = createHmac('sha1', key).update(counter).digest();
    const at = mac[19] & 15;
    return String((mac.readUInt32BE(at) & 0x7fffffff) % 1_000_000).padStart(6, '0');
}

/** What the database says; with `changes` it is written to, past the server. */
export function asked(server, text, { changes = false } = {}) {
    const done = spawnSync('sqlite3', [...(changes ? ['-cmd', '.timeout 5000'] : ['-readonly']), join(server.data, 'grandstand.db'), text], { encoding: 'utf8', maxBuffer: 64 << 20 });
    assert.equal(done.status, 0, done.stderr);
    return done.stdout;
}
/** What is stored, by table: Map of name -> hash of its rows. */
export function stored(server) {
    const sql = (text) => asked(server, text);
    const tables = sql("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY name").trim().split('\n');
    return new Map(tables.map((name) => [name, createHash('sha256').update(sql(`SELECT * FROM "${name}"`).split('\n').sort().join('\n')).digest('hex')]));
}
