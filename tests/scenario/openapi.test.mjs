// SPDX-License-Identifier: AGPL-3.0-or-later
//
// openapi.yaml is true to the server: each operation is called, in each of the ways below, and answers as it is written there;
// each route of the program is written there; and two organisations never see each other's rows, whichever route is taken.
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { film, root, run, start } from './lib/server.mjs';
import { walk } from './lib/walk.mjs';

/** 'GET /api/v1/site' -> Set of statuses */
function operations() {
    const found = new Map();
    let path, key;
    for (const line of readFileSync(join(root, 'openapi.yaml'), 'utf8').split('\n')) {
        let m;
        if (line === 'components:') break;
        if ((m = /^  (\/[^:]*):$/.exec(line))) path = m[1];
        else if ((m = /^    (get|post|put|patch|delete):$/.exec(line))) found.set((key = `${m[1].toUpperCase()} ${path}`), new Set());
        else if ((m = /^        '(\d{3})':/.exec(line))) found.get(key).add(Number(m[1]));
    }
    return found;
}

test('each route of the program is written down, and none that it does not have', () => {
    const routes = new Set();
    for (const folder of ['src/api', 'src/delivery'])
        for (const file of readdirSync(join(root, folder)).filter((name) => name.endsWith('.c'))) {
            const text = readFileSync(join(root, folder, file), 'utf8');
            for (const m of text.matchAll(/HTTP_(GET|POST|PUT|PATCH|DELETE), "([^"]+)"/g)) routes.add(`${m[1]} ${m[2]}`);
            for (const m of text.matchAll(/\.method = HTTP_(GET|PATCH|DELETE|POST|PUT), \.pattern = "([^"]+)"/g)) routes.add(`${m[1]} ${m[2]}`);
            if (file === 'metrics.c') routes.add('GET /healthz');
            if (file === 'media.c') for (const m of text.matchAll(/"(\/media\/[^"]+)"/g)) routes.add(`GET ${m[1]}`);
        }
    routes.delete('POST /test/clock');
    assert.deepEqual([...routes].sort(), [...operations().keys()].sort());
});

const facts = ['audio', 'captions', 'colour', 'duration_ms', 'ended_at', 'episode', 'genres', 'heights', 'id', 'kind', 'parent', 'portrait', 'poster', 'season', 'started_at', 'starts_at', 'status', 'year', 'is_free'];
const shown = ['access', 'age', 'name', 'rating', 'sale', 'synopsis', 'viewers'];
const keys = (object) => Object.keys(object).sort();

test('each operation answers as it is written, and one organisation sees nothing of another', async (t) => {
    const documented = operations(), called = new Set();
    const server = await start(t, { args: ['--no-ladder', '--upload-max-gb', '1', '--rtmp', '127.0.0.1:0', '--srt', '127.0.0.1:0', '--srt-passphrase', 'correct-horse'] });
    const operator = await server.enter();
    const linked = run(['operator-link', '--data', server.data, '--host', 'arena.example', '--organisation', 'Arena', '--json']);
    assert.equal(linked.status, 0, linked.stderr);
    const arenaHost = { host: 'arena.example' };
    const source = film(t, { seconds: 1 });
    const { title, job } = await operator.import(source, { names: { en: 'Ours' }, genres: ['nature'], year: 2026 });
    while ((await server.get(`/api/v1/titles/${title}`, arenaHost)).status !== 404); // the running server is told of the new host, by a signal
    const entered = await server.call('POST', '/api/v1/session', { body: { code: JSON.parse(linked.stdout).code }, headers: { 'x-grandstand': '1', ...arenaHost } });
    assert.equal(entered.status, 204, entered.text);
    const arenaCookie = entered.headers.get('set-cookie').split(';')[0];

    /** Calls and checks the status against the page; `path` holds {names} filled in from `values`. */
    const call = async (operation, expected, { values = {}, as = operator.cookie, body, raw, headers = {}, query = '', mark = true, host = {} } = {}) => {
        const [method, pattern] = operation.split(' ');
        const path = pattern.replace(/\{(\w+)\}/g, (_, name) => values[name]);
        const answer = await server.call(method, path + query, { body, raw, headers: { ...(mark ? { 'x-grandstand': '1' } : {}), ...(as ? { cookie: as } : {}), ...host, ...headers } });
        assert.ok(documented.has(operation), operation);
        assert.ok(documented.get(operation).has(answer.status), `${operation} answered ${answer.status}, which is not written down: ${answer.text}`);
        assert.equal(answer.status, expected, `${operation}: ${answer.text}`);
        const more = { 'body.type': ['about'], 'body.unknown': ['about', 'known'] }[answer.json?.error?.code] ?? [];
        if (answer.status >= 400 && answer.json) assert.deepEqual(keys(answer.json.error).filter((key) => !['starts_at', 'meant'].includes(key)), [...more, 'code', 'message'].sort());
        called.add(operation);
        return answer;
    };

    const missing = '0000000000000000';

    assert.deepEqual(keys((await call('GET /api/v1/site', 200)).json), ['languages', 'name', 'operator', 'version']);
    const rows = (await call('GET /api/v1/titles', 200, { query: '?rows=1' })).json.rows;
    assert.deepEqual(keys(rows[0]), ['id', 'items', 'label', 'source']);
    assert.deepEqual(keys(rows[0].items[0]), [...facts, ...shown].sort());
    assert.deepEqual(keys((await call('GET /api/v1/titles/{id}', 200, { values: { id: title } })).json), [...facts, ...shown, 'countries', 'eidr', 'episodes', 'items', 'original_lang', 'original_name', 'people', 'seasons', 'versions'].sort());
    await call('GET /api/v1/titles/{id}', 404, { values: { id: missing } });

    const playback = (await call('POST /api/v1/titles/{id}/playback', 201, { values: { id: title } })).json;
    assert.deepEqual(keys(playback), ['dash', 'duration_ms', 'expires_at', 'hls', 'live', 'path_hls', 'renew_after_ms', 'session', 'thumbnails', 'token']);
    await call('POST /api/v1/titles/{id}/playback', 404, { values: { id: missing } });
    await call('POST /api/v1/playback/{session}/renew', 200, { values: { session: playback.session } });
    await call('POST /api/v1/playback/{session}/renew', 404, { values: { session: missing } });
    const token = { 'cta-common-access-token': playback.token };
    const media = { title, file: 'v0.mp4', token: playback.token };
    for (const operation of ['GET /media/{title}/{file}', 'GET /media/{token}/{title}/{file}']) {
        const whole = await call(operation, 200, { values: media, headers: token });
        await call(operation, 206, { values: media, headers: { ...token, range: 'bytes=0-9' } });
        await call(operation, 416, { values: media, headers: { ...token, range: `bytes=${whole.bytes.length}-` } });
        await call(operation, 304, { values: media, headers: { ...token, 'if-none-match': whole.headers.get('etag') } });
        await call(operation, 404, { values: { ...media, file: 'v7.mp4' }, headers: token });
    }
    await call('GET /media/{title}/{file}', 403, { values: media });
    await call('GET /media/{token}/{title}/{file}', 403, { values: { ...media, token: 'x' } });
    await call('GET /art/{title}/{file}', 200, { values: { title, file: 'poster.jpg' } });
    await call('GET /art/{title}/{file}', 404, { values: { title, file: 'other.jpg' } });
    await call('DELETE /api/v1/playback/{session}', 204, { values: { session: playback.session } });
    await call('DELETE /api/v1/playback/{session}', 404, { values: { session: missing } });
    await call('POST /api/v1/playback/{session}/renew', 403, { values: { session: playback.session } });

    const items = (await call('GET /api/v1/operator/titles', 200)).json.items;
    assert.deepEqual(keys(items[0]), [...facts, 'age', 'countries', 'edit', 'eidr', 'external_id', 'members', 'names', 'original_lang', 'original_name', 'people', 'posters', 'ratings', 'synopses'].sort());
    const series = (await call('POST /api/v1/operator/titles', 201, { body: { names: { en: 'A Series' }, kind: 'series' } })).json;
    await call('POST /api/v1/operator/titles', 400, { body: { names: {} } });
    await call('POST /api/v1/titles/{id}/playback', 409, { values: { id: series.id } });
    await call('GET /api/v1/operator/titles/{id}', 200, { values: { id: title } });
    await call('GET /api/v1/operator/titles/{id}', 404, { values: { id: missing } });
    const changed = (await call('PATCH /api/v1/operator/titles/{id}', 200, { values: { id: title }, body: { parent: series.id, season: 1, episode: 1, synopses: { th: 'ภูเขา' }, year: null } })).json;
    assert.deepEqual([changed.parent, changed.season, changed.year, changed.synopses.th], [series.id, 1, null, 'ภูเขา']);
    await call('PATCH /api/v1/operator/titles/{id}', 400, { values: { id: title }, body: { year: 'soon' } });
    await call('PATCH /api/v1/operator/titles/{id}', 404, { values: { id: missing }, body: {} });
    await call('DELETE /api/v1/operator/titles/{id}', 409, { values: { id: series.id } });
    await call('DELETE /api/v1/operator/titles/{id}', 404, { values: { id: missing } });

    const upload = (await call('POST /api/v1/uploads', 201, { body: { name: 'a.mp4', bytes: 10 } })).json;
    await call('POST /api/v1/uploads', 400, { body: { name: 'a.mp4' } });
    await call('POST /api/v1/uploads', 413, { body: { name: 'a.mp4', bytes: 2 ** 31 } });
    const piece = (offset, bytes) => ({ values: { id: upload.id }, raw: bytes, headers: { 'upload-offset': String(offset) } });
    assert.equal((await call('PATCH /api/v1/uploads/{id}', 200, piece(0, Buffer.from('12345')))).json.offset, 5);
    await call('PATCH /api/v1/uploads/{id}', 409, piece(3, Buffer.from('45')));
    await call('PATCH /api/v1/uploads/{id}', 413, piece(5, Buffer.from('678901')));
    await call('PATCH /api/v1/uploads/{id}', 404, { ...piece(0, Buffer.from('1')), values: { id: missing } });
    assert.deepEqual((await call('GET /api/v1/uploads/{id}', 200, { values: { id: upload.id } })).json, { offset: 5, bytes: 10 });
    await call('GET /api/v1/uploads/{id}', 404, { values: { id: missing } });
    await call('POST /api/v1/uploads/{id}/import', 409, { values: { id: upload.id }, body: {} });
    await call('POST /api/v1/uploads/{id}/import', 404, { values: { id: missing }, body: {} });
    await call('DELETE /api/v1/uploads/{id}', 204, { values: { id: upload.id } });
    await call('DELETE /api/v1/uploads/{id}', 404, { values: { id: upload.id } });

    const jobs = (await call('GET /api/v1/jobs', 200)).json.items;
    assert.deepEqual(keys(jobs[0]), ['created_at', 'error', 'id', 'kind', 'progress', 'state', 'step', 'title']);
    await call('DELETE /api/v1/jobs/{id}', 409, { values: { id: job.id } });
    await call('DELETE /api/v1/jobs/{id}', 404, { values: { id: '1' } });
    const channelKeys = ['alarms', 'backup', 'dvr_ms', 'ended_at', 'health', 'id', 'is_endless', 'is_recorded', 'key', 'ladder', 'name', 'names', 'rtmp_url', 'srt_url', 'started_at', 'starts_at', 'status', 'viewers'];
    const channels = 'GET /api/v1/operator/channels', one = (rest = '', method = 'GET') => `${method} /api/v1/operator/channels/{title}${rest}`;
    const channel = (await call('POST /api/v1/operator/channels', 201, { body: { names: { en: 'On air' }, dvr_ms: 600000, backup: 'take_over', ladder: [] } })).json;
    assert.deepEqual(keys(channel), channelKeys);
    assert.match(channel.rtmp_url, new RegExp(`^rtmp://127\\.0\\.0\\.1:\\d+/live/${channel.key}$`));
    assert.match(channel.srt_url, new RegExp(`^srt://127\\.0\\.0\\.1:\\d+\\?streamid=publish:${channel.key}&passphrase=correct-horse$`));
    assert.deepEqual([channel.dvr_ms, channel.backup, channel.status, channel.health], [600000, 'take_over', 'waiting', null]);
    for (const body of [{}, { names: {} }, { names: { en: 'x' }, dvr_ms: 1 }, { names: { en: 'x' }, starts_at: 'soon' }, { names: { en: 'x' }, ladder: [100] }, { names: { en: 'x' }, ladder: [480, 720] },
        { names: { en: 'x' }, backup: 'maybe' }, { names: { en: 'x' }, is_recorded: 'yes' }, { names: { en: 'x' }, kind: 'opera' }]) await call('POST /api/v1/operator/channels', 400, { body });
    const onAir = { title: channel.id };
    assert.deepEqual((await call(channels, 200)).json.items.map((item) => item.id), [channel.id]);
    await call(one(), 200, { values: onAir });
    await call(one(), 404, { values: { title } });
    const renamed = (await call(one('', 'PATCH'), 200, { values: onAir, body: { names: { de: 'Auf Sendung' }, dvr_ms: 60000, starts_at: '2030-01-01T00:00:00Z' } })).json;
    assert.deepEqual([renamed.names, renamed.dvr_ms, renamed.backup, renamed.starts_at], [{ en: 'On air', de: 'Auf Sendung' }, 60000, 'take_over', '2030-01-01T00:00:00.000Z']);
    await call(one('', 'PATCH'), 400, { values: onAir, body: { dvr_ms: 1 } });
    await call(one('', 'PATCH'), 404, { values: { title: missing }, body: {} });
    const rotated = (await call(one('/key', 'POST'), 200, { values: onAir })).json;
    assert.notEqual(rotated.key, channel.key);
    await call(one('/key', 'POST'), 404, { values: { title: missing } });
    await call(one('/start', 'POST'), 200, { values: onAir });
    await call(one('/start', 'POST'), 404, { values: { title: missing } });
    await call(one('/preview.jpg'), 404, { values: onAir });
    assert.deepEqual((await call(one('/quality'), 200, { values: onAir })).json, { sessions: 0, startup_ms: { median: null, p95: null }, stalls_per_hour: 0, bitrate_bps: 0, latency_ms: { median: null, p95: null } });
    await call(one('/quality'), 404, { values: { title: missing } });
    await call('POST /api/v1/titles/{id}/playback', 409, { values: { id: channel.id } });
    await call('GET /healthz', 200);
    const metrics = (await call('GET /metrics', 200)).text;
    assert.match(metrics, /grandstand_http_connections_total \d+/);
    for (const name of ['payments_captured_total', 'payments_corrected_total', 'payments{state="processing"}', 'payments_parked', 'pay_outbox_age_seconds', 'pay_webhooks_waiting'])
        assert.ok(metrics.includes(`\ngrandstand_${name} `), `${name} is told`);

    // Everything of the operator is closed to those who are not, and what changes to pages of other sites.
    for (const operation of documented.keys()) {
        const [method, pattern] = operation.split(' ');
        const isOperators = documented.get(operation).has(401);
        const values = { id: title, title: pattern.includes('channels') ? channel.id : title, session: missing, file: 'poster.jpg', token: 'x' };
        if (walk[operation] && !called.has(operation)) continue; // walked there, with all that it needs
        if (isOperators) await call(operation, 401, { as: null, values, body: method === 'GET' || method === 'DELETE' || pattern.endsWith('uploads/{id}') ? undefined : {} });
        if (isOperators && method !== 'GET') {
            await call(operation, 403, { mark: false, values, body: method === 'DELETE' || pattern.endsWith('uploads/{id}') ? undefined : {} });
            await call(operation, 403, { values, headers: { origin: 'https://evil.example' }, body: method === 'DELETE' || pattern.endsWith('uploads/{id}') ? undefined : {} });
        }
    }
    await call('POST /api/v1/session', 403, { body: { code: 'wrong' } });
    await call('POST /api/v1/session', 403, { body: { code: 'wrong' }, mark: false });

    await t.test('another organisation', async () => {
        const arena = { as: arenaCookie, host: arenaHost };
        assert.deepEqual((await call('GET /api/v1/titles', 200, { ...arena, query: '?rows=1' })).json.rows, []);
        assert.deepEqual((await call('GET /api/v1/titles', 200, { ...arena, query: '?q=ours' })).json.rows, []);
        assert.deepEqual((await call('GET /api/v1/operator/titles', 200, arena)).json.items, []);
        assert.deepEqual((await call('GET /api/v1/jobs', 200, arena)).json.items, []);
        await call('GET /api/v1/titles/{id}', 404, { ...arena, values: { id: title } });
        await call('POST /api/v1/titles/{id}/playback', 404, { ...arena, values: { id: title } });
        await call('GET /art/{title}/{file}', 404, { ...arena, values: { title, file: 'poster.jpg' } });
        await call('GET /api/v1/operator/titles/{id}', 404, { ...arena, values: { id: title } });
        await call('PATCH /api/v1/operator/titles/{id}', 404, { ...arena, values: { id: title }, body: { names: { en: 'Taken' } } });
        await call('DELETE /api/v1/operator/titles/{id}', 404, { ...arena, values: { id: title } });
        await call('DELETE /api/v1/jobs/{id}', 404, { ...arena, values: { id: job.id } });
        assert.deepEqual((await call(channels, 200, arena)).json.items, []);
        await call(one(), 404, { ...arena, values: onAir });
        await call(one('', 'PATCH'), 404, { ...arena, values: onAir, body: { names: { en: 'Taken' } } });
        await call(one('', 'DELETE'), 404, { ...arena, values: onAir });
        for (const action of ['/start', '/end', '/key']) await call(one(action, 'POST'), 404, { ...arena, values: onAir });
        await call(one('/preview.jpg'), 404, { ...arena, values: onAir });
        await call(one('/quality'), 404, { ...arena, values: onAir });
        const theirChannel = (await call('POST /api/v1/operator/channels', 201, { ...arena, body: { names: { en: 'Theirs' } } })).json;
        assert.match(theirChannel.rtmp_url, /^rtmp:\/\/arena\.example:/);
        await call(one(), 404, { values: { title: theirChannel.id } });
        await call(one('', 'DELETE'), 204, { ...arena, values: { title: theirChannel.id } });
        const theirs = (await call('POST /api/v1/uploads', 201, { body: { name: 'b.mp4', bytes: 1 } })).json.id;
        await call('GET /api/v1/uploads/{id}', 404, { ...arena, values: { id: theirs } });
        await call('PATCH /api/v1/uploads/{id}', 404, { ...arena, values: { id: theirs }, raw: Buffer.from('x'), headers: { 'upload-offset': '0' } });
        await call('POST /api/v1/uploads/{id}/import', 404, { ...arena, values: { id: theirs }, body: {} });
        await call('DELETE /api/v1/uploads/{id}', 404, { ...arena, values: { id: theirs } });
        const session = (await call('POST /api/v1/titles/{id}/playback', 201, { values: { id: title } })).json.session;
        await call('POST /api/v1/playback/{session}/renew', 404, { ...arena, values: { session } });
        await call('DELETE /api/v1/playback/{session}', 404, { ...arena, values: { session } });
        await call('GET /api/v1/jobs', 401, { as: arenaCookie }); // their operator is nobody here
        assert.doesNotMatch((await server.call('GET', '/', { headers: arenaHost })).text, /Ours/);
        assert.equal((await server.call('GET', `/title/${title}`, { headers: arenaHost })).status, 404);
    });

    await call(one('/end', 'POST'), 200, { values: onAir });
    await call(one('/end', 'POST'), 404, { values: { title: missing } });
    await call(one('/start', 'POST'), 409, { values: onAir });
    while ((await server.call('DELETE', `/api/v1/operator/channels/${channel.id}`, { headers: { cookie: operator.cookie, 'x-grandstand': '1' } })).status === 409); // until it is finished
    await call(one('', 'DELETE'), 404, { values: onAir });
    await call('DELETE /api/v1/operator/titles/{id}', 204, { values: { id: title } });
    await call('GET /api/v1/titles/{id}', 404, { values: { id: title } });
    await call('DELETE /api/v1/session', 204);
    await call('GET /api/v1/jobs', 401);
    assert.deepEqual([...documented.keys()].filter((one) => !called.has(one) && !walk[one]), [], 'each operation was called, here or by routes.test.mjs');
});

test('too many wrong codes', async (t) => {
    const server = await start(t);
    const enter = (code) => server.call('POST', '/api/v1/session', { body: { code }, headers: { 'x-grandstand': '1' } });
    for (let i = 0; i < 10; i++) assert.equal((await enter(`wrong ${i}`)).status, 403);
    assert.equal((await enter(server.code)).status, 429);
    await server.advance(60_000);
    assert.equal((await enter(server.code)).status, 204);
});
