// SPDX-License-Identifier: AGPL-3.0-or-later
//
// J1, first half, with everything between a contract and the picture: a family in Germany, a child, a blackout abroad, a contract that ends
// while the film runs, what is granted by hand, screens, PINs, and the clock.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { ending } from './lib/ending.mjs';
import { makeChannel, source, startLive, titleUntil, until, Viewer, Wire } from './lib/live.mjs';
import { mmdb } from './lib/mmdb.mjs';
import { signUp } from './lib/people.mjs';
import { publish } from './lib/rtmp.mjs';
import { epoch, film, folder, run, start } from './lib/server.mjs';

const germany = { 'x-forwarded-for': '192.0.2.10' }, thailand = { 'x-forwarded-for': '203.0.113.7' }, california = { 'x-forwarded-for': '198.51.100.7' };
const iso = (seconds) => new Date((epoch + seconds) * 1000).toISOString().replace('.000Z', 'Z');
const cheap = { GRANDSTAND_TEST_ARGON: 'cheap' };

/** A server behind a proxy, with a file of countries; one film that plays, free and everywhere. */
async function house(t) {
    const countries = join(folder(t), 'countries.mmdb');
    mmdb(countries, [['192.0.2.0/24', 'DE'], ['203.0.113.0/24', 'TH'], ['198.51.100.0/24', 'US', 'CA']]);
    const options = { args: ['--no-ladder', '--no-stills', '--no-example-channel', '--trusted-proxy', '127.0.0.1', '--geo', countries], env: cheap };
    const server = await start(t, options);
    const operator = await server.enter();
    const { title } = await operator.import(film(t, { seconds: 1 }), { names: { en: 'The Long Run', de: 'Der lange Lauf' } });
    const made = async (method, path, body, status = 201) => {
        const answer = await operator.call(method, path, body);
        assert.equal(answer.status, status, `${method} ${path}: ${answer.text}`);
        return answer.json;
    };
    let parties = 0;
    /** A deal of its own with one line about the film. */
    const deal = async (line) => {
        const party = await made('POST', '/rights/parties', { name: `Studio ${++parties}`, country: 'TH', kind: 'organisation' });
        const one = await made('POST', '/rights/deals', { reference: `S-${parties}`, direction: 'in', party: party.id, status: 'active' });
        if (one.status !== 'active') await made('PATCH', `/rights/deals/${one.id}`, { status: 'active' }, 200);
        await made('POST', `/rights/deals/${one.id}/lines`, { accept_conflicts: true, lines: [{
            title, effect: 'allow', territories: 'WORLD', media: ['free', 'rental', 'subscription'], languages: [], starts_at: iso(-86400), ends_at: null, ...line }] });
        return one.id;
    };
    /** Takes the house line away, so that only contracts count. */
    const byContractOnly = async () => {
        const { lines } = (await operator.get(`/rights/titles/${title}`)).json;
        for (const line of lines) await made('DELETE', `/rights/lines/${line.id}`, undefined, 204);
    };
    return { server, operator, title, made, deal, byContractOnly, countries };
}

const accessOf = async (server, title, headers = {}, query = '') => (await server.get(`/api/v1/titles/${title}${query}`, headers)).json.access;
const play = (who, title, body, headers) => who.call('POST', who.server ? `/titles/${title}/playback` : `/api/v1/titles/${title}/playback`, ...(who.server ? [body ?? {}, { headers }] : [{ body: body ?? {}, headers }]));
const media = (server, pass, headers = {}) => server.get(pass.hls, { 'cta-common-access-token': pass.token, ...headers });

test('where it may be shown', async (t) => {
    const { server, operator, title, deal, countries } = await house(t);
    assert.deepEqual(await accessOf(server, title, germany), { state: 'playable', reason: 'access.free', message: null, dated: null, until: null, from: null });
    await deal({ effect: 'blackout', territories: 'TH,US-CA', ends_at: '2027-03-03T00:00:00Z' });

    const there = await accessOf(server, title, { ...thailand, 'accept-language': 'en' });
    assert.deepEqual(there, { state: 'unavailable', reason: 'rights.blackout', message: 'Blacked out in Thailand until 3 March.',
        dated: { text: 'Blacked out in Thailand until {at}.', at: '2027-03-03T00:00:00.000Z' }, until: '2027-03-03T00:00:00.000Z', from: '2027-03-03T00:00:00.000Z' });
    assert.equal((await accessOf(server, title, thailand, '?lang=de')).message, 'Hier (Thailand) bis 3. März gesperrt.');
    assert.equal((await accessOf(server, title, thailand, '?lang=th')).message, 'งดเผยแพร่ในไทยจนถึง 3 มีนาคม');
    assert.equal((await accessOf(server, title, thailand, '?lang=zh')).message, '在泰国被禁播，至3月3日。');
    // The first HTML says it in the zone that the page has left in a cookie; else in that of the country, and then which one a time is of.
    const firstSays = async (zone, lang = 'en') => (await server.get(`/title/${title}?lang=${lang}`, { ...thailand, ...(zone ? { cookie: `zone=${zone}` } : {}) })).text;
    assert.match(await firstSays('America/New_York'), /Blacked out in Thailand until 2 March\./);
    assert.match(await firstSays('Asia/Bangkok'), /Blacked out in Thailand until 3 March\./);
    assert.match(await firstSays('America/New_York', 'de'), /bis 2\. März gesperrt/);
    for (const none of ['', '../../../etc/passwd', 'America/Nowhere', 'a'.repeat(500)]) assert.match(await firstSays(none), /Blacked out in Thailand until 3 March\./);
    assert.equal((await accessOf(server, title, california)).state, 'unavailable');
    const rows = (await server.get('/api/v1/titles?rows=1', thailand)).json.rows;
    assert.equal(rows[0].items[0].access.reason, 'rights.blackout');

    // What the client writes itself counts for nothing; only what the proxy added.
    const pretending = { 'x-forwarded-for': '192.0.2.10, 203.0.113.7' };
    assert.equal((await accessOf(server, title, pretending)).state, 'unavailable');
    assert.equal((await accessOf(server, title, { forwarded: 'for=203.0.113.7' })).state, 'unavailable');
    const refused = await play(server, title, {}, thailand);
    assert.deepEqual([refused.status, refused.json.error.code, refused.json.error.until], [403, 'rights.blackout', '2027-03-03T00:00:00.000Z']);
    assert.equal((await play(server, title, {}, germany)).status, 201);

    // Who operates may look as from elsewhere, nobody else.
    const as = (await operator.get(`/titles/${title}?as_territory=TH`)).json.access;
    assert.equal(as.reason, 'rights.blackout');
    assert.equal((await accessOf(server, title, germany, '?as_territory=TH')).state, 'playable');
    const wrong = await operator.get(`/titles/${title}?as_territory=Siam`);
    assert.deepEqual([wrong.status, wrong.json.error.code], [400, 'place.unknown']);

    // A newer file of countries is taken up.
    mmdb(countries, [['203.0.113.0/24', 'DE']]);
    await server.call('POST', '/test/tick');
    assert.equal((await accessOf(server, title, thailand)).state, 'playable');
});

test('a contract that ends ends the film', async (t) => {
    const { server, operator, title, deal, byContractOnly, made } = await house(t);
    await byContractOnly();
    const contract = await deal({});
    const pass = (await play(server, title, {}, germany)).json;
    assert.equal((await media(server, pass)).status, 200);
    const goesOn = (await play(server, title, {}, germany)).json;
    await made('PATCH', `/rights/deals/${contract}`, { status: 'suspended' }, 200);
    let answer;
    do answer = await media(server, pass, { 'accept-language': 'de' }); // nobody else asks for anything: it ends by itself
    while (answer.status === 200);
    assert.deepEqual([answer.status, answer.json.error.code, answer.json.error.reason], [403, 'token.revoked', 'rights.deal']);
    assert.match(answer.json.error.message, /Vertrag/);
    const renewed = await server.call('POST', `/api/v1/playback/${pass.session}/renew`, { body: {}, headers: { ...germany, 'accept-language': 'en' } });
    assert.deepEqual([renewed.status, renewed.json.error.code], [403, 'rights.deal']);
    assert.match(renewed.json.error.message, /contract/);
    assert.equal((await accessOf(server, title, germany)).reason, 'rights.deal');

    // It is still known after a crash; and what has ended does not come back by itself.
    await server.kill();
    await server.start();
    const again = await server.call('POST', `/api/v1/playback/${goesOn.session}/renew`, { body: {}, headers: germany });
    assert.deepEqual([again.status, again.json.error.code], [403, 'rights.deal']);
    assert.equal((await media(server, pass)).json.error.reason, 'rights.deal');
    await made('PATCH', `/rights/deals/${contract}`, { status: 'active' }, 200);
    assert.equal((await server.call('POST', `/api/v1/playback/${pass.session}/renew`, { body: {}, headers: germany })).status, 403);
    assert.equal((await play(server, title, {}, germany)).status, 201);
    assert.ok((await operator.get(`/titles/${title}`)).json.access.state === 'playable');
});

test('no token outlives its window', async (t) => {
    const { server, title, deal, byContractOnly } = await house(t);
    await byContractOnly();
    await deal({ ends_at: iso(100) });
    assert.match((await accessOf(server, title, { ...germany, 'accept-language': 'en' })).message, /^Available until 15 January, 08:01 UTC\.$/);
    const pass = (await play(server, title, {}, germany)).json;
    assert.equal(pass.expires_at, iso(100));
    await server.advance(99_000);
    assert.equal((await media(server, pass)).status, 200);
    await server.advance(1_000);
    const over = await media(server, pass);
    assert.equal(over.status, 403);
    const renewed = await server.call('POST', `/api/v1/playback/${pass.session}/renew`, { body: {}, headers: germany });
    assert.deepEqual([renewed.status, renewed.json.error.code], [403, 'rights.ended']);
});

test('a family and what it may watch', async (t) => {
    const { server, operator, title, made } = await house(t);
    await made('PATCH', `/operator/titles/${title}`, { ratings: { FSK: '18' } }, 200);
    const erika = await signUp(server, operator, { email: 'erika@example.org', name: 'Erika' });
    const me = await erika.ok('GET', '/me');
    const grownUp = me.profile ?? me.profiles[0];
    await erika.ok('POST', `/profiles/${grownUp.id}/choose`, {});

    const profile = async (wish) => (await erika.ok('POST', '/profiles', wish, 201)).profiles.find((one) => one.name === wish.name);

    await t.test('the child is refused what is rated 18, the grown-up is not', async () => {
        assert.deepEqual((await accessOf(server, title, germany)).state, 'sign_in');
        assert.equal((await play(server, title, {}, germany)).json.error.code, 'access.rating');
        const child = await profile({ name: 'Max', picture: 'a2', age_max: 6 });
        assert.equal((await play(erika, title)).status, 201);
        await erika.ok('POST', `/profiles/${child.id}/choose`, {});
        assert.deepEqual((await erika.get(`/titles/${title}`)).json.access.state, 'rating');
        const refused = await play(erika, title, {}, { 'accept-language': 'en' });
        assert.deepEqual([refused.status, refused.json.error.code], [403, 'access.rating']);
        assert.match(refused.json.error.message, /aged 18/);
        // By naming the grown-up's profile: only with a grown-up's PIN.
        assert.equal((await play(erika, title, { profile: grownUp.id })).json.error.code, 'profile.pin');
        await erika.ok('POST', `/profiles/${grownUp.id}/choose`, { password: 'vier Birnen im Regen' });
    });

    await t.test('of several ratings that of the country where the household is at home holds', async () => {
        await made('PATCH', `/operator/titles/${title}`, { ratings: { FSK: '12', MPA: 'NC-17' } }, 200);
        const shown = async (who) => { const { age, rating } = (await who).json; return [age, rating]; };
        const fsk = [12, { system: 'FSK', value: '12', country: 'DE', is_own: true }], strictest = [18, { system: 'MPA', value: 'NC-17', country: 'US', is_own: false }];
        assert.deepEqual(await shown(erika.get(`/titles/${title}`, thailand)), fsk, 'on a journey, too');
        assert.deepEqual(await shown(server.get(`/api/v1/titles/${title}`, germany)), fsk);
        assert.deepEqual(await shown(server.get(`/api/v1/titles/${title}`, thailand)), strictest, 'nobody signed in: where the address is');
        await erika.ok('PATCH', '/me/household', { country: 'AT' });
        assert.deepEqual(await shown(erika.get(`/titles/${title}`, germany)), strictest, 'Austria has not rated it');
        await erika.ok('PATCH', '/me/household', { country: 'DE' });
        await made('PATCH', `/operator/titles/${title}`, { ratings: { FSK: '18' } }, 200);
    });

    await t.test('a PIN is asked for', async () => {
        const locked = await profile({ name: 'Papa', picture: 'a3', age_max: 18, pin: '4711', password: 'vier Birnen im Regen' });
        assert.equal((await play(erika, title, { profile: locked.id })).json.error.code, 'access.pin');
        assert.equal((await play(erika, title, { profile: locked.id, pin: '0000' })).json.error.code, 'access.pin');
        assert.equal((await play(erika, title, { profile: locked.id, pin: '4711' })).status, 201);
        assert.equal((await play(erika, title, { profile: 'zzzzzzzzzzzzzzzz' })).status, 404);
    });

    const households = (await operator.get('/operator/households')).json.items;
    const home = households[0].id;

    await t.test('what is granted by hand opens, and closes when it is taken back', async () => {
        await made('PATCH', `/operator/titles/${title}`, { is_free: false, ratings: {} }, 200);
        assert.equal((await accessOf(server, title, germany)).state, 'sign_in');
        assert.equal((await erika.get(`/titles/${title}`)).json.access.state, 'locked');
        assert.equal((await play(erika, title)).json.error.code, 'access.entitlement');
        const grants = `/operator/households/${home}/grants`;
        assert.equal((await operator.call('POST', grants, { title, medium: 'venue', ends_at: null })).json.error.code, 'grant.medium');
        assert.equal((await operator.call('POST', grants, { title, medium: 'rental', ends_at: iso(-10) })).json.error.code, 'grant.ends');
        assert.equal((await operator.call('POST', grants, { title: 'zzzzzzzzzzzzzzzz', medium: 'rental', ends_at: null })).status, 404);
        const grant = await made('POST', grants, { title, medium: 'rental', ends_at: iso(200) });
        assert.deepEqual([grant.title.id, grant.medium, grant.ends_at], [title, 'rental', `${iso(200).slice(0, -1)}.000Z`]);
        const pass = (await play(erika, title)).json;
        assert.equal(pass.expires_at, iso(200)); // no token outlives the grant
        assert.equal((await operator.get(`/operator/households/${home}`)).json.grants.length, 1);
        await server.kill(); // a grant that was answered is there, and so is the stream
        await server.start();
        assert.equal((await media(server, pass)).status, 200);
        assert.equal((await erika.call('POST', `/playback/${pass.session}/renew`, {})).status, 200);
        await made('DELETE', `${grants}/${grant.id}`, undefined, 204);
        let answer;
        do answer = await media(server, pass);
        while (answer.status === 200);
        assert.equal(answer.json.error.reason, 'access.entitlement');
        assert.equal((await operator.call('DELETE', `${grants}/${grant.id}`)).status, 404);
        await made('PATCH', `/operator/titles/${title}`, { is_free: true }, 200);
    });

    await t.test('on so many screens at once', async () => {
        await made('PATCH', `/operator/households/${home}`, { streams_max: 1 }, 200);
        for (const stream of (await operator.get(`/operator/households/${home}`)).json.streams) assert.equal(stream.title.id, title);
        await server.advance(301_000); // those of the earlier tests are not renewed any more, and fall out
        const first = await play(erika, title, {}, { 'user-agent': 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0' });
        assert.equal(first.status, 201, first.text);
        const refused = await play(erika, title);
        assert.deepEqual([refused.status, refused.json.error.code], [403, 'access.streams']);
        const [running] = refused.json.error.streams;
        assert.deepEqual([running.title, running.profile.name, running.device], [{ id: title, name: 'The Long Run' }, grownUp.name, 'Firefox on Linux']);
        assert.equal((await erika.call('DELETE', `/playback/${running.session}`)).status, 204);
        const second = await play(erika, title);
        assert.equal(second.status, 201);
        await server.advance(200_000);
        assert.equal((await erika.call('POST', `/playback/${second.json.session}/renew`, {})).status, 200);
        await server.advance(200_000);
        assert.equal((await play(erika, title)).json.error.code, 'access.streams');
        await server.advance(101_000);
        assert.equal((await play(erika, title)).status, 201);
    });

    await t.test('sessions and households of others are not there', async () => {
        const otto = await signUp(server, operator, { email: 'otto@example.org', name: 'Otto' });
        await server.advance(301_000);
        const pass = (await play(erika, title)).json;
        for (const stranger of [otto, server]) {
            const call = (method, path) => (stranger === server ? server.call(method, `/api/v1${path}`, { body: method === 'POST' ? {} : undefined }) : stranger.call(method, path, method === 'POST' ? {} : undefined));
            assert.equal((await call('POST', `/playback/${pass.session}/renew`)).status, 404);
            assert.equal((await call('DELETE', `/playback/${pass.session}`)).status, 404);
        }
        assert.equal((await media(server, pass)).status, 200);
        assert.equal((await erika.call('POST', `/playback/${pass.session}/renew`, {}, { mark: false })).json.error.code, 'request.origin');
        assert.equal((await otto.call('POST', `/operator/households/${home}/grants`, { title, medium: 'rental', ends_at: null })).status, 403);
    });

    await t.test('whoever signs out does not go on watching', async () => {
        await server.advance(301_000);
        const pass = (await play(erika, title)).json;
        await erika.call('DELETE', '/session');
        assert.equal((await erika.call('POST', `/playback/${pass.session}/renew`, {})).status, 404);
    });
});

test('what is live ends as well, also for who is being held', async (t) => {
    const file = source(t);
    const { server, operator } = await startLive(t);
    const channel = await makeChannel(operator);
    const encoder = await publish(channel.rtmp_url, file.flv);
    ending(t, () => encoder.drop());
    await encoder.send(2600);
    await titleUntil(server, channel.id, (title) => title.status === 'live');
    assert.equal((await accessOf(server, channel.id)).state, 'playable'); // a channel has its house line too
    const pass = await server.play(channel.id);
    const viewer = new Viewer(server, pass, channel.id);
    ending(t, () => viewer.close());
    await viewer.load();
    const { next, parts } = viewer.playlist;
    const wire = new Wire(server.port);
    ending(t, () => wire.close());
    const held = viewer.get(`v0.m3u8?_HLS_msn=${next}&_HLS_part=${parts.length}`, { wire });
    await until(() => server.metric('http_held_now'), (n) => n === 1);
    assert.equal((await operator.call('PATCH', `/operator/titles/${channel.id}`, { is_free: false })).status, 200);
    await until(() => server.metric('access_streams_ended_total'), (n) => n === 1);
    const now = await viewer.get('v0.m3u8');
    assert.deepEqual([now.status, JSON.parse(now.body).error.reason], [403, 'access.entitlement']);
    await encoder.send(3400); // the part that was waited for
    const answer = await held;
    assert.deepEqual([answer.status, JSON.parse(answer.body).error.code, JSON.parse(answer.body).error.reason], [403, 'token.revoked', 'access.entitlement']);
});

test('the options say what is wrong with them', () => {
    const refused = (...args) => run(['serve', '--data', '/nowhere/at/all', '--http', '127.0.0.1:0', ...args]);
    assert.match(run(['serve', '--help']).stdout, /--trusted-proxy[\s\S]*--geo[\s\S]*--home-territory/);
    assert.notEqual(refused('--geo', '/nowhere.mmdb').status, 0);
});
