// SPDX-License-Identifier: AGPL-3.0-or-later
//
// A server that keeps the API's contract and can be told to misbehave: refuse, forget, renew every half second. It lets the
// tests of the pages reach what a healthy server shows rarely. What the real server does is tested against the real one.
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { AccountStandIn } from './account.mjs';
import { until } from './browser.mjs';
import { Finance } from './finance.mjs';
import { LiveStandIn } from './live.mjs';
import { duration_s, languages, makeFilm, root } from './media.mjs';
import { Room } from './rights.mjs';
import { ShopStandIn } from './shop.mjs';

export const policy = "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' blob: data:; "
    + "media-src 'self' blob: data:; connect-src 'self'; worker-src 'self' blob:; font-src 'self'; object-src 'none'; base-uri 'none'; "
    + "form-action 'self'; frame-ancestors 'none'";

const names = [
    ['Harbour at Dawn', 'Hafen im Morgengrauen', '黎明的港口', 'ท่าเรือยามรุ่งสาง'], ['The Long Straight', 'Die lange Gerade', '漫长的直道', 'ทางตรงอันยาวไกล'],
    ['Snowfall', 'Schneefall', '落雪', 'หิมะโปรย'], ['Kilometre 42', 'Kilometer 42', '第四十二公里', 'กิโลเมตรที่ 42'],
    ['Night Train', 'Nachtzug', '夜行列车', 'รถไฟกลางคืน'], ['Tide Tables', 'Gezeiten', '潮汐表', 'ตารางน้ำขึ้นน้ำลง'],
];
const synopses = ['Fishing boats leave, gulls argue, and the lighthouse goes to sleep.', 'Fischerboote laufen aus, Möwen streiten, der Leuchtturm geht schlafen.',
    '渔船出海，海鸥争吵，灯塔入睡。', 'เรือประมงออกจากฝั่ง นกนางนวลทะเลาะกัน ประภาคารหลับใหล'];
const inLanguages = (texts) => Object.fromEntries(languages.map((language, i) => [language, texts[i]]));
const types = { js: 'text/javascript', css: 'text/css', svg: 'image/svg+xml', woff2: 'font/woff2', m3u8: 'application/vnd.apple.mpegurl',
    mpd: 'application/dash+xml', mp4: 'video/mp4', vtt: 'text/vtt', jpg: 'image/jpeg', html: 'text/html' };

const lasting = 'public, max-age=31536000, immutable'; // as the server says it of what has its version in its address

function film(id, i, more = {}) {
    return { id, kind: 'film', names: inLanguages(names[i]), synopses: inLanguages(synopses), year: 2020 + i, duration_ms: duration_s * 1000,
        genres: ['nature', 'sport'], poster: `/art/${id}/poster.jpg?v=1`, colour: '#1f4a5a', status: 'ready',
        audio: [{ lang: 'en', label: '' }, { lang: 'de', label: '' }], captions: languages.map((lang) => ({ lang, label: '' })),
        heights: [360, 180], parent: null, season: null, episode: null, ...more };
}

const eventNames = {
    live: ['Harbour Criterium, Final Lap', 'Hafenkriterium, letzte Runde', '港口绕圈赛决胜圈', 'ไครทีเรียมท่าเรือ รอบสุดท้าย'],
    scheduled: ['Evening Derby', 'Abendderby', '傍晚德比', 'ดาร์บี้ยามเย็น'],
};
/** A signal as it comes from a good encoder. */
export const goodHealth = (i = 0) => ({ protocol: 'rtmp', peer: '203.0.113.7:41234', agent: 'obs-output module (libobs version 30.2)', since: '2026-11-21T19:29:40Z',
    video: { codec: 'avc1.640020', width: 1280, height: 720, fps: 30 + Math.sin(i / 5) * 0.2, bitrate_bps: 4_000_000 + Math.sin(i / 7) * 350_000, keyframe_interval_ms: 2000 },
    audio: { codec: 'mp4a.40.2', sample_rate: 48000, channels: 2, bitrate_bps: 160_000, level_dbfs: -16 + Math.sin(i) * 5 },
    packets_lost: 3, packets_retransmitted: 41, round_trip_ms: 23 + Math.sin(i / 4) * 4, drift_ppm: -3.2, capture: 'timecode' });
/** An event in one of its states; everything about a film that it lacks is empty. */
function event(id, i, status, more = {}) {
    return film(id, i, { kind: 'event', status, year: null, duration_ms: 0, names: inLanguages(eventNames[status] ?? eventNames.live), genres: ['sport'],
        audio: [], captions: [], heights: [], starts_at: null, started_at: null, ended_at: null, viewers: null, portrait: null, ...more });
}

export class StandIn {
    titles = [];
    live = null; // the channel of the title with the id live000000000001, once startLive() was called
    people = new AccountStandIn(); // who may sign in, and watch
    /** What is sold; closed until a test opens it. */
    shop = new ShopStandIn((id, url) => {
        const title = this.titles.find((other) => other.id === id);
        return title ? this.#show(title, url).name : '';
    });
    jobs = [];
    channels = [];
    uploads = new Map();
    /** Contracts, households and what else the control room keeps. */
    room = new Room((id, url) => {
        const title = this.titles.find((other) => other.id === id);
        return title ? this.#show(title, url).name : '';
    });
    /** Offers, orders, payments and the ledger, as the money pages see them. */
    finance = new Finance((id, url = new URL('http://stand.in/')) => {
        const title = this.titles.find((other) => other.id === id);
        return title ? this.#show(title, url).name : '';
    });
    isOperator = false;
    renew_after_ms = 60_000;
    revoked = false; // every session from now on
    renewsNothing = false;
    reason = null; // {code, message}: why a session that was revoked is over
    refusals = 0; // media requests answered with 403
    sessions = 0;
    renewals = 0;
    held = new Set(); // open event streams
    pieces = []; // offsets of received upload pieces
    holdPiece = null; // a promise that the next piece waits for
    holdTitles = null; // a promise that the second half of the operator's next list of titles waits for
    holdChannels = null; // a promise that the next list of channels waits for, once it is drawn up
    holdJobs = null; // a promise that the next list of jobs waits for, once it is drawn up

    async start() {
        this.film = makeFilm();
        this.people.hasBought = (title, session) => this.shop.entitlementOf(title.id, session) !== null;
        this.titles = names.map((_, i) => film(`film00000000000${i}`, i));
        this.titles.push({ ...film('series0000000001', 5), kind: 'series', names: inLanguages(['Stadium Stories', 'Stadiongeschichten', '球场故事', 'เรื่องเล่าจากสนาม']), duration_ms: 0 });
        for (const n of [1, 2]) this.titles.push(film(`episode000000000${n}`, n, { parent: 'series0000000001', season: 1, episode: n }));
        this.server = http.createServer((request, response) => {
            this.#answer(request, response).catch((error) => {
                response.statusCode = 500;
                response.end(String(error));
            });
        });
        await new Promise((resolve) => this.server.listen(0, '127.0.0.1', resolve));
        this.url = `http://127.0.0.1:${this.server.address().port}`;
        return this;
    }
    /** Adds a live title; `options` are LiveStandIn's. */
    startLive(options) {
        this.live = new LiveStandIn(options);
        this.titles = this.titles.filter((title) => title.id !== 'live000000000001');
        this.titles.unshift(event('live000000000001', 3, 'live', { started_at: new Date(this.live.started_at).toISOString(), viewers: 1284 }));
    }
    /** Adds a title that begins in so many seconds. */
    schedule(id, in_s) {
        this.titles.unshift(event(id, 2, 'scheduled', { starts_at: new Date(Date.now() + in_s * 1000).toISOString() }));
    }
    /** The broadcast is over; its recording is there with the next look at the title. */
    endLive() {
        this.live.end();
        const title = this.titles.find((other) => other.id === 'live000000000001');
        Object.assign(title, { status: 'ready', ended_at: new Date().toISOString(), duration_ms: this.live.ended * 2000, heights: [180], viewers: null });
    }
    async stop() {
        this.live?.close();
        this.server.closeAllConnections();
        await new Promise((resolve) => this.server.close(resolve));
    }

    /** Resolves when one page listens for all; who listened before has gone. */
    listened() {
        return until(() => this.held.size === 1, 'one listener');
    }
    /** What the operator's pages hear. */
    tell(job) {
        this.jobs = [job, ...this.jobs.filter((other) => other.id !== job.id)];
        for (const stream of this.held) stream.write(`event: job\ndata: ${JSON.stringify(job)}\n\n`);
    }

    /** Every event stream ends; what is told until they are back is missed. */
    hangUp() {
        for (const stream of this.held) stream.end();
    }

    /** A channel on the operator's desk; `more` overrides. */
    addChannel(id, more = {}) {
        this.channels.push({ id, name: eventNames.live[0], names: inLanguages(eventNames.live), synopses: {}, status: 'waiting', starts_at: null, started_at: null, ended_at: null,
            key: 'K'.repeat(8) + id.slice(-4), rtmp_url: `rtmp://127.0.0.1:1935/live/${'K'.repeat(8) + id.slice(-4)}`, srt_url: null, backup: 'refuse', dvr_ms: 7_200_000,
            is_recorded: true, is_endless: false, ladder: [], health: null, alarms: [], viewers: 0, ...more });
    }
    /** What the desk hears about a channel. */
    tellChannel(id, change) {
        const channel = Object.assign(this.channels.find((one) => one.id === id), change);
        for (const stream of this.held) stream.write(`event: channel\ndata: ${JSON.stringify(channel)}\n\n`);
    }

    #file(request, response, file, headers = {}) {
        if (!fs.existsSync(file)) return this.#fail(response, 404, 'request.not_found');
        const { size } = fs.statSync(file);
        const [, first, last] = /bytes=(\d+)-(\d*)/.exec(request.headers.range ?? '') ?? [];
        const from = Number(first ?? 0);
        const to = Math.min(last ? Number(last) : size - 1, size - 1);
        const all = { 'content-type': types[file.split('.').pop()], 'content-length': to - from + 1, ...headers };
        if (first !== undefined) all['content-range'] = `bytes ${from}-${to}/${size}`;
        response.writeHead(first === undefined ? 200 : 206, all);
        if (request.method === 'HEAD') response.end();
        else fs.createReadStream(file, { start: from, end: to }).pipe(response);
    }
    #json(response, status, value) {
        response.writeHead(status, { 'content-type': 'application/json' });
        response.end(JSON.stringify(value));
    }
    async #halves(response, value) {
        const text = JSON.stringify(value);
        const wait = this.holdTitles;
        this.holdTitles = null;
        response.writeHead(200, { 'content-type': 'application/json' });
        response.write(text.slice(0, text.length / 2));
        await wait;
        response.end(text.slice(text.length / 2));
    }
    #fail(response, status, code) {
        this.#json(response, status, { error: { code, message: `refused: ${code}` } });
    }
    async #body(request) {
        const parts = [];
        for await (const part of request) parts.push(part);
        return Buffer.concat(parts);
    }
    #ticket() {
        return { token: `token-${this.sessions}-${this.renewals}`, expires_at: new Date(Date.now() + 120_000).toISOString(), renew_after_ms: this.renew_after_ms };
    }

    async #answer(request, response) {
        const url = new URL(request.url, 'http://stand.in');
        const at = url.pathname;
        const pages = path.join(root, 'build/pages');
        if (at.startsWith('/assets/')) return this.#file(request, response, path.join(pages, path.normalize(at)), { 'cache-control': lasting });
        if (at === '/icon.svg') return this.#file(request, response, path.join(pages, 'icon.svg'));
        if (at.startsWith('/art/')) return this.#file(request, response, path.join(this.film, 'poster.jpg'), { 'cache-control': lasting });
        if (at.startsWith('/media/')) {
            const token = request.headers['cta-common-access-token'] ?? '';
            if (this.revoked || !token.startsWith('token-')) {
                this.refusals++;
                return this.#fail(response, 403, token ? 'token.revoked' : 'token.missing');
            }
            const [, , id, file] = at.split('/');
            if (id === 'live000000000001' && this.live) return this.live.answer(request, response, file, url.searchParams);
            return this.#file(request, response, path.join(this.film, path.basename(at)));
        }
        if (at.startsWith('/api/v1')) return this.#api(request, response, url, at.slice(7));
        response.writeHead(200, { 'content-type': 'text/html', 'content-security-policy': policy });
        // The page as the server writes it: the answers it will need are in it.
        const session = this.people.sessionOf(request);
        const answers = { '/site': this.#site(), '/me': this.people.me(session) };
        if (at === '/' && !url.search.includes('q=') && !url.search.includes('kind=')) answers['/titles?rows=1'] = this.#rows(url, session);
        const [, id] = /^\/(?:title|watch)\/(\w+)$/.exec(at) ?? [];
        const title = this.titles.find((other) => other.id === id);
        if (title) answers[`/titles/${id}`] = this.#whole(title, url, session);
        if (title && this.shop.isOpen && at.startsWith('/title/')) answers[`/titles/${id}/offers`] = this.shop.titleOffers(title, url, session);
        response.end(fs.readFileSync(path.join(pages, 'index.html'), 'utf8').replace('<!--gs:data-->',
            () => `<script type="application/json" id="gs-data">${JSON.stringify({ answers }).replaceAll('<', '\\u003c')}</script>`));
    }

    #site() {
        return { name: 'Grandstand', version: '0.1.0', languages, operator: this.isOperator };
    }
    #show({ names, synopses, ...title }, url, session) {
        const language = url.searchParams.get('lang') ?? 'en';
        const sale = this.shop.sale(title, session);
        return { ...title, name: names[language] ?? names.en, synopsis: synopses[language] ?? '', access: this.people.access(title, session), ...(sale ? { sale } : {}) };
    }
    #whole(title, url, session) {
        return { ...this.#show(title, url, session), episodes: this.titles.filter((other) => other.parent === title.id).map((episode) => this.#show(episode, url, session)) };
    }
    /** What a search finds, and where in the names. */
    #search(url, session) {
        const query = (url.searchParams.get('q') ?? '').toLowerCase();
        const limit = Number(url.searchParams.get('limit') ?? 20);
        const matched = (text) => {
            const from = text.toLowerCase().indexOf(query);
            return from < 0 ? null : { field: 'name', text, ranges: [[from, from + query.length]] };
        };
        const items = this.titles.map((title) => this.#show(title, url, session)).map((title) => ({ ...title, match: matched(title.name) })).filter((title) => title.match);
        const people = new Map(this.titles.flatMap((title) => (title.people ?? []).map((person) => [person.id, { id: person.id, name: person.name, match: matched(person.name), titles: [{ id: title.id, name: this.#show(title, url, session).name }] }])));
        return { items: items.slice(0, limit), people: [...people.values()].filter((person) => person.match).slice(0, 3) };
    }
    #rows(url, session) {
        const query = (url.searchParams.get('q') ?? '').toLowerCase();
        const kind = url.searchParams.get('kind');
        const items = this.titles.filter((title) => !title.parent && (!kind || title.kind === kind)).map((title) => this.#show(title, url, session))
            .filter((title) => title.name.toLowerCase().includes(query));
        const events = { live: ['Live now', 'live'], upcoming: ['Coming up', 'scheduled'] };
        const above = Object.entries(events).map(([id, [label, status]]) => ({ id, label, items: items.filter((item) => item.status === status) })).filter((row) => row.items.length);
        if (kind === 'event') return { rows: [{ id: 'results', label: 'Events', items }] };
        return { rows: [...above, ...['film', 'series'].map((row) => ({ id: row, label: row === 'film' ? 'Films' : 'Series', items: items.filter((item) => item.kind === row) }))] };
    }

    async #channel(request, response, id, verb) {
        if (!id && request.method === 'GET') {
            const [text, wait] = [JSON.stringify({ items: this.channels }), this.holdChannels];
            this.holdChannels = null;
            await wait;
            response.writeHead(200, { 'content-type': 'application/json' });
            return response.end(text);
        }
        const body = request.method === 'POST' || request.method === 'PATCH' ? JSON.parse((await this.#body(request)).toString() || '{}') : {};
        if (!id) {
            this.addChannel(`made00000000000${this.channels.length}`, { ...body, name: Object.values(body.names)[0], status: body.starts_at ? 'scheduled' : 'waiting' });
            return this.#json(response, 201, this.channels.at(-1));
        }
        const channel = this.channels.find((one) => one.id === id);
        if (!channel) return this.#fail(response, 404, 'channel.not_found');
        if (verb === 'preview.jpg') return channel.status === 'live' ? this.#file(request, response, path.join(this.film, 'poster.jpg')) : this.#fail(response, 404, 'channel.no_preview');
        if (verb === 'quality')
            return this.#json(response, 200, { sessions: 1284, startup_ms: { median: 420, p95: 910 }, stalls_per_hour: 0.2, bitrate_bps: 4_100_000, latency_ms: { median: 1080, p95: 1620 } });
        if (verb === 'start') channel.status = 'waiting';
        if (verb === 'end') channel.status = 'ended';
        if (verb === 'key') Object.assign(channel, { key: 'NEWKEY123456', rtmp_url: 'rtmp://127.0.0.1:1935/live/NEWKEY123456' });
        if (request.method === 'PATCH') Object.assign(channel, body);
        if (request.method === 'DELETE') this.channels = this.channels.filter((one) => one !== channel);
        return this.#json(response, 200, channel);
    }

    async #api(request, response, url, at) {
        const post = request.method === 'POST';
        const [, area, id, verb] = at.split('/');
        const title = this.titles.find((other) => other.id === id);
        if (at === '/site') return this.#json(response, 200, this.#site());
        const session = this.people.sessionOf(request);
        const read = async () => JSON.parse((await this.#body(request)).toString() || '{}');
        if ((await this.people.answer(request, response, at, read, (status, value) => (this.#json(response, status, value), true), (status, code) => (this.#fail(response, status, code), true))) !== false) return undefined;
        if (this.shop.isOpen && (await this.shop.answer(request, at, url, session, read, (status, value) => (this.#json(response, status, value), true), (status, code) => (this.#fail(response, status, code), true))) !== false) return undefined;
        if (area === 'titles' && title && verb === 'offers') return this.#json(response, 200, this.shop.titleOffers(title, url, session));
        if (at === '/titles') return this.#json(response, 200, this.#rows(url, session));
        if (at === '/search') return this.#json(response, 200, this.#search(url, session));
        if (area === 'titles' && title && !verb) return this.#json(response, 200, this.#whole(title, url, session));
        if (area === 'titles' && verb === 'playback' && post) {
            if (this.revoked) return this.#fail(response, 403, 'token.revoked');
            if (title.status === 'scheduled') return this.#fail(response, 409, 'title.not_live');
            const refusal = this.people.refusal(title, session, await read());
            if (refusal) return this.#json(response, 403, { error: refusal });
            this.sessions++;
            const live = title.status === 'live' ? { part_ms: 334, segment_ms: 2000, hold_back_ms: 1002, dvr_ms: this.live.dvr_s * 1000, started_at: title.started_at } : null;
            return this.#json(response, 200, { live, session: `s${this.sessions}`, ...this.#ticket(), hls: `/media/${id}/master.m3u8`, dash: `/media/${id}/manifest.mpd`,
                thumbnails: `/media/${id}/thumbs.vtt`, path_hls: '', duration_ms: duration_s * 1000 });
        }
        if (area === 'playback' && verb === 'renew') {
            if (this.reason) return this.#json(response, 403, { error: this.reason });
            if (this.revoked || this.renewsNothing) return this.#fail(response, 403, 'token.revoked');
            this.renewals++;
            return this.#json(response, 200, this.#ticket());
        }
        if (area === 'playback') return this.#json(response, 200, {});
        if (at === '/session' && post) {
            if (JSON.parse(await this.#body(request)).code !== 'open') return this.#fail(response, 403, 'session.code');
            this.isOperator = true;
            return this.#json(response, 200, {});
        }
        if (at === '/session') {
            this.isOperator = false;
            return this.#json(response, 200, {});
        }
        if (area === 'titles') return this.#fail(response, 404, 'title.not_found');
        if (!this.isOperator && !session) return this.#fail(response, 401, 'session.required');
        if (!this.isOperator && !session.user.roles.includes({ rights: 'rights', finance: 'finance' }[area] ?? 'operator')) return this.#fail(response, 403, 'role.required');
        if (request.method !== 'GET' && request.headers['x-grandstand'] !== '1') return this.#fail(response, 403, 'request.origin');
        if (area === 'finance') {
            const text = request.method === 'GET' ? '' : (await this.#body(request)).toString();
            const [status, value, type] = this.finance.answer(request.method, url, at, text ? JSON.parse(text) : {}, request.headers) ?? [404, { error: { code: 'request.not_found', message: 'refused' } }];
            if (!type) return this.#json(response, status, value);
            response.writeHead(status, { 'content-type': type });
            return response.end(value);
        }
        const isRaw = !/json/.test(request.headers['content-type'] ?? '');
        if (area === 'rights' || (area === 'operator' && id !== 'titles' && id !== 'channels')) {
            const text = request.method === 'GET' ? '' : (await this.#body(request)).toString();
            const [status, value] = this.room.answer(request.method, url, at, isRaw || !text ? {} : JSON.parse(text), text) ?? [404, { error: { code: 'request.not_found', message: 'refused' } }];
            return this.#json(response, status, value);
        }
        if (at === '/operator/titles' && this.holdTitles) return this.#halves(response, { items: this.titles });
        if (at === '/operator/titles') return this.#json(response, 200, { items: this.titles });
        if (at.startsWith('/operator/titles/')) {
            const index = this.titles.findIndex((other) => other.id === at.split('/')[3]);
            if (index < 0) return this.#fail(response, 404, 'title.not_found');
            if (request.method === 'PATCH') Object.assign(this.titles[index], JSON.parse(await this.#body(request)));
            const whole = this.titles[index];
            if (request.method === 'DELETE') this.titles.splice(index, 1);
            return this.#json(response, 200, whole);
        }
        if (at.startsWith('/operator/channels')) return this.#channel(request, response, at.split('/')[3], at.split('/')[4]);
        if (at === '/jobs') {
            const [items, wait] = [this.jobs, this.holdJobs];
            this.holdJobs = null;
            await wait;
            return this.#json(response, 200, { items });
        }
        if (at === '/events') {
            response.writeHead(200, { 'content-type': 'text/event-stream' });
            response.write('retry: 10\n\n');
            this.held.add(response);
            request.on('close', () => this.held.delete(response));
            return undefined;
        }
        if (area === 'uploads' && !id) {
            const upload = { id: `u${this.uploads.size + 1}`, offset: 0, ...JSON.parse(await this.#body(request)) };
            this.uploads.set(upload.id, upload);
            return this.#json(response, 201, { id: upload.id, offset: 0 });
        }
        const upload = this.uploads.get(id);
        if (area !== 'uploads' || !upload) return this.#fail(response, 404, 'upload.not_found');
        if (verb === 'import') {
            this.titles.push(film(`imported00000000`, 0, { names: { en: upload.name }, status: 'importing', poster: null }));
            this.tell({ id: 'job1', kind: 'import', title: 'imported00000000', state: 'running', step: 'probe', progress: 0.1, error: null, created_at: '2026-01-01T00:00:00Z' });
            return this.#json(response, 201, { job: 'job1', title: 'imported00000000' });
        }
        if (request.method === 'PATCH') {
            const body = await this.#body(request);
            if (this.holdPiece && upload.offset > 0) await this.holdPiece;
            if (Number(request.headers['upload-offset']) !== upload.offset) return this.#fail(response, 409, 'upload.offset');
            this.pieces.push(upload.offset);
            upload.offset += body.length;
        }
        return this.#json(response, 200, { offset: upload.offset, bytes: upload.bytes });
    }
}
