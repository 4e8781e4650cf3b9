// SPDX-License-Identifier: AGPL-3.0-or-later
//
// Those who want in and may not: guessing, asking who has an account, planting cookies, flooding, and names that are not names.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Person, invite, linkTo, mailsTo, nowS, password, signIn, signUp, totp } from './lib/people.mjs';
import { run, start } from './lib/server.mjs';

const minute = 60_000;
/** From another address, as a proxy in front would report it. */
const from = (address) => ({ headers: { 'x-forwarded-for': address } });
const proxied = { args: ['--proxy', '127.0.0.1'] };

/** What can be seen of an answer from outside, but for the date. */
function outside(answer) {
    const headers = [...answer.headers].filter(([name]) => name !== 'date');
    return JSON.stringify([answer.status, headers, answer.text]);
}

test('nobody learns who has an account', async (t) => {
    const server = await start(t, proxied);
    const operator = await server.enter();
    await signUp(server, operator, { email: 'erika@example.org', name: 'Erika' });
    const work = async () => [await server.metric('account_password_hashes_total'), await server.metric('db_writes_total')];
    const ask = async (path, body) => {
        const before = await work();
        const answer = await new Person(server).call('POST', path, body);
        const after = await work();
        return [outside(answer), after.map((n, i) => n - before[i])];
    };
    const both = async (path, body) => {
        const [known, knownWork] = await ask(path, { ...body, email: 'erika@example.org' });
        const [unknown, unknownWork] = await ask(path, { ...body, email: 'erich@example.org' });
        assert.equal(known, unknown, path);
        assert.deepEqual(knownWork, unknownWork, `${path}: password hashes and writes`);
        return knownWork;
    };
    assert.ok((await both('/sign-up', { password: 'ein ganz anderes Wort', name: 'X', country: 'DE', lang: 'en' }))[0] >= 1, 'a password is hashed in any case');
    assert.ok((await both('/password/forgot', {}))[1] >= 1, 'something is written in any case');
    assert.ok((await both('/sign-in', { password: 'nicht meins' }))[0] >= 1, 'a password is compared in any case');
    // The mailbox learns it.
    const [told] = await mailsTo(operator, 'erika@example.org');
    assert.equal((await mailsTo(operator, 'erika@example.org')).length, 3, 'confirmed; asked again; forgotten');
    assert.ok(told);
    assert.equal((await mailsTo(operator, 'erich@example.org')).length, 2, 'to sign up; that there is no such account');
    // Nor by a code that is right for somebody else's organisation, or nearly right.
    const { code } = await linkTo(operator, 'erich@example.org', '/confirm#');
    const near = code.slice(0, -1) + (code.endsWith('A') ? 'B' : 'A');
    assert.equal(outside(await new Person(server).call('POST', '/confirm', { code: near })), outside(await new Person(server).call('POST', '/confirm', { code: 'x' })));
});

test('passwords are not guessed: not from one address, not from many', async (t) => {
    const server = await start(t, proxied);
    const operator = await server.enter();
    const erika = await signUp(server, operator, { email: 'erika@example.org', name: 'Erika' });
    const guess = (address, email = 'erika@example.org') => new Person(server).call('POST', '/sign-in', { email, password: 'geraten' }, from(address));
    const until429 = async (next, most) => {
        for (let tries = 0; tries <= most; tries++) {
            const answer = await next(tries);
            if (answer.status === 429) {
                assert.equal(answer.json.error.code, 'sign_in.many');
                assert.ok(Number(answer.headers.get('retry-after')) >= 1);
                return tries;
            }
            assert.equal(answer.json.error.code, 'sign_in.wrong', answer.text);
        }
        assert.fail(`${most} guesses and no end`);
    };
    // One address, many accounts.
    assert.ok(await until429((i) => guess('203.0.113.7', `nr${i}@example.org`), 30) >= 5, 'somebody may mistype a few times');
    // Many addresses, one account: even the right password waits, except where she is known.
    await until429((i) => guess(`198.51.100.${i}`), 30);
    const right = { email: 'erika@example.org', password };
    assert.equal((await new Person(server).call('POST', '/sign-in', right, from('192.0.2.1'))).status, 429);
    assert.ok(erika.device && erika.deviceAttributes.includes('HttpOnly') && erika.deviceAttributes.includes('SameSite=Lax'));
    const home = new Person(server, { device: erika.device });
    assert.equal((await home.call('POST', '/sign-in', right, from('192.0.2.2'))).status, 200, 'her own browser');
    const planted = new Person(server, { device: `grandstand_device=${'D'.repeat(43)}` });
    assert.equal((await planted.call('POST', '/sign-in', right, from('192.0.2.4'))).status, 429, 'one that says it is');
    assert.equal((await server.get('/api/v1/me/sessions', { cookie: erika.device })).status, 401, 'by itself it opens nothing');
    // IPv6: one household has a /64.
    await until429((i) => guess(`2001:db8:1:1::${i + 1}`, `six${i}@example.org`), 30);
    await server.advance(30 * minute);
    assert.equal((await new Person(server).call('POST', '/sign-in', right, from('192.0.2.3'))).status, 200, 'it is over after a while');
});

test('codes of mails are not guessed', async (t) => {
    const server = await start(t, proxied);
    await server.enter();
    for (const path of ['/confirm', '/password/reset', '/invitation']) {
        let tries = 0, answer;
        const address = `203.0.113.${path.length}`;
        do answer = await new Person(server).call('POST', path, { code: `guess-${tries}`, ...(path === '/password/reset' && { password: 'ein langes Wort' }) }, from(address));
        while (answer.status === 403 && ++tries < 50);
        assert.deepEqual([answer.status, answer.json.error.code], [429, 'session.wrong_codes'], `${path}: ${tries} codes were tried`);
    }
});

test('accounts in masses are held up, and the house goes on', async (t) => {
    const server = await start(t, proxied);
    const operator = await server.enter();
    const wish = (i) => ({ email: `nr${i}@example.org`, password, name: `Nr ${i}`, country: 'DE', lang: 'en' });
    let made = 0, answer;
    do answer = await new Person(server).call('POST', '/sign-up', wish(made), from('203.0.113.9'));
    while (answer.status === 202 && ++made < 60);
    assert.deepEqual([answer.status, answer.json.error.code], [429, 'sign_up.many'], `${made} sign-ups`);
    assert.ok(made >= 3, `${made}: a family behind one address may sign up`);
    assert.equal((await new Person(server).call('POST', '/sign-up', wish(1000), from('198.51.100.9'))).status, 202, 'others are not held up');
    assert.equal((await operator.get('/operator/households')).json.items.length, 0, 'no account was made of any of them');
    assert.equal((await server.get('/api/v1/titles')).status, 200);

    // Everybody at once: some wait, some are told to come back, nobody is left without an answer.
    const rush = await Promise.all(Array.from({ length: 40 }, (_, i) => new Person(server).call('POST', '/sign-in', { email: `nr${i}@example.org`, password: 'x' }, from(`198.18.0.${i}`))));
    const codes = new Set(rush.map((one) => one.json.error.code));
    for (const code of codes) assert.ok(['sign_in.wrong', 'sign_in.busy'].includes(code), code);
});

test('a session that somebody planted or knew is worth nothing after signing in', async (t) => {
    const server = await start(t);
    const operator = await server.enter();
    const erika = await signUp(server, operator, { email: 'erika@example.org', name: 'Erika' });
    const planted = `grandstand_session=${'P'.repeat(43)}`;
    const victim = new Person(server, { cookie: planted });
    await victim.ok('POST', '/sign-in', { email: 'erika@example.org', password });
    assert.notEqual(victim.cookie, planted);
    assert.equal((await server.get('/api/v1/me/sessions', { cookie: planted })).status, 401);
    // Somebody's own session in the victim's browser: it does not become the victim's.
    const evil = await signUp(server, operator, { email: 'evil@example.org', name: 'Evil' });
    const known = evil.cookie;
    const lured = new Person(server, { cookie: known });
    await lured.ok('POST', '/sign-in', { email: 'erika@example.org', password });
    assert.notEqual(lured.cookie, known);
    assert.notEqual((await server.get('/api/v1/me', { cookie: known })).json.user?.email, 'erika@example.org');
    // The operator's link: the same.
    assert.ok(operator.cookie !== planted && erika.cookie !== lured.cookie);
    // A cookie of a session stands in no address, page or log line.
    const page = await server.get('/', { cookie: lured.cookie });
    const secret = lured.cookie.split('=')[1];
    assert.ok(!page.text.includes(secret) && !server.log().includes(secret));
    // Over TLS only a cookie with the prefix counts, and without TLS no cookie has it.
    assert.equal((await server.get('/api/v1/me/sessions', { cookie: `__Host-grandstand_session=${secret}` })).status, 401);
});

test('names are names', async (t) => {
    const server = await start(t);
    const operator = await server.enter();
    const erika = await signUp(server, operator, { email: 'erika@example.org', name: 'Erika' });
    const rlo = '\u202e', refusedNames = ['', '   ', '\u3000\u00a0', `Eri${rlo}ka`, 'a\u2066b', 'a\u200fb', 'a\u061cb', 'a\nb', 'a\u2028b', 'a\u0085b', '\u{e0041}bc', 'x'.repeat(61), `Z${'\u0301'.repeat(40)}`, '\ufeff', '\ufdd0x'];
    for (const name of refusedNames) {
        const spelled = JSON.stringify(name);
        for (const [method, path] of [['PATCH', '/me'], ['PATCH', '/me/household'], ['POST', '/profiles']]) {
            const answer = await erika.call(method, path, { name });
            assert.deepEqual([answer.status, answer.json.error?.code], [400, 'account.name'], `${method} ${path} ${spelled}`);
        }
        assert.equal((await new Person(server).call('POST', '/sign-up', { email: 'x@example.org', password, name, country: 'DE', lang: 'en' })).json.error?.code, 'account.name', spelled);
    }
    for (const name of ['Zoë', '孙悟空', 'สมชาย', 'محمد', 'דוד', "O'Neill-Müller", '👩‍👩‍👧', 'नमस्ते', 'x'.repeat(60)]) assert.equal((await erika.ok('PATCH', '/me', { name })).user.name, name);

    // Bytes that are no text, and JSON that is none.
    const raw = (bytes, type = 'application/json') => erika.call('PATCH', '/me', undefined, { raw: Buffer.from(bytes), headers: { 'content-type': type } });
    for (const bytes of [[...Buffer.from('{"name":"a'), 0xff, ...Buffer.from('"}')], [...Buffer.from('{"name":"'), 0xed, 0xa0, 0x80, ...Buffer.from('"}')], [...Buffer.from('{"name":"'), 0xc0, 0xaf, ...Buffer.from('"}')]])
        assert.equal((await raw(bytes)).json.error.code, 'request.malformed');
    for (const text of ['{"name":"\\ud800"}', '{"name":"a\\u0000b"}', '{"name":"a","name":"b"}', '[]', '"x"', '{"name":', '{"a":'.repeat(100), '\u0000']) assert.equal((await raw(text)).json.error.code, 'request.malformed', text.slice(0, 20));
    assert.equal((await raw(`{"name":"${'x'.repeat(400_000)}"}`)).status, 413);
    for (const name of [null, 5, true, ['a'], { a: 1 }]) assert.ok([200, 400].includes((await erika.call('PATCH', '/me', { name })).status), JSON.stringify(name));

    // What looks like markup stays text, wherever it is shown.
    const markup = '</script><script>alert(1)</script>';
    await erika.ok('PATCH', '/me', { name: markup });
    await erika.ok('PATCH', '/me/household', { name: '<img src=x onerror=alert(1)>' });
    const page = await server.get('/', { cookie: erika.cookie });
    assert.ok(!page.text.includes('<script>alert') && !page.text.includes('<img src=x'), 'in the page');
    const policy = page.headers.get('content-security-policy');
    for (const rule of ["default-src 'self'", "script-src 'self'", "object-src 'none'", "base-uri 'none'", "form-action 'self'", "frame-ancestors 'none'"]) assert.ok(policy.includes(rule), rule);
    assert.ok(!/script-src[^;]*unsafe/.test(policy), policy);
    const json = await erika.get('/me');
    assert.match(json.headers.get('content-type'), /^application\/json/);
    assert.equal(json.headers.get('x-content-type-options'), 'nosniff');
    assert.equal(json.headers.get('referrer-policy'), 'same-origin');

    // Addresses: no letter goes where a line break or a second address leads it.
    for (const email of ['a@b\r\nbcc: c@example.org', 'a@example.org,b@example.org', 'a b@example.org', '@example.org', 'a@', 'a', '', `${'a'.repeat(250)}@example.org`, `a${rlo}@example.org`])
        for (const [path, more] of [['/sign-up', { password, name: 'X', country: 'DE', lang: 'en' }], ['/password/forgot', {}]])
            assert.equal((await new Person(server).call('POST', path, { email, ...more })).json.error?.code, 'account.email', JSON.stringify(email));
    // Passwords that everybody tries first.
    for (const pass of ['', 'kurz', 'password123', '1234567890', 'qwertyuiop', 'x'.repeat(300)])
        assert.equal((await new Person(server).call('POST', '/sign-up', { email: 'x@example.org', password: pass, name: 'X', country: 'DE', lang: 'en' })).json.error?.code, 'account.password', pass);
    await signIn(server, 'erika@example.org');
});

test('what is good once is good once, also at the same moment', async (t) => {
    const server = await start(t);
    const operator = await server.enter();
    const wish = { email: 'erika@example.org', password, name: 'Erika', country: 'DE', lang: 'en' };
    await new Person(server).ok('POST', '/sign-up', wish, 202);
    const { code } = await linkTo(operator, wish.email);
    const atOnce = async (count, ask) => (await Promise.all(Array.from({ length: count }, (_, i) => ask(new Person(server), i)))).map((one) => one.status).sort();
    assert.deepEqual(await atOnce(4, (one) => one.call('POST', '/confirm', { code })), [200, 403, 403, 403]);
    await new Person(server).ok('POST', '/password/forgot', { email: wish.email }, 202);
    const { code: reset } = await linkTo(operator, wish.email, '/reset#');
    assert.deepEqual(await atOnce(4, (one, i) => one.call('POST', '/password/reset', { code: reset, password: `ein neues Wort ${i}` })), [200, 403, 403, 403]);

    const bodo = await signUp(server, operator, { email: 'bodo@example.org', name: 'Bodo' });
    const { secret } = await bodo.ok('POST', '/me/totp', {});
    const { recovery_codes: recovery } = await bodo.ok('POST', '/me/totp/confirm', { code: totp(secret, nowS(server)) });
    await server.advance(30_000);
    const sign = (factor) => (one) => one.call('POST', '/sign-in', { email: 'bodo@example.org', password, code: factor });
    assert.deepEqual(await atOnce(3, sign(totp(secret, nowS(server)))), [200, 403, 403], 'a code of the authenticator');
    assert.deepEqual(await atOnce(3, sign(recovery[0])), [200, 403, 403], 'a recovery code');

    // Two operators who take the role from each other: one is left.
    const ada = await invite(server, operator, { email: 'ada@example.org', name: 'Ada', roles: ['operator'] });
    const bob = await invite(server, operator, { email: 'bob@example.org', name: 'Bob', roles: ['operator'] });
    const members = (await ada.ok('GET', '/operator/members')).items;
    const idOf = (name) => members.find((one) => one.name === name).id;
    await Promise.all([ada.call('DELETE', `/operator/members/${idOf('Bob')}`), bob.call('DELETE', `/operator/members/${idOf('Ada')}`)]);
    const left = (await operator.get('/operator/members')).json.items.filter((one) => one.roles.includes('operator'));
    assert.equal(left.length, 1);
});

test('organisations do not share people', async (t) => {
    const server = await start(t);
    const operator = await server.enter();
    const linked = run(['operator-link', '--data', server.data, '--host', 'arena.example', '--organisation', 'Arena', '--json']);
    const arena = new Person(server, { host: 'arena.example' });
    const code = JSON.parse(linked.stdout).code;
    while ((await arena.call('POST', '/session', { code })).status === 403) await server.advance(10_000); // until the signal has come
    const ours = await signUp(server, operator, { email: 'erika@example.org', name: 'Erika' });
    const there = new Person(server, { host: 'arena.example' });
    await there.refused('POST', '/sign-in', { email: 'erika@example.org', password }, 403, 'sign_in.wrong');
    const theirs = await signUp(server, arena, { email: 'erika@example.org', name: 'Eine andere', host: 'arena.example', pass: 'das andere lange Wort' });
    assert.notEqual((await theirs.ok('GET', '/me')).user.id, (await ours.ok('GET', '/me')).user.id);
    await new Person(server).refused('POST', '/sign-in', { email: 'erika@example.org', password: 'das andere lange Wort' }, 403, 'sign_in.wrong');

    // Neither cookies nor codes nor tokens are good next door.
    const moved = new Person(server, { host: 'arena.example', cookie: ours.cookie });
    assert.equal((await moved.ok('GET', '/me')).user, null);
    await new Person(server).ok('POST', '/password/forgot', { email: 'erika@example.org' }, 202);
    const { code: reset } = await linkTo(operator, 'erika@example.org', '/reset#');
    await there.refused('POST', '/password/reset', { code: reset, password: 'ein ganz neues Wort' }, 403, 'code.wrong');
    const { token } = (await operator.call('POST', '/operator/tokens', { name: 'x', scopes: ['catalog:read'] })).json;
    const bearer = (host) => server.call('GET', '/api/v1/operator/titles', { headers: { authorization: `Bearer ${token}`, ...host } });
    assert.deepEqual([(await bearer({})).status, (await bearer({ host: 'arena.example' })).status], [200, 401]);
    for (const [one, name] of [[arena, 'Eine andere'], [operator, 'Erika']]) {
        const answer = one.ok ? await one.get('/operator/households') : await one.get('/operator/households');
        assert.deepEqual(answer.json.items.map((item) => item.users[0].name), [name]);
        assert.ok((await one.get('/operator/mails')).json.items.every((mail) => !mail.text.includes(name === 'Erika' ? 'Eine andere' : 'Hello Erika')));
    }
});

test('links in letters lead to this site, whatever host was asked', async (t) => {
    const server = await start(t, { args: ['--url', 'https://films.example.org'] });
    const operator = await server.enter();
    await signUp(server, operator, { email: 'erika@example.org', name: 'Erika' });
    const evil = new Person(server, { host: 'evil.example' });
    await evil.ok('POST', '/password/forgot', { email: 'erika@example.org' }, 202);
    await evil.ok('POST', '/sign-up', { email: 'neu@example.org', password, name: 'Neu', country: 'DE', lang: 'en' }, 202);
    const mails = (await operator.get('/operator/mails')).json.items;
    assert.equal(mails.length, 3);
    for (const mail of mails) {
        assert.ok(!mail.text.includes('evil'), mail.text);
        assert.match(mail.text, /https:\/\/films\.example\.org\//);
    }
    const unsafe = run(['serve', '--data', `${server.data}-2`, '--http', '127.0.0.1:0', '--smtp', 'smtp://127.0.0.1:25', '--mail-from', 'a@example.org']);
    assert.notEqual(unsafe.status, 0, 'letters do not leave without an address to lead to');
});

test('who is signed in is known from memory, and the first look takes what is needed', async (t) => {
    const server = await start(t);
    const operator = await server.enter();
    const erika = await signUp(server, operator, { email: 'erika@example.org', name: 'Erika' });
    await erika.ok('GET', '/site');
    const counted = async () => [await server.metric('db_reads_total'), await server.metric('http_worker_requests_total')];
    const nothing = await counted(), [reads, workers] = await counted(); // asking has its price too
    for (let i = 0; i < 20; i++) await erika.ok('GET', '/site');
    for (let i = 0; i < 20; i++) await server.get('/api/v1/site', { cookie: `grandstand_session=${'A'.repeat(43)}` });
    const after = await counted();
    const cost = [after[0] - reads - (reads - nothing[0]), after[1] - workers - (workers - nothing[1])];
    assert.ok(cost[0] <= 1, `${cost[0]} reads of the store for 40 questions`); // a cookie that is none is looked up once
    assert.ok(cost[1] <= 2, `${cost[1]} requests went to a worker`);
    for (const method of ['HEAD', 'GET']) assert.equal((await server.call(method, '/api/v1/operator/members')).status, 401, method);
    assert.equal((await server.call('HEAD', '/api/v1/me/export', { headers: { cookie: erika.cookie } })).bytes.length, 0);
});

test('when memory or the disk gives out, one is signed in or not, and nothing is used up', async (t) => {
    const server = await start(t);
    const operator = await server.enter();
    const arm = async (what) => { // its own answer may be what meets the fault; the one that disarms is asked again
        for (let i = 0; i < 5; i++) {
            const { status } = await server.call('POST', '/test/fault', { body: { arm: what } }).catch(() => ({}));
            if (what || status === 200) return;
        }
        assert.fail('it is not disarmed');
    };
    await new Person(server).ok('POST', '/sign-up', { email: 'erika@example.org', password, name: 'Erika', country: 'DE', lang: 'en' }, 202);
    const { code } = await linkTo(operator, 'erika@example.org');
    const erika = new Person(server);
    await arm('write:1+'); // keys cannot be kept
    const full = await erika.call('POST', '/confirm', { code });
    await arm('');
    assert.ok([500, 503, 507].includes(full.status), full.text);
    assert.equal(erika.cookie, undefined);
    assert.equal((await erika.ok('POST', '/confirm', { code })).user.name, 'Erika', 'the code is still good');

    let failed = 0, name = 'Erika';
    for (let nth = 1; nth <= 60; nth++) {
        const wish = `Erika ${nth}`;
        await arm(`alloc:${nth}`);
        const answer = await erika.call('PATCH', '/me', { name: wish }).catch(() => ({ status: 0 }));
        await arm('');
        const me = await erika.ok('GET', '/me');
        assert.ok(me.user.name === wish || (answer.status !== 200 && me.user.name === name), `allocation ${nth}: ${answer.status}, and the name is ${me.user.name}`);
        assert.ok([200, 0, 500, 503].includes(answer.status), `allocation ${nth}: ${answer.text}`);
        if (answer.status !== 200) failed++;
        name = me.user.name;
    }
    assert.ok(failed > 5, `${failed} allocations failed`);
});
