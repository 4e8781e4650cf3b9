// SPDX-License-Identifier: AGPL-3.0-or-later
//
// Every route of openapi.yaml, walked by those who may not: nobody, a viewer of another household, the operator of another organisation,
// each role that is too low, each token without the scope, a page of another site. The right refusal comes, nothing of ours stands in it, and
// the database is the same afterwards. Then those who may get through, so that the refusals were for the reasons said.
//
// A route that is not in lib/walk.mjs fails the test: who adds one says there who may take it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bodies, objects, openapi } from './lib/openapi.mjs';
import { Person, asked, invite, password, signUp, stored } from './lib/people.mjs';
import { film, run, start } from './lib/server.mjs';
import { buy, cards, key, sell } from './lib/shop.mjs';
import { allScopes, operations, rolesOf, scopesOf, walk } from './lib/walk.mjs';

test('each route says who may take it', () => {
    const known = operations();
    assert.ok(known.length > 40, `${known.length} operations`);
    assert.deepEqual(known.filter((one) => !walk[one]), [], 'add these to lib/walk.mjs');
});

// None of this may ever reach somebody else.
const secrets = ['Verborgen', 'Geheim', 'erika@', 'rita@', 'edda@', 'fin@', 'Erika', 'Rita', 'Sprachrohr'];

async function world(t) {
    const server = await start(t, { args: ['--no-ladder', '--no-stills', '--rtmp', '127.0.0.1:0'] });
    const operator = await server.enter();
    const linked = run(['operator-link', '--data', server.data, '--host', 'arena.example', '--organisation', 'Arena', '--json']);
    assert.equal(linked.status, 0, linked.stderr);
    const w = { server, operator };
    const { title: id, job } = await operator.import(film(t, { seconds: 1 }), { names: { en: 'Verborgen' } });
    w.title = id;
    w.job = job.id;
    w.channel = (await operator.call('POST', '/operator/channels', { names: { en: 'Verborgen live' } })).json.id;
    w.upload = (await operator.call('POST', '/uploads', { name: 'Verborgen.mp4', bytes: 10 })).json.id;

    const op = new Person(server, { cookie: operator.cookie });
    w.people = { operator: op };
    for (const [name, role] of [['Rita', 'rights'], ['Edda', 'editor'], ['Fin', 'finance']])
        w.people[role] = await invite(server, operator, { email: `${name.toLowerCase()}@example.org`, name, roles: [role] });
    w.people.user = await signUp(server, operator, { email: 'erika@example.org', name: 'Erika' });
    await w.people.user.ok('PATCH', '/me/household', { name: 'Familie Geheim' });
    w.stranger = await signUp(server, operator, { email: 'bodo@example.org', name: 'Bodo' });
    const me = await w.people.user.ok('POST', '/profiles', { name: 'Geheimer Max', age_max: 6 }, 201);
    w.household = me.household.id;
    w.user = me.user.id;
    w.joining = (await w.people.user.ok('POST', '/me/household/invitations', { email: 'geheim@example.org', password }, 201)).invitations[0].id;
    w.profile = me.profiles.find((one) => one.name === 'Geheimer Max').id;
    w.session = (await w.people.user.ok('GET', '/me/sessions')).items.find((one) => one.is_this).id;
    w.member = (await op.ok('GET', '/operator/members')).items.find((one) => one.email === 'fin@example.org').id;
    w.tokens = {};
    for (const scope of allScopes) w.tokens[scope] = (await op.ok('POST', '/operator/tokens', { name: 'Sprachrohr', scopes: [scope] }, 201)).token;
    w.token = (await op.ok('GET', '/operator/tokens')).items[0].id;
    const has = (operation) => operations().includes(operation);
    if (has('POST /api/v1/operator/people')) w.person = (await op.ok('POST', '/operator/people', { names: { en: 'Geheime Person' } }, 201)).id;
    if (has('POST /api/v1/rights/parties')) {
        w.party = (await op.ok('POST', '/rights/parties', { name: 'Geheimverleih', country: 'DE', kind: 'organisation' }, 201)).id;
        w.deal = (await op.ok('POST', '/rights/deals', { reference: 'Geheim 1', direction: 'in', party: w.party }, 201)).id;
        const line = { title: w.title, effect: 'allow', territories: 'DE', media: ['rental'], languages: [], starts_at: '2027-01-01T00:00:00Z', ends_at: null };
        w.line = (await op.ok('POST', `/rights/deals/${w.deal}/lines`, { lines: [line] }, 201)).lines[0].id;
    }
    if (has('POST /api/v1/operator/households/{id}/grants')) w.grant = (await op.ok('POST', `/operator/households/${w.household}/grants`, { title: w.title, medium: 'rental', ends_at: null }, 201)).id;
    w.playback = (await server.play(w.title)).session;
    // Something is on sale, somebody has bought it, and it is in the books.
    await op.ok('PATCH', `/operator/titles/${w.title}`, { is_free: false });
    w.offer = (await sell(op, { kind: 'purchase', name: 'Geheimes Angebot', price: 1299, contains: { kind: 'titles', titles: [w.title] } })).id;
    w.coupon = (await op.ok('POST', '/finance/coupons', { code: 'GEHEIM10', percent: 10 }, 201)).id;
    const order = await buy(w.people.user, [{ offer: w.offer, title: w.title }]);
    assert.equal(order.state, 'paid', JSON.stringify(order));
    w.order = order.id;
    w.payment = order.payment.id;
    w.book = (await op.ok('GET', '/finance/accounts')).items[0].id;
    // A provider has said something that fits no payment: it waits to be looked after.
    const [org] = asked(server, 'SELECT org_id FROM pay_payment').trim().split('\n');
    asked(server, `INSERT INTO pay_parked(id, org_id, at_us, provider, payment_id, webhook_id, code, ref, currency, amount, their_currency, their_amount, settled_us, settled_by, note)
        VALUES(238104713900130304, ${org}, 1798761600000000, 1, 0, 0, 'parked.payment', 'Geheimer Beleg', 978, 0, 978, 999, 0, 0, '')`, { changes: true });
    w.parked = (await op.ok('GET', '/finance/parked')).items[0].id;
    w.event = (await op.ok('GET', `/finance/payments/${w.payment}`)).events.find((one) => one.has_raw).id;

    w.arena = new Person(server, { host: 'arena.example' });
    while ((await server.get(`/api/v1/titles/${w.title}`, { host: 'arena.example' })).status !== 404); // the server is told of the host by a signal
    await w.arena.ok('POST', '/session', { code: JSON.parse(linked.stdout).code }, 204);
    return w;
}

test('each route refuses those who may not take it, shows them nothing and changes nothing', async (t) => {
    const w = await world(t);
    const known = operations().filter((one) => walk[one]);
    const sent = (operation, more = {}) => {
        const [method, pattern] = operation.split(' ');
        const entry = walk[operation];
        const at = entry.at?.(w) ?? {};
        const path = pattern.replace(/\{(\w+)\}/g, (_, name) => at[name]) + (method === 'GET' ? entry.query?.(w) ?? '' : '');
        const { cookie, token, mark = true, host, origin } = more;
        return w.server.call(method, path, {
            body: entry.raw ? undefined : entry.body, raw: entry.raw,
            headers: { ...(mark ? { 'x-grandstand': '1' } : {}), ...(cookie ? { cookie } : {}), ...(token ? { authorization: `Bearer ${token}` } : {}), ...(host ? { host } : {}), ...(origin ? { origin } : {}), ...entry.headers },
        });
    };
    const refused = async (operation, who, status, code, more) => {
        const answer = await sent(operation, more);
        assert.equal(answer.status, status, `${operation} for ${who}: ${answer.text}`);
        if (code) assert.equal(answer.json.error.code, code, `${operation} for ${who}`);
        assert.deepEqual(Object.keys(answer.json.error).filter((key) => key !== 'code' && key !== 'message'), [], `${operation} for ${who}`);
        shows(operation, who, answer);
        assert.equal(answer.headers.get('cache-control'), 'no-store', `${operation} for ${who}`);
    };
    const shows = (operation, who, answer) => {
        for (const secret of secrets) assert.ok(!answer.text.includes(secret), `${operation} shows "${secret}" to ${who}: ${answer.text}`);
    };

    const before = stored(w.server);
    let refusals = 0;
    for (const operation of known) {
        const { who, at, marked, guarded, isEndless, refusal } = walk[operation];
        const [method] = operation.split(' ');
        const changes = method !== 'GET';
        const right = w.people[who] ?? w.people.operator;

        // The operator of another organisation, at home and here.
        if (at && who !== 'user') await refused(operation, 'another organisation', refusal ?? 404, undefined, { host: 'arena.example', cookie: w.arena.cookie });
        else if (who === 'user') await refused(operation, 'another organisation', 403, 'session.user', { host: 'arena.example', cookie: w.arena.cookie });
        else if (!changes && !isEndless) shows(operation, 'another organisation', await sent(operation, { host: 'arena.example', cookie: w.arena.cookie }));
        refusals++;

        // A page of another site, in the name of who may.
        if (changes && (who !== 'public' || marked || guarded)) {
            await refused(operation, 'no mark', 403, 'request.origin', { cookie: right.cookie, mark: false });
            for (const origin of ['https://evil.example', 'null', `${w.server.url}.evil.example`, w.server.url.replace('http:', 'https:')])
                await refused(operation, `a page of ${origin}`, 403, 'request.origin', { cookie: right.cookie, origin });
            refusals += 5;
        }
        if (who === 'public') continue;

        await refused(operation, 'nobody', 401, 'session.required');
        await refused(operation, 'a stale cookie', 401, 'session.required', { cookie: `grandstand_session=${'A'.repeat(43)}` });
        await refused(operation, 'their operator here', 401, 'session.required', { cookie: w.arena.cookie });
        await refused(operation, 'a token that is none', 401, 'token.required', { token: `gst_${'A'.repeat(43)}`, cookie: right.cookie });
        refusals += 4;

        // A viewer of another household.
        if (who !== 'user') await refused(operation, 'a viewer', 403, 'role.required', { cookie: w.stranger.cookie });
        else if (at) await refused(operation, 'another household', 404, undefined, { cookie: w.stranger.cookie });
        else if (!changes) shows(operation, 'another household', await sent(operation, { cookie: w.stranger.cookie }));
        refusals++;

        // Roles too low, and tokens for something else.
        const allowed = scopesOf[who]?.[changes ? 'write' : 'read'] ?? [];
        if (who !== 'user')
            for (const role of ['rights', 'editor', 'finance'].filter((one) => !rolesOf[who]?.includes(one))) {
                await refused(operation, role, 403, 'role.required', { cookie: w.people[role].cookie });
                refusals++;
            }
        for (const scope of allScopes.filter((one) => !allowed.includes(one))) {
            await refused(operation, scope, 403, 'token.scope', { token: w.tokens[scope], cookie: right.cookie });
            refusals++;
        }
    }
    assert.ok(refusals > 300, `${refusals} refusals`);
    const after = stored(w.server);
    for (const [table, rows] of before) assert.equal(after.get(table), rows, `${table} has changed`);

    // And now those who may: whatever comes, it is not one of these.
    const doors = new Set(['session.required', 'session.user', 'role.required', 'token.scope', 'token.required', 'request.origin', 'http.not_found', 'http.method']);
    const let_in = async (operation, who, more) => {
        const answer = await sent(operation, more);
        assert.ok(answer.status < 500 && !doors.has(answer.json?.error?.code), `${operation} for ${who}: ${answer.status} ${answer.text}`);
    };
    for (const operation of [...known.filter((one) => !walk[one].last), ...known.filter((one) => walk[one].last)]) {
        const { who, isEndless, last } = walk[operation];
        const [method] = operation.split(' ');
        if (isEndless) {
            const leaving = new AbortController();
            const answer = await fetch(w.server.url + operation.split(' ')[1], { headers: { cookie: w.people[who].cookie }, signal: leaving.signal });
            assert.equal(answer.status, 200);
            leaving.abort();
            continue;
        }
        if (!last) for (const role of rolesOf[who] ?? []) await let_in(operation, role, { cookie: w.people[role].cookie });
        if (!last) for (const scope of scopesOf[who]?.[method === 'GET' ? 'read' : 'write'] ?? []) await let_in(operation, scope, { token: w.tokens[scope], mark: false });
        await let_in(operation, who, { cookie: who === 'public' ? undefined : (w.people[who] ?? w.people.operator).cookie });
    }
});

// Each route that takes JSON is sent a member that nobody knows, in the body itself and in each object within it. What the server then says it
// knows there is what its readers asked for: openapi.yaml names the same, and says that it is all.
async function unknownMembers(w) {
    const api = openapi(), documented = bodies(api);
    const foreign = new Set(['POST /api/v1/pay/webhooks/{provider}', 'POST /api/v1/operator/catalogue']); // a provider's own; a file, which tells its faults by line
    const send = (operation, body) => {
        const [method, pattern] = operation.split(' ');
        const { at, who } = walk[operation];
        const cookie = who === 'public' ? undefined : (w.people[who] ?? w.people.operator).cookie;
        return w.server.call(method, pattern.replace(/\{(\w+)\}/g, (_, name) => at(w)[name]), { body, headers: { 'x-grandstand': '1', ...(cookie ? { cookie } : {}) } });
    };
    const before = stored(w.server), wrong = [];
    let count = 0;
    for (const operation of operations().filter((one) => !one.startsWith('GET ') && !walk[one].raw && !foreign.has(one))) {
        const schema = documented.get(operation) ?? { properties: {}, additionalProperties: false };
        for (const { where, names, body, isClosed } of objects(api, schema)) {
            const answer = await send(operation, body);
            const error = answer.json?.error ?? {};
            const takesNone = !documented.has(operation) && answer.status === 413; // no body at all
            if (!isClosed) wrong.push(`${operation}: ${where || 'its body'} is open in openapi.yaml`);
            if (!takesNone && (answer.status !== 400 || error.code !== 'body.unknown')) wrong.push(`${operation} ${JSON.stringify(body)}: ${answer.status} ${answer.text}`);
            else if (!takesNone && error.about !== `${where.replaceAll('[]', '[0]')}?`) wrong.push(`${operation}: ${error.about} is about ${where}?`);
            else if (!takesNone && `${error.known.sort()}` !== `${names}`) wrong.push(`${operation}: ${where || 'its body'} knows ${error.known}; openapi.yaml says ${names}`);
            count++;
        }
    }
    assert.deepEqual(wrong, []);
    assert.ok(count > 100, `${count} objects`);
    const after = stored(w.server);
    for (const [table, rows] of before) assert.equal(after.get(table), rows, `${table} has changed`);

    // What it was meant for: a slip that would have made a grown-up's profile of a child's, a sale of something else, a right without an end.
    const { user, operator } = w.people;
    const said = async (who, method, path, body, lang = 'en') => {
        const answer = await who.call(method, `${path}?lang=${lang}`, body);
        assert.equal(answer.status, 400, answer.text);
        return answer.json.error;
    };
    const slip = await said(user, 'POST', '/profiles', { name: 'Mia', max_age: 6 });
    assert.deepEqual([slip.code, slip.about, slip.meant, slip.message], ['body.unknown', 'max_age', 'age_max', 'Nothing was done: “max_age” is not known here. Did you mean “age_max”?']);
    assert.ok(!(await user.ok('GET', '/me')).profiles.some((one) => one.name === 'Mia'));
    for (const [lang, message] of [['de', 'Es wurde nichts getan: „ageMax“ ist hier nicht bekannt. War „age_max“ gemeint?'], ['zh', '未执行任何操作：此处没有“ageMax”这一项。您是否想写“age_max”？'],
        ['th', 'ยังไม่ได้ดำเนินการใด ๆ: ที่นี่ไม่มีรายการชื่อ “ageMax” คุณหมายถึง “age_max” ใช่หรือไม่']])
        assert.equal((await said(user, 'PATCH', `/profiles/${w.profile}`, { ageMax: 6 }, lang)).message, message);
    const line = { title: w.title, effect: 'allow', territories: 'TH', media: ['rental'], starts_at: '2027-01-01' };
    const far = await said(operator, 'POST', `/rights/deals/${w.deal}/lines`, { lines: [line, { ...line, end_at: '2027-02-01' }] });
    assert.deepEqual([far.about, far.meant], ['lines[1].end_at', 'ends_at']);
    const none = await said(user, 'POST', '/orders', { lines: [{ offer: w.offer, gift_wrap: true }] });
    assert.deepEqual([none.about, none.meant, none.message], ['lines[0].gift_wrap', undefined, 'Nothing was done: “lines[0].gift_wrap” is not known here.']);
    // Known, and yet not to be had: what kind of offer it is may be said again, and not otherwise.
    const fixed = await operator.call('PATCH', `/finance/offers/${w.offer}`, { kind: 'rental' });
    assert.deepEqual([fixed.status, fixed.json.problems?.map((one) => [one.field, one.code])], [400, [['kind', 'offer.kind_fixed']]], fixed.text);
    await operator.ok('PATCH', `/finance/offers/${w.offer}`, { kind: 'purchase' });
    // A known member of a wrong type is no missing one: a PIN that is a number would be none at all.
    const number = await said(user, 'POST', `/profiles/${w.profile}/choose`, { pin: 1234 });
    assert.deepEqual([number.code, number.about], ['body.type', 'pin']);
    assert.deepEqual(Object.keys(number), ['code', 'message', 'about']);
    const flag = await said(operator, 'POST', `/rights/deals/${w.deal}/lines`, { lines: [line, { ...line, is_exclusive: 'yes' }], dry_run: true });
    assert.deepEqual([flag.code, flag.about], ['body.type', 'lines[1].is_exclusive']);
}

test('members that nobody knows are refused wherever they stand, and ids of others in bodies and queries lead nowhere', async (t) => {
    const w = await world(t);
    await unknownMembers(w);
    const { arena } = w;
    const theirs = (await arena.ok('POST', '/operator/titles', { names: { en: 'Arena series' }, kind: 'series' }, 201)).id;
    const party = (await arena.ok('POST', '/rights/parties', { name: 'Arena Verleih', country: 'TH', kind: 'organisation' }, 201)).id;
    const deal = (await arena.ok('POST', '/rights/deals', { reference: 'A-1', direction: 'in', party }, 201)).id;
    const upload = (await arena.ok('POST', '/uploads', { name: 'a.mp4', bytes: 1 }, 201)).id;
    const piece = await arena.call('PATCH', `/uploads/${upload}`, undefined, { raw: Buffer.from('x'), headers: { 'upload-offset': '0' } });
    assert.equal(piece.status, 200, piece.text);
    const ariane = await signUp(w.server, arena, { email: 'ariane@example.org', name: 'Ariane', host: 'arena.example' });
    const household = (await ariane.ok('GET', '/me')).household.id;
    const line = (title) => ({ title, effect: 'allow', territories: 'TH', media: ['rental'], languages: [], starts_at: '2027-01-01T00:00:00Z', ends_at: null });

    const before = stored(w.server);
    const tries = [
        [arena, 'PATCH', `/operator/titles/${theirs}`, { parent: w.title }],
        [arena, 'PATCH', `/operator/titles/${theirs}`, { people: [{ id: w.person, part: 'cast' }] }],
        [arena, 'PATCH', `/operator/titles/${theirs}`, { members: [w.title] }],
        [arena, 'POST', '/operator/titles', { names: { en: 'Arena episode' }, kind: 'episode', parent: w.title }],
        [arena, 'POST', `/uploads/${upload}/import`, { title: w.title }],
        [arena, 'POST', '/rights/deals', { reference: 'A-2', direction: 'in', party: w.party }],
        [arena, 'POST', '/rights/deals', { reference: 'A-3', direction: 'out', party, parent: w.deal }],
        [arena, 'POST', `/rights/deals/${deal}/lines`, { lines: [line(w.title)] }],
        [arena, 'POST', `/rights/deals/${w.deal}/lines`, { lines: [line(theirs)] }],
        [arena, 'POST', '/rights/conflicts', { deal: w.deal, line: line(theirs) }],
        [arena, 'POST', '/rights/conflicts', { deal, line: line(w.title) }],
        [arena, 'POST', `/operator/households/${household}/grants`, { title: w.title, medium: 'rental', ends_at: null }],
        [arena, 'POST', `/operator/households/${w.household}/grants`, { title: theirs, medium: 'rental', ends_at: null }],
        [w.stranger, 'POST', `/titles/${w.title}/playback`, { profile: w.profile }],
        [ariane, 'POST', '/orders', { lines: [{ offer: w.offer }] }],
        [ariane, 'POST', '/orders/quote', { lines: [{ offer: w.offer, title: w.title }] }],
        [ariane, 'POST', '/orders/quote', { lines: [{ offer: w.offer }], coupon: 'GEHEIM10' }],
        [arena, 'POST', '/finance/offers', { kind: 'rental', names: { en: 'Theirs' }, prices: [{ amount: '399', currency: 'EUR', territories: 'WORLD' }], rental: { start_within_days: 30, watch_hours: 48 }, contains: { kind: 'titles', titles: [w.title] } }],
        [arena, 'POST', '/finance/coupons', { code: 'THEIRS', percent: 10, offers: [w.offer] }],
        [arena, 'POST', `/finance/orders/${w.order}/refunds`, { reason: 'theirs' }],
    ];
    for (const [who, method, path, body] of tries) {
        const answer = await who.call(method, path, body);
        assert.ok([400, 403, 404, 409].includes(answer.status), `${method} ${path} ${JSON.stringify(body)}: ${answer.status} ${answer.text}`);
        for (const secret of secrets) assert.ok(!answer.text.includes(secret), `${method} ${path} shows "${secret}": ${answer.text}`);
    }
    const after = stored(w.server);
    for (const [table, rows] of before) assert.equal(after.get(table), rows, `${table} has changed`);
    for (const path of [`/rights/why?title=${theirs}&territory=DE&medium=rental&household=${w.household}`, `/rights/why?title=${theirs}&territory=DE&medium=rental&household=${household}&profile=${w.profile}`,
        `/rights/avails?title=${w.title}&territory=DE`, `/rights/map?title=${w.title}&medium=rental`, `/rights/deals?party=${w.party}`, `/operator/titles?parent=${w.title}`, `/finance/orders?q=${w.household}`,
        `/finance/orders?after=${w.order}`, `/finance/payments?after=${w.payment}`, `/finance/accounts?after=${w.book}`, '/finance/accounts?owned=1', '/finance/revenue?by=title']) {
        const answer = await arena.get(path);
        assert.ok(answer.status < 500, `${path}: ${answer.text}`);
        for (const secret of secrets) assert.ok(!answer.text.includes(secret), `${path} shows "${secret}": ${answer.text}`);
    }
    // A row that names a title of ours shows nothing of it.
    await arena.call('PUT', '/operator/rows', { items: [{ names: { en: 'Row' }, source: 'titles', titles: [w.title, theirs] }] });
    for (const path of ['/titles?rows=1', '/operator/rows', '/search?q=Verborgen']) assert.ok(!(await arena.get(path)).text.includes('Verborgen'), path);
});

// Inside things have numbers that grow with time (ids, moments in micro- and nanoseconds as cursors). None of them leaves the house, and none leads in.
test('no number of the inside leaves the house, and none leads in', async (t) => {
    const w = await world(t);
    const { arena } = w;
    const op = w.people.operator;
    const erika = w.people.user;
    // Enough of everything for two pages.
    const other = (await sell(op, { kind: 'gift_card', name: 'Geheimkarte', price: 2500, contains: undefined })).id;
    for (let i = 0; i < 2; i++) {
        const order = await buy(erika, [{ offer: other }], { card: cards.chargedBack });
        assert.equal(order.state, 'paid');
    }
    await w.server.advance(600_000);
    for (const amount of ['100', '50']) {
        const refund = await op.call('POST', `/finance/orders/${w.order}/refunds`, { amount: { amount, currency: 'EUR' }, reason: `Tonspur fehlt ${amount}` }, { headers: { 'idempotency-key': key() } });
        assert.equal(refund.status, 201, refund.text);
    }
    await w.people.finance.ok('POST', `/finance/orders/${w.order}/refunds`, { amount: { amount: '25', currency: 'EUR' }, reason: 'Noch etwas' }, 201);
    await op.ok('POST', '/finance/gift-cards', { amount: { amount: '1000', currency: 'EUR' }, count: 2 }, 201);
    while ((await op.ok('GET', '/finance/chargebacks')).items.length < 2);
    await w.server.advance(1000);

    const tables = asked(w.server, "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'").trim().split('\n');
    const inside = new Set(tables.flatMap((name) => asked(w.server, `SELECT * FROM "${name}"`).match(/\b\d{15,19}\b/g) ?? []));
    assert.ok(inside.size > 100, `${inside.size} numbers`);
    const clean = (text, where) => {
        for (const number of text.match(/\d{15,19}/g) ?? []) assert.ok(!inside.has(number), `${where} shows ${number}: ${text.slice(0, 3000)}`);
    };
    const gets = operations().filter((one) => one.startsWith('GET ') && !walk[one].isEndless && walk[one].who !== 'public');
    for (const operation of gets) {
        const entry = walk[operation];
        const who = w.people[entry.who] ?? op;
        const at = entry.at?.(w) ?? {};
        const path = operation.slice(4).replace(/\{(\w+)\}/g, (_, name) => at[name]);
        clean((await w.server.call('GET', path + (entry.query?.(w) ?? ''), { headers: { cookie: who.cookie } })).text, operation);
        // The webhook's bytes are the provider's, and its file of ours; all else that takes an id refuses a number.
        const [, id] = /\{(\w+)\}/.exec(operation) ?? [];
        if (!id || !operation.includes('/finance/')) continue;
        for (const guess of ['1', [...inside][7], '0'.repeat(26), 'zzzzzzzzzzzzzzzz']) {
            const answer = await w.server.call('GET', operation.slice(4).replace(/\{(\w+)\}/g, (_, name) => (name === id ? guess : at[name])), { headers: { cookie: op.cookie } });
            assert.equal(answer.status, 404, `${operation} of ${guess}: ${answer.text}`);
        }
    }
    clean((await op.call('GET', `/finance/accounts/${w.book}/statement?format=csv`)).text, 'statement.csv');

    // Page by page each list is the same as whole; another organisation's cursor and a number lead nowhere.
    const ids = (list) => list.map((one) => one.id);
    for (const path of ['/finance/orders', '/finance/payments', '/finance/refunds', '/finance/chargebacks', '/finance/gift-cards', '/finance/accounts?owned=1', `/finance/accounts/${w.book}/statement`]) {
        const whole = ids((await op.ok('GET', path)).items);
        assert.ok(whole.length >= 2, `${path}: ${whole.length}`);
        assert.equal(new Set(whole).size, whole.length);
        const paged = [];
        let next = '';
        const more = path.includes('?') ? '&' : '?';
        do {
            const page = await op.ok('GET', `${path}${more}limit=1${next && `&after=${next}`}`);
            assert.equal(page.items.length, 1);
            paged.push(...ids(page.items));
            next = page.next;
            if (!next) break;
            const theirs = await arena.get(`${path}${more}after=${next}`);
            assert.ok([400, 404].includes(theirs.status), `${path} after=${next} of another organisation: ${theirs.status} ${theirs.text}`);
        } while (paged.length <= whole.length);
        assert.deepEqual(paged, whole, path);
        for (const guess of [[...inside][7], '1', '0'.repeat(26)]) {
            const answer = await op.call('GET', `${path}${more}after=${guess}`);
            assert.ok([400, 404].includes(answer.status), `${path} after=${guess}: ${answer.status} ${answer.text}`);
        }
    }

    // Lists say what people ask for: the order's number, why, and by whom.
    const number = (await op.ok('GET', `/finance/orders/${w.order}`)).number;
    const [last, ...before] = (await op.ok('GET', '/finance/refunds')).items;
    assert.deepEqual([last.order, last.household.name, last.reason, last.by, last.kind], [{ id: w.order, number }, 'Familie Geheim', 'Noch etwas', { name: 'Fin' }, 'finance']);
    assert.deepEqual(before.map((one) => [one.order.number, one.reason, one.by]), [[number, 'Tonspur fehlt 50', null], [number, 'Tonspur fehlt 100', null]], 'the operator of the link has no name');
    const paid = (await op.ok('GET', '/finance/payments')).items.find((one) => one.id === w.payment);
    assert.deepEqual([paid.order, paid.household.name, paid.by], [{ id: w.order, number }, 'Familie Geheim', { name: 'Erika' }]);
    // What waits is counted; a check of the ledger that is too old is said, one of today is not.
    const attention = async () => Object.fromEntries((await op.ok('GET', '/finance/overview')).attention.map((one) => [one.code, one.count]));
    assert.deepEqual(await attention(), { 'payments.parked': 1, 'chargebacks.open': 2 });
    const metrics = (await w.server.call('GET', '/metrics')).text;
    for (const told of ['payments_captured_total 3', 'payments_charged_back_total 2', 'payments_refunded_total 3', 'payments_parked 1', 'chargebacks_open 2', 'pay_outbox 0', 'pay_outbox_age_seconds 0'])
        assert.ok(metrics.includes(`\ngrandstand_${told}\n`), `${told}: ${metrics.match(/grandstand_(payments|pay_|charge).*/g).join(' ')}`);
    await op.ok('POST', '/finance/verify', {});
    const checked = (await op.ok('GET', '/finance/overview')).verified;
    assert.deepEqual([checked.differences, checked.transfers > 10], [0, true]);
    asked(w.server, 'UPDATE ledger_check SET at = at - 3 * 86400 * 1000000000', { changes: true });
    assert.deepEqual(await attention(), { 'payments.parked': 1, 'chargebacks.open': 2, 'ledger.unchecked': 3 });
    const books = (await op.ok('GET', '/finance/accounts?owned=1&lang=en')).items;
    assert.deepEqual(books.find((one) => one.code === 300 && one.owner.id === w.order)?.owner, { kind: 'order', id: w.order, name: `Order ${number}` });
    assert.deepEqual(books.find((one) => one.code === 100)?.owner, { kind: 'provider', id: 'sandbox', name: 'sandbox' });
});
