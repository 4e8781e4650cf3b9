// SPDX-License-Identifier: AGPL-3.0-or-later
//
// Accounts as people live them: a family signs up, is recognised, forgets its password, takes a second factor, has children; an organisation
// invites those who work for it; somebody takes his data along and is forgotten.
import assert from 'node:assert/strict';
import { readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Person, linkTo, mailsTo, nowS, password, signIn, signUp, totp } from './lib/people.mjs';
import { film, start } from './lib/server.mjs';
import { buy, keeper, sell } from './lib/shop.mjs';

const minute = 60_000, hour = 60 * minute, day = 24 * hour;
const island = (html) => JSON.parse(/<script type="application\/json" id="gs-data">(.*?)<\/script>/s.exec(html)[1]).answers;

test('a family signs up, is recognised, and is forgotten by this browser', async (t) => {
    const server = await start(t);
    const operator = await server.enter();
    const erika = new Person(server);
    const nobody = { user: null, household: null, profile: null, profiles: [], territory: 'DE' };
    assert.deepEqual(await erika.ok('GET', '/me'), nobody);

    const wish = { email: '  Erika@Example.ORG ', password, name: 'Erika', country: 'DE', lang: 'de' };
    assert.deepEqual(await erika.ok('POST', '/sign-up', wish, 202), {});
    assert.equal(erika.cookie, undefined, 'nobody is signed in before the address is confirmed');
    await erika.refused('POST', '/sign-in', { email: 'erika@example.org', password }, 403, 'sign_in.wrong');

    const [mail] = await mailsTo(operator, 'erika@example.org');
    assert.equal(mail.state, 'kept');
    assert.match(mail.text, /Erika/);
    assert.ok(!mail.text.includes(password) && !mail.subject.includes('{'), mail.text);
    const { page, code } = await linkTo(operator, 'erika@example.org');
    assert.equal(page, '/confirm');
    const me = await erika.ok('POST', '/confirm', { code });
    assert.deepEqual({ ...me.user, id: '' }, { id: '', name: 'Erika', email: 'erika@example.org', is_confirmed: true, has_totp: false, roles: [], lang: 'de' });
    assert.deepEqual([me.household.country, me.household.streams_max, me.profiles.length, me.profiles[0].name], ['DE', 3, 1, 'Erika']);
    for (const mark of ['HttpOnly', 'SameSite=Lax', 'Path=/']) assert.ok(erika.attributes.includes(mark), mark);
    await new Person(server).refused('POST', '/confirm', { code }, 403, 'code.wrong'); // once

    // The pages know at once who looks at them.
    const home = await server.get('/', { cookie: erika.cookie });
    assert.deepEqual(island(home.text)['/me'], await erika.ok('GET', '/me'));
    assert.deepEqual(island((await server.get('/')).text)['/me'], nobody);
    assert.match(home.headers.get('cache-control'), /private/);
    assert.match(home.headers.get('vary'), /cookie/);
    assert.equal((await erika.get('/me')).headers.get('cache-control'), 'no-store');

    const left = erika.cookie;
    await erika.ok('DELETE', '/session', undefined, 204);
    assert.deepEqual(await erika.ok('GET', '/me'), nobody);
    assert.equal((await server.get('/api/v1/me/sessions', { cookie: left })).status, 401, 'the secret itself is worth nothing any more');

    // Back again, also by another spelling of the address; the household is the same.
    const again = await signIn(server, 'ERIKA@example.org');
    assert.equal((await again.ok('GET', '/me')).household.id, me.household.id);
    const changed = await again.ok('PATCH', '/me', { name: 'Erika M.', lang: 'th' });
    assert.deepEqual([changed.user.name, changed.user.lang], ['Erika M.', 'th']);
    const moved = await again.ok('PATCH', '/me/household', { name: 'Familie M.', country: 'AT' });
    assert.deepEqual([moved.household.name, moved.household.country], ['Familie M.', 'AT']);
    await again.refused('PATCH', '/me/household', { country: 'XX' }, 400, 'account.country');
});

test('a code from a mail ends after its time, and a password can be made anew', async (t) => {
    const server = await start(t);
    const operator = await server.enter();
    const late = new Person(server);
    await late.ok('POST', '/sign-up', { email: 'late@example.org', password, name: 'Late', country: 'DE', lang: 'en' }, 202);
    const { code: old } = await linkTo(operator, 'late@example.org');
    await server.advance(day + minute);
    await late.refused('POST', '/confirm', { code: old }, 403, 'code.wrong');

    const erika = await signUp(server, operator, { email: 'erika@example.org', name: 'Erika' });
    const elsewhere = await signIn(server, 'erika@example.org');
    const stranger = new Person(server);
    assert.deepEqual(await stranger.ok('POST', '/password/forgot', { email: 'erika@example.org' }, 202), {});
    const { page, code } = await linkTo(operator, 'erika@example.org');
    assert.equal(page, '/reset');
    await stranger.refused('POST', '/password/reset', { code, password: 'kurz' }, 400, 'account.password');
    const me = await stranger.ok('POST', '/password/reset', { code, password: 'ein ganz anderes Wort' });
    assert.equal(me.user.email, 'erika@example.org');
    await new Person(server).refused('POST', '/password/reset', { code, password: 'und noch ein anderes' }, 403, 'code.wrong');
    for (const other of [erika, elsewhere]) assert.equal((await other.ok('GET', '/me')).user, null, 'all other sessions have ended');
    await new Person(server).refused('POST', '/sign-in', { email: 'erika@example.org', password }, 403, 'sign_in.wrong');
    await signIn(server, 'erika@example.org', 'ein ganz anderes Wort');

    await stranger.ok('POST', '/password/forgot', { email: 'erika@example.org' }, 202);
    const { code: stale } = await linkTo(operator, 'erika@example.org');
    await server.advance(hour + minute);
    await new Person(server).refused('POST', '/password/reset', { code: stale, password: 'zu spät gekommen' }, 403, 'code.wrong');
});

test('an address and a password are changed by who knows the old password', async (t) => {
    const server = await start(t);
    const operator = await server.enter();
    const erika = await signUp(server, operator, { email: 'erika@example.org', name: 'Erika' });
    const other = await signIn(server, 'erika@example.org');
    await erika.refused('PATCH', '/me', { email: 'neu@example.org', old_password: 'nicht meins' }, 403, 'me.password');
    await erika.refused('PATCH', '/me', { password: 'ein ganz anderes Wort' }, 403, 'me.password');
    await erika.ok('PATCH', '/me', { email: 'neu@example.org', old_password: password });
    assert.equal((await erika.ok('GET', '/me')).user.email, 'erika@example.org', 'until the new one is confirmed');
    const { code } = await linkTo(operator, 'neu@example.org');
    assert.equal((await erika.ok('POST', '/confirm', { code })).user.email, 'neu@example.org');

    const before = erika.cookie;
    await erika.ok('PATCH', '/me', { password: 'ein ganz anderes Wort', old_password: password });
    assert.notEqual(erika.cookie, before, 'a new secret');
    assert.equal((await erika.ok('GET', '/me')).user.email, 'neu@example.org');
    for (const cookie of [before, other.cookie]) assert.equal((await server.get('/api/v1/me/sessions', { cookie })).status, 401);
});

test('a second factor: begun, confirmed, asked for, replaced by a recovery code, ended', async (t) => {
    const server = await start(t);
    const operator = await server.enter();
    const erika = await signUp(server, operator, { email: 'erika@example.org', name: 'Erika' });
    await erika.refused('POST', '/me/totp/confirm', { code: '000000' }, 409, 'totp.none');
    const begun = await erika.ok('POST', '/me/totp', {});
    assert.match(begun.secret, /^[A-Z2-7]{32}$/);
    assert.match(begun.uri, new RegExp(`^otpauth://totp/.*secret=${begun.secret}`));
    assert.match(begun.qr_svg, /^<svg [^>]*viewBox="0 0 (\d+) \1"/);
    assert.equal((await erika.ok('GET', '/me')).user.has_totp, false, 'not before it was confirmed');
    const wrong = totp(begun.secret, nowS(server) + 3600);
    await erika.refused('POST', '/me/totp/confirm', { code: wrong }, 403, 'sign_in.code');
    const { recovery_codes: recovery } = await erika.ok('POST', '/me/totp/confirm', { code: totp(begun.secret, nowS(server)) });
    assert.equal(new Set(recovery).size, 10);
    await erika.refused('POST', '/me/totp', {}, 409, 'totp.on');
    assert.equal((await erika.ok('GET', '/me')).user.has_totp, true);

    await server.advance(30_000); // a code is good once
    const sign = { email: 'erika@example.org', password };
    const fresh = new Person(server);
    await fresh.refused('POST', '/sign-in', sign, 403, 'sign_in.code');
    assert.equal(fresh.cookie, undefined);
    await fresh.refused('POST', '/sign-in', { ...sign, password: 'falsch geraten' }, 403, 'sign_in.wrong');
    const code = totp(begun.secret, nowS(server));
    await fresh.ok('POST', '/sign-in', { ...sign, code });
    await new Person(server).refused('POST', '/sign-in', { ...sign, code }, 403, 'sign_in.code'); // replayed
    await signIn(server, sign.email, password, { code: recovery[3] });
    await new Person(server).refused('POST', '/sign-in', { ...sign, code: recovery[3] }, 403, 'sign_in.code');

    // A mailbox alone is not enough any more.
    await new Person(server).ok('POST', '/password/forgot', { email: sign.email }, 202);
    const { code: reset } = await linkTo(operator, sign.email);
    const thief = new Person(server);
    await thief.refused('POST', '/password/reset', { code: reset, password: 'jetzt ist es meins' }, 403, 'sign_in.code');
    await thief.ok('POST', '/password/reset', { code: reset, password: 'jetzt ist es neu', totp: recovery[4] });

    await thief.refused('DELETE', '/me/totp', { password }, 403, 'me.password');
    assert.equal((await thief.ok('DELETE', '/me/totp', { password: 'jetzt ist es neu' })).user.has_totp, false);
    await signIn(server, sign.email, 'jetzt ist es neu');
});

test('profiles of a household: a child gets no more than it was given', async (t) => {
    const server = await start(t);
    const operator = await server.enter();
    const erika = await signUp(server, operator, { email: 'erika@example.org', name: 'Erika' });
    const grown = (await erika.ok('GET', '/me')).profiles[0];
    await erika.ok('PATCH', `/profiles/${grown.id}`, { pin: '4711', picture: 'a5' });
    const me = await erika.ok('POST', '/profiles', { name: '小明', picture: 'a7', birth_year: 2018, age_max: 6 }, 201);
    const max = me.profiles.find((one) => one.name === '小明');
    assert.deepEqual({ ...max, id: '' }, { id: '', name: '小明', picture: 'a7', birth_year: 2018, age_max: 6, has_pin: false, is_child: true });
    assert.equal(me.profiles.find((one) => one.id === grown.id).has_pin, true);
    for (const [body, code] of [[{ name: '' }, 'account.name'], [{ name: 'x', picture: 'a13' }, 'profile.picture'], [{ name: 'x', birth_year: 1800 }, 'profile.birth_year'], [{ name: 'x', birth_year: 'neulich' }, 'profile.birth_year'],
        [{ name: 'x', age_max: 17 }, 'profile.age_max'], [{ name: 'x', age_max: -1 }, 'profile.age_max'], [{ name: 'x', pin: '12' }, 'profile.pin_form'], [{ name: 'x', pin: '12a4' }, 'profile.pin_form'], [{ name: 'x', pin: 1234 }, 'profile.pin_form'], [{ name: 'x', pin: '' }, 'profile.pin_form']])
        await erika.refused('POST', '/profiles', body, 400, code);

    // The child's turn: nothing of the account, nothing of profiles, no way to another one without proof.
    assert.equal((await erika.ok('POST', `/profiles/${max.id}/choose`, {})).profile.id, max.id);
    for (const [method, path, body] of [['PATCH', '/me', { name: 'Max' }], ['PATCH', '/me/household', { country: 'TH' }], ['POST', '/me/totp', {}], ['POST', '/me/erase', { password }], ['POST', '/me/consents', { purpose: 'news', is_granted: true }]])
        await erika.refused(method, path, body, 403, 'profile.child');
    assert.equal((await erika.get('/me/export')).status, 403);
    for (const [method, path, body] of [['PATCH', `/profiles/${max.id}`, { age_max: 18 }], ['POST', '/profiles', { name: 'Großer', age_max: 18 }], ['DELETE', `/profiles/${grown.id}`, {}], ['POST', `/profiles/${grown.id}/choose`, {}],
        ['POST', `/profiles/${grown.id}/choose`, { pin: '0000' }]])
        await erika.refused(method, path, body, 403, 'profile.pin');
    assert.equal((await erika.ok('POST', `/profiles/${grown.id}/choose`, { pin: '4711' })).profile.id, grown.id);

    // A PIN is taken away by who knows it, and four digits are not tried out.
    await erika.refused('PATCH', `/profiles/${grown.id}`, { pin: null }, 403, 'profile.pin');
    await erika.ok('POST', `/profiles/${max.id}/choose`, {});
    let tries = 0, answer;
    do answer = await erika.call('POST', `/profiles/${grown.id}/choose`, { pin: String(tries).padStart(4, '0') });
    while (answer.status === 403 && ++tries < 50);
    assert.ok(answer.status === 429 && tries <= 6, `${tries} PINs were tried`);
    assert.equal(answer.json.error.code, 'profile.pin_many');
    assert.equal((await erika.call('POST', `/profiles/${grown.id}/choose`, { pin: '4711' })).status, 429, 'the right one has to wait too');
    await erika.ok('POST', `/profiles/${grown.id}/choose`, { password });
    await erika.ok('PATCH', `/profiles/${grown.id}`, { pin: null, password });

    // As many as there may be, and one at least.
    for (let i = 0; i < 6; i++) await erika.ok('POST', '/profiles', { name: `Kind ${i}`, age_max: 12 }, 201);
    await erika.refused('POST', '/profiles', { name: 'Zu viel' }, 409, 'profile.count');
    const all = (await erika.ok('GET', '/me')).profiles;
    assert.equal(all.length, 8);
    for (const one of all.filter((each) => each.id !== grown.id)) await erika.ok('DELETE', `/profiles/${one.id}`, {});
    await erika.refused('DELETE', `/profiles/${grown.id}`, { password }, 409, 'profile.last');
    await erika.refused('PATCH', `/profiles/${max.id}`, { name: 'weg' }, 404, 'profile.missing');
});

test('where one is signed in is shown and can be ended', async (t) => {
    const server = await start(t);
    const operator = await server.enter();
    const erika = await signUp(server, operator, { email: 'erika@example.org', name: 'Erika' });
    await server.advance(hour);
    const phone = new Person(server);
    await phone.call('POST', '/sign-in', { email: 'erika@example.org', password }, { headers: { 'user-agent': 'Telefon/1.0' } });
    const items = (await erika.ok('GET', '/me/sessions')).items;
    assert.equal(items.length, 2);
    const theirs = items.find((one) => one.agent.includes('Telefon')), mine = items.find((one) => one.is_this);
    assert.notEqual(theirs.id, mine.id);
    assert.equal(theirs.address, '127.0.0.1');
    assert.match(theirs.created_at, /^2027-01-15T09:00:00Z$/);
    await erika.ok('DELETE', `/me/sessions/${theirs.id}`, undefined, 204);
    assert.equal((await phone.ok('GET', '/me')).user, null);
    await erika.refused('DELETE', `/me/sessions/${theirs.id}`, undefined, 404, 'session.missing');
    // A viewer stays signed in as long as he comes by, and is forgotten when he does not.
    for (let i = 0; i < 3; i++) {
        await server.advance(30 * day);
        await erika.ok('GET', '/site');
        assert.equal((await erika.ok('GET', '/me')).user?.name, 'Erika', `after ${i + 1} months`);
        await server.call('POST', '/test/tick'); // as each minute
    }
    await server.advance(61 * day);
    assert.equal((await erika.ok('GET', '/me')).user, null);
});

test('those who work here are invited with roles, and lose them', async (t) => {
    const server = await start(t);
    const operator = await server.enter();
    await operator.call('POST', '/operator/members', { email: 'rita@example.org', roles: ['rights', 'finance'] });
    const { page, code } = await linkTo(operator, 'rita@example.org');
    assert.equal(page, '/invitation');
    const rita = new Person(server);
    assert.deepEqual(await rita.ok('POST', '/invitation', { code }), { email: 'rita@example.org', organisation: 'Grandstand', roles: ['rights', 'finance'], has_account: false, household: null });
    await rita.refused('POST', '/invitation/accept', { code, name: 'Rita', password: 'kurz' }, 400, 'account.password');
    const me = await rita.ok('POST', '/invitation/accept', { code, name: 'Rita', password });
    assert.deepEqual([me.user.roles.sort(), me.user.is_confirmed], [['finance', 'rights'], true]);
    await new Person(server).refused('POST', '/invitation', { code }, 403, 'code.wrong');
    await rita.refused('GET', '/operator/members', undefined, 403, 'role.required');
    assert.equal((await rita.ok('GET', '/site')).operator, false);

    // Somebody who has an account already takes the roles with its password.
    const bodo = await signUp(server, operator, { email: 'bodo@example.org', name: 'Bodo' });
    await operator.call('POST', '/operator/members', { email: 'bodo@example.org', roles: ['operator'] });
    const { code: his } = await linkTo(operator, 'bodo@example.org');
    assert.equal((await bodo.ok('POST', '/invitation', { code: his })).has_account, true);
    await new Person(server).refused('POST', '/invitation/accept', { code: his, name: 'Dieb', password: 'nicht seines' }, 403, 'sign_in.wrong');
    await bodo.ok('POST', '/invitation/accept', { code: his, password });
    assert.equal((await bodo.ok('GET', '/site')).operator, true);

    const members = (await bodo.ok('GET', '/operator/members')).items;
    assert.deepEqual(members.map((one) => [one.name, one.state, one.is_me]).sort(), [['Bodo', 'member', true], ['Rita', 'member', false]]);
    const [ritas, bodos] = ['Rita', 'Bodo'].map((name) => members.find((one) => one.name === name));
    await bodo.refused('POST', '/operator/members', { email: 'x@example.org', roles: [] }, 400, 'member.roles');
    await bodo.refused('POST', '/operator/members', { email: 'x@example.org', roles: ['king'] }, 400, 'member.roles');
    await bodo.refused('POST', '/operator/members', { email: 'no address', roles: ['editor'] }, 400, 'account.email');
    await bodo.refused('PATCH', `/operator/members/${bodos.id}`, { roles: ['editor'] }, 409, 'member.last');
    await bodo.refused('DELETE', `/operator/members/${bodos.id}`, undefined, 409, 'member.last');
    assert.deepEqual((await bodo.ok('PATCH', `/operator/members/${ritas.id}`, { roles: ['editor'] })).roles, ['editor']);
    assert.deepEqual((await rita.ok('GET', '/me')).user?.roles ?? [], ['editor'], 'at once');
    assert.equal((await rita.get('/operator/titles')).status, 200);
    await bodo.ok('DELETE', `/operator/members/${ritas.id}`, undefined, 204);
    assert.equal((await rita.get('/operator/titles')).status, 401, 'her sessions have ended');
    assert.deepEqual((await (await signIn(server, 'rita@example.org')).ok('GET', '/me')).user.roles, []);

    // An invitation that nobody took can be withdrawn, and ends.
    const made = await bodo.ok('POST', '/operator/members', { email: 'spät@example.org'.replace('ä', 'ae'), roles: ['editor'] }, 201);
    assert.deepEqual([made.state, made.name, made.roles], ['invited', null, ['editor']]);
    const { code: withdrawn } = await linkTo(operator, made.email);
    await bodo.ok('DELETE', `/operator/members/${made.id}`, undefined, 204);
    await new Person(server).refused('POST', '/invitation', { code: withdrawn }, 403, 'code.wrong');
    await bodo.ok('POST', '/operator/members', { email: made.email, roles: ['editor'] }, 201);
    const { code: old } = await linkTo(operator, made.email);
    await server.advance(7 * day + hour);
    await new Person(server).refused('POST', '/invitation', { code: old }, 403, 'code.wrong');
});

test('two adults share a household: plan and orders of both, sign-ins of their own, and each can go', async (t) => {
    const server = await start(t, { args: ['--no-ladder', '--no-stills', '--home-territory', 'DE'] });
    const operator = await server.enter();
    const { title } = await operator.import(film(t, { seconds: 1 }), { names: { en: 'The Long Run' } });
    await operator.call('PATCH', `/operator/titles/${title}`, { is_free: false });
    const fin = await keeper(server, operator);
    const offer = await sell(fin, { kind: 'subscription', name: 'Plus', price: 999, period: { unit: 'month', count: 1 }, contains: { kind: 'titles', titles: [title] } });
    const erika = await signUp(server, operator, { email: 'erika@example.org', name: 'Erika' });
    assert.equal((await buy(erika, [{ offer: offer.id }])).state, 'paid');
    await erika.refused('POST', '/me/household/invitations', { email: 'bodo@example.org', password: 'nicht ihres' }, 403, 'me.password');
    const invited = await erika.ok('POST', '/me/household/invitations', { email: 'bodo@example.org', password }, 201);
    assert.deepEqual([invited.adults_max, invited.adults.map((one) => [one.name, one.is_me, one.is_owner]), invited.invitations.map((one) => one.email)], [4, [['Erika', true, true]], ['bodo@example.org']]);
    const { page, code } = await linkTo(operator, 'bodo@example.org');
    assert.equal(page, '/invitation');
    const bodo = new Person(server);
    assert.deepEqual(await bodo.ok('POST', '/invitation', { code }), { email: 'bodo@example.org', organisation: 'Grandstand', roles: [], has_account: false, household: { name: 'Erika', inviter: 'Erika' } });
    const me = await bodo.ok('POST', '/invitation/accept', { code, name: 'Bodo', password });
    assert.deepEqual([me.user.roles, me.household.name, me.profiles.map((one) => one.name), me.profile.name], [[], 'Erika', ['Erika', 'Bodo'], 'Bodo']);
    await new Person(server).refused('POST', '/invitation/accept', { code, name: 'Bodo', password }, 403, 'code.wrong');
    // Both see what is theirs, and both may pay.
    assert.equal((await bodo.ok('GET', '/me/plan')).subscription.state, 'active');
    const [order] = (await bodo.ok('GET', '/me/orders')).items;
    assert.deepEqual((await erika.ok('GET', '/me/orders')).items.map((one) => one.id), [order.id]);
    assert.equal((await bodo.call('GET', `/me/orders/${order.id}/invoice.pdf`)).status, 200);
    // A second factor is the one's own.
    const { secret } = await bodo.ok('POST', '/me/totp', {});
    await bodo.ok('POST', '/me/totp/confirm', { code: totp(secret, nowS(server)) });
    assert.deepEqual((await erika.ok('GET', '/me/household')).adults.map((one) => [one.name, one.has_totp, one.is_owner]), [['Erika', false, true], ['Bodo', true, false]]);
    assert.equal((await bodo.ok('GET', '/me/sessions')).items.length, 1);
    // The owner removes him: his sessions end, plan and orders stay.
    const his = (await erika.ok('GET', '/me/household')).adults[1];
    await bodo.refused('DELETE', `/me/household/adults/${(await bodo.ok('GET', '/me/household')).adults[0].id}`, { password }, 403, 'household.owner');
    const left = await erika.ok('DELETE', `/me/household/adults/${his.id}`, { password });
    assert.deepEqual(left.adults.map((one) => one.name), ['Erika']);
    await bodo.refused('GET', '/me/sessions', undefined, 401, 'session.required');
    await server.advance(hour);
    const again = await signIn(server, 'bodo@example.org', password, { code: totp(secret, nowS(server)) });
    assert.equal((await again.ok('GET', '/me/plan')).subscription, null);
    assert.deepEqual((await again.ok('GET', '/me')).profiles.map((one) => one.name), ['Bodo']);
    assert.match((await mailsTo(operator, 'bodo@example.org'))[0].subject, /household of your own/);
    // He comes back, with nothing that would be lost; she is erased, and the household is his.
    await erika.ok('POST', '/me/household/invitations', { email: 'bodo@example.org', password }, 201);
    const back = await linkTo(operator, 'bodo@example.org', '/invitation#code=');
    assert.equal((await again.ok('POST', '/invitation', { code: back.code })).has_account, true);
    await again.ok('POST', '/invitation/accept', { code: back.code, password, totp: totp(secret, nowS(server) + 30) });
    assert.equal((await again.ok('GET', '/me/plan')).subscription.state, 'active');
    // She hands the household over, gets it back, and is told both times; nothing of it moves.
    const { adults } = await erika.ok('GET', '/me/household');
    const she = adults.find((one) => one.is_me).id, he = adults.find((one) => !one.is_me).id;
    await again.refused('POST', `/me/household/adults/${he}/owner`, { password }, 403, 'household.owner');
    await erika.refused('POST', `/me/household/adults/${he}/owner`, { password: 'nicht ihres' }, 403, 'me.password');
    await erika.refused('POST', `/me/household/adults/${she}/owner`, { password }, 409, 'household.owned');
    const handed = await erika.ok('POST', `/me/household/adults/${he}/owner`, { password });
    assert.deepEqual(handed.adults.map((one) => [one.name, one.is_owner]), [['Bodo', true], ['Erika', false]]);
    assert.match((await mailsTo(operator, 'bodo@example.org'))[0].subject, /handed the household over to you|hat dir den Haushalt übergeben/);
    assert.match((await mailsTo(operator, 'erika@example.org'))[0].subject, /bodo@example\.org/);
    assert.equal((await erika.ok('GET', '/me/plan')).subscription.state, 'active');
    assert.equal((await again.ok('GET', '/me/orders')).items[0].id, order.id);
    await erika.refused('DELETE', `/me/household/adults/${he}`, { password }, 403, 'household.owner');
    await again.ok('POST', `/me/household/adults/${she}/owner`, { password });
    await erika.ok('POST', '/me/erase', { password }, 204);
    assert.match((await mailsTo(operator, 'bodo@example.org'))[0].subject, /the household is yours now|gehört jetzt dir/);
    assert.deepEqual((await again.ok('GET', '/me/household')).adults.map((one) => [one.name, one.is_owner]), [['Bodo', true]]);
    assert.equal((await again.ok('GET', '/me/orders')).items[0].id, order.id);
    assert.deepEqual((await again.ok('GET', '/me')).profiles.map((one) => one.name), ['Bodo']);
    // Who has bought something of his own does not lose it by moving in.
    const rita = await signUp(server, operator, { email: 'rita@example.org', name: 'Rita' });
    await rita.refused('POST', `/me/household/adults/${he}/owner`, { password }, 404, 'household.adult'); // hers is hers, and his is none of hers
    await again.refused('POST', `/me/household/adults/${(await rita.ok('GET', '/me/household')).adults[0].id}/owner`, { password }, 404, 'household.adult');
    assert.equal((await buy(rita, [{ offer: offer.id }])).state, 'paid');
    await again.ok('POST', '/me/household/invitations', { email: 'rita@example.org', password }, 201);
    const hers = await linkTo(operator, 'rita@example.org', '/invitation#code=');
    await rita.refused('POST', '/invitation/accept', { code: hers.code, password }, 409, 'household.purchases');
    assert.equal((await rita.ok('GET', '/me/plan')).subscription.state, 'active');
    // How many there may be is the organisation's to say.
    const op = new Person(server, { cookie: operator.cookie });
    assert.equal((await op.ok('GET', '/operator/organisation')).adults_max, 4);
    await op.refused('PATCH', '/operator/organisation', { adults_max: 0 }, 400, 'organisation.adults');
    assert.equal((await op.ok('PATCH', '/operator/organisation', { adults_max: 2 })).adults_max, 2);
    await again.refused('POST', '/me/household/invitations', { email: 'x@example.org', password }, 409, 'household.adults');
});

test('scripts have tokens with scopes', async (t) => {
    const server = await start(t);
    const operator = new Person(server, { cookie: (await server.enter()).cookie });
    const made = await operator.ok('POST', '/operator/tokens', { name: 'Nachtlauf', scopes: ['catalog:read', 'live:write'], expires_at: '2027-01-16T08:00:00Z' }, 201);
    assert.match(made.token, /^gst_[A-Za-z0-9_-]{43}$/);
    assert.deepEqual(made.scopes, ['catalog:read', 'live:write']);
    const [listed] = (await operator.ok('GET', '/operator/tokens')).items;
    assert.deepEqual([listed.id, listed.name, listed.token, listed.used_at, listed.expires_at], [made.id, 'Nachtlauf', undefined, null, '2027-01-16T08:00:00Z']);
    const script = (method, path, body) => server.call(method, `/api/v1${path}`, { body, headers: { authorization: `Bearer ${made.token}` } });
    assert.equal((await script('GET', '/operator/titles')).status, 200);
    assert.equal((await script('POST', '/operator/channels', { names: { en: 'Von allein' } })).status, 201, 'no browser, no mark');
    assert.equal((await script('POST', '/operator/titles', { names: { en: 'x' } })).json.error.code, 'token.scope');
    assert.equal((await script('GET', '/operator/tokens')).json.error.code, 'token.scope', 'a token makes no tokens');
    assert.deepEqual((await script('GET', '/me')).json.user, null);
    for (const [body, code] of [[{ name: 'x', scopes: [] }, 'token.scopes'], [{ name: 'x', scopes: ['everything'] }, 'token.scopes'], [{ name: 'x' }, 'token.scopes'], [{ name: '', scopes: ['rights:read'] }, 'account.name'],
        [{ name: 'x', scopes: ['rights:read'], expires_at: '2001-01-01T00:00:00Z' }, 'token.expires'], [{ name: 'x', scopes: ['rights:read'], expires_at: 'bald' }, 'token.expires']])
        await operator.refused('POST', '/operator/tokens', body, 400, code);
    await server.advance(day);
    const over = await script('GET', '/operator/titles');
    assert.deepEqual([over.status, over.json.error.code], [401, 'token.required']);
    assert.match(over.headers.get('www-authenticate'), /^Bearer/);
    const endless = await operator.ok('POST', '/operator/tokens', { name: 'Dauerlauf', scopes: ['catalog:read'] }, 201);
    const ask = () => server.call('GET', '/api/v1/operator/titles', { headers: { authorization: `bearer ${endless.token}` } });
    assert.equal((await ask()).status, 200);
    await operator.ok('DELETE', `/operator/tokens/${endless.id}`, undefined, 204);
    assert.equal((await ask()).status, 401, 'at once');
    await operator.refused('DELETE', `/operator/tokens/${endless.id}`, undefined, 404, 'token.missing');
});

test('where a subscriber abroad counts as being is the organisation\'s to say', async (t) => {
    const server = await start(t);
    const operator = new Person(server, { cookie: (await server.enter()).cookie });
    const erika = await signUp(server, operator, { email: 'erika@example.org', name: 'Erika', country: 'AT' });
    const abroad = async (facts) => {
        await operator.ok('PATCH', '/operator/organisation', facts);
        return [(await new Person(server).ok('GET', '/me')).territory, (await erika.ok('GET', '/me')).territory];
    };
    assert.deepEqual(await operator.ok('GET', '/operator/organisation'), { country: 'DE', portability: 'off', adults_max: 4 });
    assert.deepEqual(await abroad({ country: 'TH' }), ['TH', 'TH']);
    assert.deepEqual(await abroad({ portability: 'home' }), ['TH', 'AT']);
    assert.deepEqual(await abroad({ portability: 'eu' }), ['TH', 'TH'], 'Thailand is not in the European Union');
    assert.deepEqual(await abroad({ country: 'FR' }), ['FR', 'AT']);
    assert.deepEqual(await operator.ok('GET', '/operator/organisation'), { country: 'FR', portability: 'eu', adults_max: 4 });
    await operator.refused('PATCH', '/operator/organisation', { country: 'XX' }, 400, 'account.country');
    await operator.refused('PATCH', '/operator/organisation', { portability: 'moon' }, 400, 'organisation.portability');
});

test('operators find households, and give them screens', async (t) => {
    const server = await start(t);
    const operator = new Person(server, { cookie: (await server.enter()).cookie });
    const erika = await signUp(server, operator, { email: 'erika@example.org', name: 'Erika' });
    await signUp(server, operator, { email: 'bodo@example.org', name: 'Bodo', country: 'TH' });
    await erika.ok('PATCH', '/me/household', { name: 'Familie Mustermann' });
    const found = async (q) => (await operator.ok('GET', `/operator/households?q=${encodeURIComponent(q)}`)).items.map((one) => one.users[0].name);
    assert.deepEqual((await found('')).sort(), ['Bodo', 'Erika']);
    assert.deepEqual(await found('mustermann'), ['Erika']);
    assert.deepEqual(await found('bodo@example.org'), ['Bodo']);
    assert.deepEqual(await found('niemand'), []);
    const { is_whole, next, searched, total } = await operator.ok('GET', '/operator/households?q=mustermann');
    assert.deepEqual([is_whole, next, searched, total], [true, null, 2, 2]);
    await operator.refused('GET', '/operator/households?after=1', undefined, 400, 'request.malformed');
    const id = (await erika.ok('GET', '/me')).household.id;
    assert.deepEqual(await found(id), ['Erika']);
    const one = await operator.ok('GET', `/operator/households/${id}`);
    assert.deepEqual([one.name, one.country, one.profile_count, one.profiles.length, one.users[0].email], ['Familie Mustermann', 'DE', 1, 1, 'erika@example.org']);
    assert.equal((await operator.ok('PATCH', `/operator/households/${id}`, { streams_max: 5 })).streams_max, 5);
    assert.equal((await erika.ok('GET', '/me')).household.streams_max, 5);
    await operator.refused('PATCH', `/operator/households/${id}`, { streams_max: 'viele' }, 400, 'body.type');
    for (const streams_max of [0, 21, null]) await operator.refused('PATCH', `/operator/households/${id}`, { streams_max }, 400, 'household.streams');
    await operator.refused('GET', '/operator/households/0000000000000000', undefined, 404, 'household.missing');
});

test('one says what one agrees to, takes all along, and is erased from the disk', async (t) => {
    const server = await start(t);
    const operator = await server.enter();
    const marks = ['Xenophila Erasmia', 'xenophila@erasmus.example', 'Haus Quastenflosser', 'Schnabeltierchen'];
    const xenia = await signUp(server, operator, { email: marks[1], name: marks[0], lang: 'de' });
    await xenia.ok('PATCH', '/me/household', { name: marks[2] });
    await xenia.ok('POST', '/profiles', { name: marks[3], birth_year: 2019, age_max: 6 }, 201);
    await signUp(server, operator, { email: 'bodo@example.org', name: 'Bodo' });

    const asked = (await xenia.ok('GET', '/me/consents')).items;
    assert.deepEqual(asked.map((one) => [one.purpose, one.is_granted, one.at]), [['news', false, null], ['suggestions', false, null], ['statistics', false, null]]);
    for (const one of asked) assert.ok(one.text.length > 20, `what ${one.purpose} means: "${one.text}"`);
    await xenia.ok('POST', '/me/consents', { purpose: 'news', is_granted: true });
    await server.advance(minute);
    const [news] = (await xenia.ok('POST', '/me/consents', { purpose: 'news', is_granted: false })).items;
    assert.deepEqual([news.is_granted, news.at], [false, '2027-01-15T08:01:00Z']);
    await xenia.refused('POST', '/me/consents', { purpose: 'world domination', is_granted: true }, 400, 'consent.purpose');
    await xenia.refused('POST', '/me/consents', { purpose: 'news', is_granted: 'yes' }, 400, 'body.type');

    const file = await xenia.get('/me/export');
    assert.equal(file.status, 200, file.text);
    assert.match(file.headers.get('content-disposition'), /^attachment; filename="[\w.-]+\.json"$/);
    assert.equal(file.headers.get('cache-control'), 'no-store');
    for (const mark of [...marks, '127.0.0.1', '2019', 'news']) assert.ok(file.text.includes(mark), `the export has "${mark}"`);
    assert.ok(!file.text.includes('bodo') && !file.text.includes('argon2') && !file.text.includes(xenia.cookie.split('=')[1]), 'and nothing of others, and no secrets');
    assert.equal(typeof file.json, 'object');

    const onDisk = () => readdirSync(server.data, { withFileTypes: true }).filter((one) => one.isFile()).map((one) => readFileSync(join(server.data, one.name)));
    for (const mark of marks) assert.ok(!onDisk().some((bytes) => bytes.includes(mark)), `"${mark}" lies open in the data folder`);

    await xenia.refused('POST', '/me/erase', { password: 'nicht meins' }, 403, 'me.password');
    const cookie = xenia.cookie;
    await xenia.ok('POST', '/me/erase', { password }, 204);
    assert.equal((await server.get('/api/v1/me/sessions', { cookie })).status, 401);
    await new Person(server).refused('POST', '/sign-in', { email: marks[1], password }, 403, 'sign_in.wrong');
    const seen = JSON.stringify([(await operator.get('/operator/households')).json, (await operator.get('/operator/mails')).json, (await operator.get('/operator/members')).json]);
    for (const mark of marks) assert.ok(!seen.includes(mark), `operators still see "${mark}"`);
    assert.deepEqual((await operator.get('/operator/households')).json.items.map((one) => one.users[0]?.name), ['Bodo']);
    // The address is free again, and whoever takes it finds nothing of before.
    const other = await signUp(server, operator, { email: marks[1], name: 'Jemand' });
    assert.deepEqual((await other.ok('GET', '/me')).profiles.map((one) => one.name), ['Jemand']);
    await server.stop();
    for (const mark of [marks[0], marks[2], marks[3]]) assert.ok(!onDisk().some((bytes) => bytes.includes(mark)), `"${mark}" is left in the data folder`);
});

test('what stands in the database of an erased person cannot be read with the keys that are left', async (t) => {
    const server = await start(t);
    const operator = await server.enter();
    const xenia = await signUp(server, operator, { email: 'xenia@example.org', name: 'Xenia' });
    await server.kill(); // the WAL stays as it is
    const before = new Map(readdirSync(server.data).filter((name) => name.startsWith('grandstand.db')).map((name) => [name, readFileSync(join(server.data, name))]));
    assert.ok(before.size >= 2, 'the file and its WAL');
    await server.start();
    const again = await signIn(server, 'xenia@example.org');
    await again.ok('POST', '/me/erase', { password }, 204);
    await server.stop();

    // Yesterday's database, brought back from a backup, beside today's keys.
    for (const name of readdirSync(server.data).filter((one) => one.startsWith('grandstand.db'))) rmSync(join(server.data, name));
    for (const [name, bytes] of before) writeFileSync(join(server.data, name), bytes);
    await server.start();
    const thief = new Person(server, { cookie: xenia.cookie });
    const me = await thief.get('/me');
    assert.ok(!me.text.includes('Xenia') && !me.text.includes('xenia@'), me.text);
    const shown = await operator.get('/operator/households');
    assert.ok(!shown.text.includes('Xenia') && !shown.text.includes('xenia@'), shown.text);
    assert.equal((await new Person(server).call('POST', '/sign-in', { email: 'xenia@example.org', password })).status, 403);
});
