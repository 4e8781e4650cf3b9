// SPDX-License-Identifier: AGPL-3.0-or-later
//
// Contracts from outside: the API of the rights manager, the command for scripts, and both over one database.
import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { film as footage, folder, run, start } from './lib/server.mjs';

const at = (s) => new Date(s * 1000).toISOString().replace('.000Z', 'Z');
const now = 1_800_000_000, day = 86400;

async function titleOf(operator, name, more = {}) {
    const made = await operator.call('POST', '/operator/titles', { kind: 'film', names: { en: name }, rights: 'none', is_free: false, ...more });
    assert.equal(made.status, 201, made.text);
    return made.json.id;
}
async function ok(promise, status = 200) {
    const answer = await promise;
    assert.equal(answer.status, status, answer.text);
    return answer.json;
}

test('a contract from its first draft to its end, and what follows from it', async (t) => {
    const server = await start(t);
    const operator = await server.enter();
    const film = await titleOf(operator, 'The Race');
    const studio = await ok(operator.call('POST', '/rights/parties', { name: 'Studio Nord', country: 'NO', kind: 'organisation' }), 201);
    assert.equal(studio.country, 'NO');
    assert.equal((await ok(operator.call('PATCH', `/rights/parties/${studio.id}`, { country: 'SE' }))).country, 'SE');
    assert.ok((await ok(operator.get('/rights/parties'))).items.some((one) => one.id === studio.id));

    const deal = await ok(operator.call('POST', '/rights/deals', { reference: 'N-2027', direction: 'in', party: studio.id, may_sublicense: true }), 201);
    assert.deepEqual([deal.status, deal.version, deal.party.name, deal.line_count], ['draft', 1, 'Studio Nord', 0]);
    const line = { title: film, effect: 'allow', territories: 'WORLD,-US', media: ['subscription', 'free'], languages: ['de', 'en'], starts_at: at(now - day), ends_at: at(now + 10 * day) };
    const dry = await ok(operator.call('POST', `/rights/deals/${deal.id}/lines`, { lines: [line], dry_run: true }));
    assert.deepEqual(dry, { lines: [], conflicts: [] });
    const saved = await ok(operator.call('POST', `/rights/deals/${deal.id}/lines`, { lines: [line] }), 201);
    assert.equal(saved.lines.length, 1);
    assert.equal(saved.lines[0].territories, 'WORLD,-US');
    assert.equal(saved.lines[0].territory_count, 248);
    assert.deepEqual(saved.lines[0].media, ['free', 'subscription']);
    assert.deepEqual(saved.lines[0].title, { id: film, name: 'The Race' });
    assert.equal(saved.lines[0].known_at, at(now));

    const why = (query = '') => ok(operator.get(`/rights/why?title=${film}&territory=DE&medium=free${query}`));
    assert.equal((await why()).decision.reason, 'rights.deal'); // a draft grants nothing
    await ok(operator.call('PATCH', `/rights/deals/${deal.id}`, { status: 'active' }));
    const yes = await why();
    assert.deepEqual([yes.decision.is_allowed, yes.decision.reason, yes.decision.line.id], [true, 'rights.allowed', saved.lines[0].id]);
    assert.equal(yes.decision.until, at(now + 10 * day));
    assert.deepEqual(yes.lines.map((one) => [one.applies, one.why]), [[true, 'applies']]);
    assert.equal((await why('&language=th')).decision.reason, 'rights.language');
    const no = await ok(operator.get(`/rights/why?title=${film}&territory=US&medium=free&lang=en`));
    assert.equal(no.decision.reason, 'rights.territory');
    assert.match(no.decision.message, /United States/);
    assert.deepEqual(no.lines.map((one) => [one.applies, one.why]), [[false, 'territory']]);
    assert.equal((await why(`&at=${at(now + 10 * day)}`)).decision.reason, 'rights.ended');

    const map = await ok(operator.get(`/rights/map?title=${film}&medium=free`));
    assert.equal(Object.keys(map.countries).length, 249);
    assert.deepEqual([map.countries.DE.state, map.countries.DE.line, map.countries.US.state, map.countries.US.reason], ['allow', saved.lines[0].id, 'none', 'rights.territory']);
    assert.equal(map.lines.length, 1);

    const avails = await ok(operator.get(`/rights/avails?title=${film}&territory=DE,US&from=${at(now)}&to=${at(now + 100 * day)}`));
    assert.equal(avails.is_whole, true);
    assert.deepEqual(avails.items.map((one) => [one.territories, one.media, one.from, one.to, one.languages]), [['DE', ['free', 'subscription'], at(now), at(now + 10 * day), ['de', 'en']]]);
    assert.equal((await ok(operator.get('/rights/avails?territory=US'))).items.some((one) => one.title.id === film), false);

    // Amended after use: the book still knows what it knew.
    await server.advance(3600_000);
    const amended = await ok(operator.call('POST', `/rights/deals/${deal.id}/lines`, { lines: [{ ...line, territories: 'WORLD,-US,-DE', replaces: saved.lines[0].id }] }), 201);
    assert.equal((await why()).decision.reason, 'rights.territory');
    assert.equal((await why(`&known_at=${at(now + 60)}`)).decision.reason, 'rights.allowed');
    const book = await ok(operator.get(`/rights/titles/${film}`));
    assert.deepEqual(book.lines.map((one) => one.withdrawn_at), [at(now + 3600), null]);
    assert.deepEqual(book.changes, [at(now - day), at(now + 10 * day)]);
    assert.equal((await ok(operator.get(`/rights/titles/${film}?known_at=${at(now + 60)}`))).lines[0].withdrawn_at, null);

    await ok(operator.call('DELETE', `/rights/lines/${amended.lines[0].id}`), 204);
    assert.equal((await operator.call('DELETE', `/rights/lines/${amended.lines[0].id}`)).status, 409);
    await ok(operator.call('PATCH', `/rights/deals/${deal.id}`, { status: 'terminated', reference: 'N-2027 (over)' }));
    const whole = await ok(operator.get(`/rights/deals/${deal.id}`));
    assert.deepEqual(whole.versions.map((one) => one.status), ['draft', 'active', 'terminated']);
    assert.equal(whole.reference, 'N-2027 (over)');
    assert.equal(whole.lines.length, 2);
    const back = await operator.call('PATCH', `/rights/deals/${deal.id}`, { status: 'active' });
    assert.deepEqual([back.status, back.json.error.code], [409, 'rights.terminated']);
    assert.deepEqual((await ok(operator.get('/rights/deals?status=terminated'))).items.map((one) => one.id), [deal.id]);
});

test('a conflicting exclusive is refused with the overlap named, and nothing is saved', async (t) => {
    const server = await start(t);
    const operator = await server.enter();
    const film = await titleOf(operator, 'The Race');
    const party = async (name) => (await ok(operator.call('POST', '/rights/parties', { name }), 201)).id;
    const deal = async (reference, direction, with_) => (await ok(operator.call('POST', '/rights/deals', { reference, direction, party: with_, status: 'active' }), 201)).id;
    const studio = await deal('IN-1', 'in', await party('Studio')), first = await deal('OUT-1', 'out', await party('Erste')), second = await deal('OUT-2', 'out', await party('Zweite'));
    const line = (more) => ({ title: film, territories: 'WORLD', media: ['linear'], starts_at: at(now), ...more });
    const add = (id, body, lang = 'en') => operator.call('POST', `/rights/deals/${id}/lines?lang=${lang}`, body);
    await ok(add(studio, { lines: [line({ may_sublicense: true })] }), 201);
    await ok(add(first, { lines: [line({ territories: 'DE,AT', is_exclusive: true, ends_at: '2027-06-01' })] }), 201);
    const clash = { lines: [line({ territories: 'AT,CH', is_exclusive: true, starts_at: '2027-03-01' })] };
    const refused = await add(second, clash);
    assert.deepEqual([refused.status, refused.json.error.code], [409, 'rights.conflict']);
    const [conflict] = refused.json.conflicts;
    assert.deepEqual([conflict.kind, conflict.index, conflict.line.deal.reference, conflict.line.deal.party.name], ['exclusive_exclusive', 0, 'OUT-1', 'Erste']);
    assert.deepEqual(conflict.overlap, { territories: 'AT', media: ['linear'], languages: [], from: '2027-03-01T00:00:00Z', to: '2027-06-01T00:00:00Z' });
    assert.match(conflict.message, /OUT-1 with Erste .* Austria, 1 March 2027 to 1 June 2027/);
    assert.match((await add(second, clash, 'de')).json.conflicts[0].message, /Österreich, 1\. März 2027 bis 1\. Juni 2027/);
    // Who reads it on a device is told what its clock shows, as the lines on his pages are; a script, UTC.
    const inBerlin = await operator.call('POST', `/rights/deals/${second}/lines?lang=en`, clash, { headers: { cookie: `${operator.cookie}; zone=Europe/Berlin` } });
    assert.match(inBerlin.json.conflicts[0].message, /Austria, 1 March 2027 at 01:00 to 1 June 2027 at 02:00/);
    for (const lang of ['zh', 'th']) assert.ok((await add(second, clash, lang)).json.conflicts[0].message.includes('OUT-1'));
    assert.equal((await ok(operator.get(`/rights/deals/${second}`))).lines.length, 0);
    const asked = await ok(operator.call('POST', '/rights/conflicts', { deal: second, line: clash.lines[0] }));
    assert.equal(asked.items[0].kind, 'exclusive_exclusive');
    assert.deepEqual((await ok(operator.get('/rights/conflicts'))).total, 0);
    const taken = await ok(add(second, { ...clash, accept_conflicts: true, accept_reason: 'Both have agreed.' }), 201);
    assert.equal(taken.lines[0].note, 'Both have agreed.');
    assert.equal(taken.conflicts.length, 1);
    assert.equal((await ok(operator.get('/rights/conflicts'))).total, 1);
});

test('an exclusive sale of what our own service runs is told before it is saved, in four languages and on the command line', async (t) => {
    const server = await start(t, { args: ['--no-ladder', '--no-stills', '--no-example-channel'] });
    const operator = await server.enter();
    const { title: film } = await operator.import(footage(t, { seconds: 1 }), { names: { en: 'The Race' } }); // free, as long as nobody says otherwise
    for (const house of (await ok(operator.get(`/rights/titles/${film}`))).lines) await ok(operator.call('DELETE', `/rights/lines/${house.id}`), 204);
    const party = async (name) => (await ok(operator.call('POST', '/rights/parties', { name }), 201)).id;
    const deal = async (reference, direction, with_) => (await ok(operator.call('POST', '/rights/deals', { reference, direction, party: with_, status: 'active' }), 201)).id;
    const studio = await deal('IN-1', 'in', await party('Studio')), sale = await deal('OUT-1', 'out', await party('Erste'));
    const line = (more) => ({ title: film, territories: 'WORLD', media: ['free', 'rental', 'linear'], starts_at: at(now), ...more });
    const add = (body, lang = 'en') => operator.call('POST', `/rights/deals/${sale}/lines?lang=${lang}`, body);
    await ok(operator.call('POST', `/rights/deals/${studio}/lines`, { lines: [line({ may_sublicense: true, ends_at: '2028-01-01' })] }), 201);
    const wanted = { territories: 'DE,AT', is_exclusive: true, starts_at: '2027-03-01', ends_at: '2027-06-01' };
    await ok(add({ lines: [line({ ...wanted, media: ['linear'] })], dry_run: true })).then(({ conflicts }) => assert.deepEqual(conflicts, [])); // we do not run that
    const refused = await add({ lines: [line(wanted)] });
    assert.deepEqual([refused.status, refused.json.error.code, refused.json.conflicts.length], [409, 'rights.conflict', 1], refused.text);
    const [{ kind, line: ours, overlap, message }] = refused.json.conflicts;
    assert.deepEqual([kind, ours.deal.reference], ['own_service_sold', 'IN-1']);
    assert.deepEqual(overlap, { territories: 'AT,DE', media: ['free'], languages: [], from: '2027-03-01T00:00:00Z', to: '2027-06-01T00:00:00Z' });
    assert.match(message, /^Our own service offers this under IN-1 .*1 March 2027 to 1 June 2027/);
    for (const [lang, word] of [['de', /Dienst bietet/], ['zh', /IN-1提供/], ['th', /กำลังเสนอ/]]) assert.match((await add({ lines: [line(wanted)] }, lang)).json.conflicts[0].message, word);
    // What is on sale is run as well.
    await ok(operator.call('POST', '/finance/offers', { kind: 'rental', names: { en: 'Rent' }, is_on_sale: true, prices: [{ amount: '399', currency: 'EUR', territories: 'AT,CH' }],
        rental: { start_within_days: 30, watch_hours: 48 }, contains: { kind: 'titles', titles: [film] } }), 201);
    const both = (await ok(operator.call('POST', '/rights/conflicts', { deal: sale, line: line(wanted) }))).items;
    assert.deepEqual(both.map((one) => [one.kind, one.overlap.territories, one.overlap.media.join()]).sort(), [['own_service_sold', 'AT,DE', 'free'], ['own_service_sold', 'AT', 'rental']]);
    const saved = await ok(add({ lines: [line(wanted)], accept_conflicts: true, accept_reason: 'We step back.' }), 201);
    assert.equal(saved.conflicts.length, 2);
    assert.equal((await ok(operator.get('/rights/conflicts'))).total, 2);
    assert.equal((await ok(operator.get(`/rights/deals/${sale}/conflicts`))).total, 2);
    assert.equal((await ok(operator.get(`/rights/deals/${studio}/conflicts`))).total, 0);
    const listed = run(['rights', 'conflicts', '--data', server.data, '--json']);
    assert.equal(listed.status, 3, listed.stderr);
    assert.deepEqual(JSON.parse(listed.stdout).items.map((one) => one.kind), ['own_service_sold', 'own_service_sold']);
});

test('a draft whose lines the book has moved past does not take effect unless that is accepted', async (t) => {
    const server = await start(t);
    const operator = await server.enter();
    const film = await titleOf(operator, 'The Race');
    const party = async (name) => (await ok(operator.call('POST', '/rights/parties', { name }), 201)).id;
    const deal = async (reference, direction, with_, status) => (await ok(operator.call('POST', '/rights/deals', { reference, direction, party: with_, status }), 201)).id;
    const add = (id, more) => ok(operator.call('POST', `/rights/deals/${id}/lines`, { lines: [{ title: film, territories: 'WORLD', media: ['linear'], starts_at: at(now), ...more }] }), 201);
    const patch = (id, body) => operator.call('PATCH', `/rights/deals/${id}`, body);
    const studio = await deal('IN-1', 'in', await party('Studio'), 'active');
    await add(studio, { may_sublicense: true });
    const draft = await deal('OUT-1', 'out', await party('Erste'), 'draft'), second = await deal('OUT-2', 'out', await party('Zweite'), 'active');
    const { lines: [own] } = await add(draft, { territories: 'DE,AT', is_exclusive: true }); // nothing stands against it
    assert.equal((await ok(operator.get(`/rights/deals/${draft}/conflicts`))).total, 0);
    await add(second, { territories: 'AT,CH', is_exclusive: true }); // nor against this: the other is a draft
    assert.equal((await ok(operator.get('/rights/conflicts'))).total, 0);

    const standing = await ok(operator.get(`/rights/deals/${draft}/conflicts`));
    assert.deepEqual([standing.total, standing.items[0].title.name, standing.items[0].first.id, standing.items[0].conflict.kind, standing.items[0].conflict.overlap.territories],
        [1, 'The Race', own.id, 'exclusive_exclusive', 'AT']);
    for (const status of ['active', 'suspended']) {
        const refused = await patch(draft, { status });
        assert.deepEqual([refused.status, refused.json.error.code, refused.json.conflicts.map((one) => [one.kind, one.line.deal.reference])], [409, 'rights.conflict', [['exclusive_exclusive', 'OUT-2']]]);
    }
    const { status, versions } = await ok(operator.get(`/rights/deals/${draft}`));
    assert.deepEqual([status, versions.length], ['draft', 1], 'nothing was changed');
    assert.equal((await ok(patch(draft, { reference: 'OUT-1a' }))).status, 'draft', 'what does not take effect is not held up');
    assert.equal((await ok(patch(draft, { status: 'active', accept_conflicts: true }))).status, 'active');
    assert.equal((await ok(operator.get('/rights/conflicts'))).total, 1);
    // What took effect in spite of it may rest and come back.
    assert.equal((await ok(patch(draft, { status: 'suspended' }))).status, 'suspended');
    assert.equal((await ok(patch(draft, { status: 'active' }))).status, 'active');
    // A draft that contradicts nothing.
    const third = await deal('OUT-3', 'out', await party('Dritte'), 'draft');
    await add(third, { territories: 'FR', is_exclusive: true });
    assert.equal((await ok(patch(third, { status: 'active' }))).status, 'active');
    assert.equal((await operator.get('/rights/deals/nothing000000000/conflicts')).status, 404);
    // Two drafts that contradict each other, at the same moment: one of them comes first.
    for (let round = 0; round < 5; round++) {
        const medium = ['rental', 'purchase', 'venue', 'clip', 'catch_up'][round];
        await add(studio, { media: [medium], may_sublicense: true });
        const both = [await deal(`A-${round}`, 'out', await party(`A ${round}`), 'draft'), await deal(`B-${round}`, 'out', await party(`B ${round}`), 'draft')];
        for (const id of both) await ok(operator.call('POST', `/rights/deals/${id}/lines`, { lines: [{ title: film, territories: 'JP', media: [medium], starts_at: at(now), is_exclusive: true }], accept_conflicts: true }), 201);
        const answers = await Promise.all(both.map((id) => patch(id, { status: 'active' })));
        assert.deepEqual(answers.map((answer) => answer.status).sort(), [200, 409], answers.map((answer) => answer.text).join());
    }
});

test('what is wrong is refused by its name and its place', async (t) => {
    const server = await start(t);
    const operator = await server.enter();
    const film = await titleOf(operator, 'The Race');
    const party = (await ok(operator.call('POST', '/rights/parties', { name: 'Studio' }), 201)).id;
    const deal = (await ok(operator.call('POST', '/rights/deals', { reference: 'S-1', direction: 'in', party, status: 'active' }), 201)).id;
    const good = { title: film, territories: 'DE', media: ['free'], starts_at: '2027-01-01' };
    const wrong = [
        [{ title: 'nobody' }, 'rights.title'], [{ territories: 'XX' }, 'rights.territory_unknown'], [{ territories: '' }, 'rights.territories'], [{ media: ['smoke'] }, 'rights.medium_unknown'],
        [{ media: [] }, 'rights.medium_unknown'], [{ languages: ['deutsch_'] }, 'rights.language_tag'], [{ starts_at: '2027-02-29' }, 'rights.time'], [{ starts_at: null }, 'rights.time'],
        [{ ends_at: '2027-01-01T10:00:00' }, 'rights.time'], [{ ends_at: '2026-12-31' }, 'rights.window'], [{ effect: 'maybe' }, 'rights.effect'], [{ plays_max: 0 }, 'rights.plays_max'],
        [{ effect: 'blackout', is_exclusive: true }, 'rights.block'], [{ note: '\u202eevil' }, 'rights.note'],
    ];
    for (const [change, code] of wrong) {
        const { status, json, text } = await operator.call('POST', `/rights/deals/${deal}/lines`, { lines: [good, { ...good, ...change }] });
        assert.deepEqual([status, json.error.code, json.error.index], [400, code, 1], `${JSON.stringify(change)} ${text}`);
    }
    const typed = (await operator.call('POST', `/rights/deals/${deal}/lines`, { lines: [good, { ...good, is_exclusive: 'yes' }] })).json.error;
    assert.deepEqual([typed.code, typed.about], ['body.type', 'lines[1].is_exclusive']);
    assert.equal((await ok(operator.get(`/rights/deals/${deal}`))).lines.length, 0);
    assert.equal((await operator.get(`/rights/why?title=${film}&territory=Deutschland&medium=free`)).json.error.code, 'rights.place');
    assert.equal((await operator.get(`/rights/why?title=${film}&territory=DE&medium=smoke`)).json.error.code, 'rights.medium_unknown');
    assert.equal((await operator.get(`/rights/map?title=nobody&medium=free`)).status, 404);
    assert.equal((await operator.call('POST', '/rights/deals', { reference: 'S-1', direction: 'in', party })).json.error.code, 'rights.reference_taken');
    assert.equal((await operator.call('POST', '/rights/deals', { reference: 'S-2', direction: 'sideways', party })).json.error.code, 'rights.direction');
    assert.equal((await operator.call('PATCH', `/rights/deals/${deal}`, { status: 'asleep' })).json.error.code, 'rights.status');
    // Leap days, and a summer time that begins: zones are reckoned with.
    const leap = await ok(operator.call('POST', `/rights/deals/${deal}/lines`, { lines: [{ ...good, starts_at: '2028-02-29', ends_at: '2028-03-26T03:00:00+02:00' }] }), 201);
    assert.deepEqual([leap.lines[0].starts_at, leap.lines[0].ends_at], ['2028-02-29T00:00:00Z', '2028-03-26T01:00:00Z']);
});

test('lines come from a file, by the page and by the command, all or none', async (t) => {
    const server = await start(t);
    const operator = await server.enter();
    const film = await titleOf(operator, 'The Race'), other = await titleOf(operator, 'Verloren');
    const send = (text, query = '') => operator.call('POST', `/rights/import${query}`, undefined, { raw: Buffer.from(text), headers: { 'content-type': 'text/csv' } });
    const header = 'deal,party,direction,title,effect,territories,media,starts,ends\n';
    const bad = await send(`${header}S-1,Studio,in,${film},,DE,free,2027-01-01,\nS-1,Studio,in,nobody,,"DE,QQ",free,2027-01-01,2026-01-01\n`, '?lang=de');
    assert.deepEqual([bad.status, bad.json.error.code, bad.json.error_count], [400, 'rights.import', 3]);
    assert.deepEqual(bad.json.errors.map((one) => [one.line, one.column, one.code, one.about]), [[3, 15, 'rights.title', 'nobody'], [3, 23, 'rights.territory_unknown', 'QQ'], [3, 47, 'rights.window', '2026-01-01']]); // all at once: nobody comes twice
    assert.equal(bad.json.errors[0].message, 'Es gibt keinen Titel mit dieser öffentlichen Kennung, EIDR oder externen Kennung.');
    assert.ok(!(await ok(operator.get('/rights/deals'))).items.some((one) => one.reference === 'S-1'));
    const spread = await send(`${header.replaceAll(',', ';')}S-1;Studio;in;${film};;DE;free;2027-01-01;\n`, '?lang=de');
    assert.deepEqual(spread.json.errors.map((one) => [one.line, one.column, one.code]), [[1, 1, 'rights.import_commas']], 'one fault that says what it is');
    assert.match(spread.json.errors[0].message, /Kommas/);
    const text = `${header}S-1,Studio,in,${film},,DE,free,2027-01-01,\n`;
    const good = { error_count: 0, errors: [], conflict_count: 0, conflict_lines: 0, has_more_conflicts: false, conflicts: [] };
    assert.deepEqual(await ok(send(text, '?dry_run=1')), { lines: 1, deals: 1, parties: 1, ...good });
    assert.deepEqual(await ok(send(text)), { lines: 1, deals: 1, parties: 1, ...good });
    assert.equal((await ok(operator.get(`/rights/why?title=${film}&territory=DE&medium=free`))).decision.is_allowed, true);

    // Beside the running server, by the command: the server follows.
    const dir = folder(t), csv = join(dir, 'lines.csv'), data = ['--data', server.data];
    writeFileSync(csv, `${header}S-1,,,${other},,"AT,CH",free,2027-01-01,\nS-1,,,${other},,"US,-US-CA",free,2027-01-01,\nS-1,,,${film},blackout,CH,free,2027-01-01,2027-02-01\n`);
    const imported = run(['rights', 'import', csv, ...data, '--json']);
    assert.equal(imported.status, 0, imported.stderr);
    assert.deepEqual(JSON.parse(imported.stdout), { lines: 3, deals: 0, parties: 0, ...good });
    for (;;) if ((await ok(operator.get(`/rights/why?title=${other}&territory=AT&medium=free`))).decision.is_allowed) break;

    const check = (...more) => run(['rights', 'check', ...data, ...more]);
    const yes = check('--title', film, '--territory', 'DE', '--medium', 'free', '--json');
    assert.equal(yes.status, 0, yes.stderr);
    assert.deepEqual([JSON.parse(yes.stdout).is_allowed, JSON.parse(yes.stdout).reason], [true, 'rights.allowed']);
    const no = check('--title', film, '--territory', 'CH', '--medium', 'free', '--at', '2027-01-15');
    assert.deepEqual([no.status, no.stdout.startsWith('no  rights.blackout  line ')], [3, true], no.stdout);
    assert.match(no.stdout, /until 2027-02-01T00:00:00Z/);
    const then = check('--title', film, '--territory', 'DE', '--medium', 'free', '--known-at', '2026-01-01', '--json');
    assert.deepEqual([then.status, JSON.parse(then.stdout).reason], [3, 'rights.none']);
    // Of a country whose area is not known, what takes one out allows nothing; of an area that is, the rest.
    for (const [place, reason] of [['US', 'rights.territory'], ['US-NY', 'rights.allowed'], ['US-CA', 'rights.territory']])
        assert.equal(JSON.parse(check('--title', other, '--territory', place, '--medium', 'free', '--at', '2027-01-15', '--json').stdout).reason, reason, place);
    assert.equal(check('--title', 'nobody', '--territory', 'DE', '--medium', 'free').status, 2);
    assert.equal(check('--title', film, '--medium', 'free').status, 2);
    assert.equal(run(['rights', 'sell', ...data]).status, 2);

    const batch = join(dir, 'questions.csv');
    writeFileSync(batch, `title,territory,medium,at,known_at\n${film},DE,free,2027-01-15,\n${film},CH,free,2027-01-15,\n${other},DE,free,,\n${film},DE,free,2027-01-15,2026-01-01\n${other},US,free,2027-01-15,\n${other},US-NY,free,2027-01-15,\n`);
    const many = check('--batch', batch);
    assert.equal(many.status, 3, many.stderr);
    assert.deepEqual(many.stdout.trim().split('\n').map((one) => one.split(',').slice(0, 2).join(' ')), ['allowed reason', 'yes rights.allowed', 'no rights.blackout', 'no rights.territory', 'no rights.none', 'no rights.territory', 'yes rights.allowed']);
    assert.deepEqual(check('--batch', batch, '--json').stdout.trim().split('\n').map((one) => JSON.parse(one).is_allowed), [true, false, false, false, false, true]);
    writeFileSync(batch, `title,territory,medium,at\n${film},DE,free,2027-01-15\nnobody,XX,smoke,soon\n`);
    const faulty = check('--batch', batch);
    assert.deepEqual([faulty.status, faulty.stdout], [1, '']);
    assert.equal(faulty.stderr.trim().split('\n').length, 5);
    const told = check('--batch', batch, '--json');
    assert.deepEqual([told.status, told.stderr, JSON.parse(told.stdout).error_count], [1, '', 4], 'for scripts as JSON');
    assert.deepEqual(JSON.parse(told.stdout).errors.map((one) => [one.line, one.column, one.code, one.about]),
        [[3, 1, 'rights.title', 'nobody'], [3, 8, 'rights.place', 'XX'], [3, 11, 'rights.medium_unknown', 'smoke'], [3, 17, 'rights.time', 'soon']]);
    // Only an answer ends with 3: not a file that is not there, nor a folder without a house, in which nothing is begun.
    assert.equal(check('--batch', join(dir, 'none.csv')).status, 1);
    const nowhere = run(['rights', 'check', '--data', join(dir, 'nowhere'), '--title', film, '--territory', 'DE', '--medium', 'free']);
    assert.equal(nowhere.status, 1);
    assert.match(nowhere.stderr, /There is no house in this folder.*--data.*\[house.none\]/);
    assert.equal(existsSync(join(dir, 'nowhere')), false);
    assert.match(check('--title', 'nobody', '--territory', 'DE', '--medium', 'free').stderr, /nobody: There is no title of this public id, EIDR or external id/);

    writeFileSync(csv, `${header}S-1,,,${film},,DE,free,2027-13-01,\n`);
    const refused = run(['rights', 'import', csv, ...data]);
    assert.equal(refused.status, 1);
    assert.match(refused.stderr, /:2:\d+: .*\[rights.time\] "2027-13-01"/);
    assert.equal(run(['rights', 'import', join(dir, 'none.csv'), ...data]).status, 3);

    // A line that is too short says where it ends and what it lacks, one that is too long what is too much.
    writeFileSync(csv, `${header}S-1,,,${film},,DE,free\nS-1,,,${film},,DE,AT,free,2027-01-01,\n`);
    const uneven = JSON.parse(run(['rights', 'import', csv, ...data, '--json']).stdout);
    const end = `S-1,,,${film},,DE,free`.length + 1;
    assert.deepEqual(uneven.errors.map((one) => [one.line, one.column, one.code, one.about]), [[2, end, 'rights.import_fields_missing', 'starts, ends'], [3, end + 15, 'rights.import_fields', '']]);

    const conflicts = run(['rights', 'conflicts', ...data, '--json']);
    assert.deepEqual([conflicts.status, JSON.parse(conflicts.stdout)], [0, { total: 0, items: [] }], conflicts.stderr);
    const avails = run(['rights', 'avails', ...data, '--title', other, '--from', '2027-02-01', '--to', '2027-03-01', '--json']);
    assert.deepEqual(JSON.parse(avails.stdout).items, [{ title: other, territories: 'AT,CH,US,-US-CA', media: 'free', languages: '', from: '2027-02-01T00:00:00Z', to: '2027-03-01T00:00:00Z' }], avails.stderr);
});

test('a file that contradicts is refused with each overlap named, and saved when that is accepted', async (t) => {
    const server = await start(t);
    const operator = await server.enter();
    const film = await titleOf(operator, 'The Race');
    const dir = folder(t), csv = join(dir, 'lines.csv'), data = ['--data', server.data];
    const importing = (...more) => run(['rights', 'import', csv, ...data, ...more]);
    const lines = async (reference) => {
        const deal = (await ok(operator.get('/rights/deals'))).items.find((one) => one.reference === reference);
        return deal ? (await ok(operator.get(`/rights/deals/${deal.id}`))).lines : [];
    };
    const header = 'deal,party,direction,title,territories,media,starts,ends,exclusive,sublicense\n';
    const send = (text, query = '') => operator.call('POST', `/rights/import${query}`, undefined, { raw: Buffer.from(header + text), headers: { 'content-type': 'text/csv' } });
    assert.equal((await ok(send(`T-1,Station,out,${film},"DE,AT",linear,2027-02-01,2027-03-01,yes,\nS-1,Studio,in,${film},"DE,AT",linear,2027-01-01,,,yes\n`))).lines, 2, 'sold out of what the same file licenses');

    // Line 2 against what stands, line 4 against line 3: by the command, for people and for scripts.
    const rows = `U-1,Arena,out,${film},"AT,CH",linear,2027-02-15,2027-04-01,yes,\nU-1,,,${film},FR,linear,2027-02-01,2027-03-01,yes,\nV-1,Yonder,out,${film},FR,linear,2027-02-20,2027-03-01,,\nS-1,,,${film},"CH,FR",linear,2027-01-01,,,yes\n`;
    writeFileSync(csv, header + rows);
    const refused = importing();
    assert.deepEqual([refused.status, refused.stdout], [5, '']);
    const said = refused.stderr.trim().split('\n');
    assert.match(said[0], /lines\.csv:2:15: The Race: T-1 with Station promises the same exclusively: Austria, 15 February 2027 to 1 March 2027 \(Linear channel\)\. \[exclusive_exclusive\] line \w{16}$/);
    assert.equal(said[1], '    AT  linear  2027-02-15T00:00:00Z - 2027-03-01T00:00:00Z');
    assert.match(said[2], /lines\.csv:4:16: The Race: One of the two is exclusive, and U-1 with Arena grants the same: France, 20 February 2027 to 1 March 2027 .*\[exclusive_allow\] line 3 of this file$/);
    assert.match(said[4], /^2 conflicts of 2 lines\. Nothing was changed.*--accept-conflicts.*\[rights\.conflict\]$/);
    const tried = importing('--dry-run', '--json');
    const told = JSON.parse(tried.stdout);
    assert.deepEqual([tried.status, told.error, told.lines, told.conflict_count, told.conflict_lines, told.has_more_conflicts], [5, undefined, 4, 2, 2, false]);
    assert.deepEqual(told.conflicts.map((one) => [one.line, one.column, one.kind, one.title, one.title_name, one.deal, one.party, one.other?.length ?? null, one.other_line, one.territories, one.media, one.from, one.to]), [
        [2, 15, 'exclusive_exclusive', film, 'The Race', 'T-1', 'Station', 16, null, 'AT', 'linear', '2027-02-15T00:00:00Z', '2027-03-01T00:00:00Z'],
        [4, 16, 'exclusive_allow', film, 'The Race', 'U-1', 'Arena', null, 3, 'FR', 'linear', '2027-02-20T00:00:00Z', '2027-03-01T00:00:00Z']]);
    assert.deepEqual([JSON.parse(importing('--json').stdout).error.code, importing('--accept-reason', 'why').status], ['rights.conflict', 2]);

    // By the page.
    const conflict = await send(rows, '?lang=de');
    assert.deepEqual([conflict.status, conflict.json.error.code, conflict.json.conflict_count, conflict.json.error_count, conflict.json.lines], [409, 'rights.conflict', 2, 0, 0]);
    const [first, second] = conflict.json.conflicts;
    assert.deepEqual([first.line, first.column, first.kind, first.title.id, first.other.deal.reference, first.other_line], [2, 15, 'exclusive_exclusive', film, 'T-1', null]);
    assert.equal(first.message, 'T-1 mit Station verspricht dasselbe exklusiv: Österreich, 15. Februar 2027 bis 1. März 2027 (Lineares Programm).');
    assert.deepEqual(first.overlap, { territories: 'AT', media: ['linear'], languages: [], from: '2027-02-15T00:00:00Z', to: '2027-03-01T00:00:00Z' });
    assert.deepEqual([second.line, second.other, second.other_line], [4, null, 3]);
    assert.equal((await ok(send(rows, '?dry_run=1'))).conflict_count, 2);
    assert.equal((await lines('U-1')).length, 0, 'nothing was saved');
    assert.equal((await ok(send(rows, `?accept_conflicts=1&accept_reason=${encodeURIComponent('agreed by letter')}`))).conflict_count, 2);
    assert.deepEqual((await lines('U-1')).map((one) => one.note), ['agreed by letter', '']);
    assert.deepEqual((await lines('V-1')).map((one) => one.note), ['agreed by letter']);

    writeFileSync(csv, `${header}W-1,Else,out,${film},TH,linear,2027-02-01,2027-03-01,,\n`);
    const accepted = importing('--accept-conflicts', '--accept-reason', 'a licence is on its way');
    assert.deepEqual([accepted.status, accepted.stdout], [0, '1 line, 1 new deal, 1 new party, in spite of 1 conflict of 1 line\n']);
    assert.match(accepted.stderr, /:2:14: The Race: Sold without being held.*Thailand.*\[out_without_in\]\n/);
    const standing = JSON.parse(run(['rights', 'conflicts', ...data, '--json']).stdout);
    assert.deepEqual(standing.items.map((one) => one.kind).sort(), ['exclusive_allow', 'exclusive_exclusive', 'out_without_in'], 'what was told is what stands');
});

test('killed after the answer, and between saving and compiling: what was saved stands', async (t) => {
    const server = await start(t, { mayCrash: true });
    const operator = await server.enter();
    const film = await titleOf(operator, 'The Race');
    const party = (await ok(operator.call('POST', '/rights/parties', { name: 'Studio' }), 201)).id;
    const deal = (await ok(operator.call('POST', '/rights/deals', { reference: 'S-1', direction: 'in', party, status: 'active' }), 201)).id;
    await ok(operator.call('POST', `/rights/deals/${deal}/lines`, { lines: [{ title: film, territories: 'WORLD', media: ['free'], starts_at: '2027-01-01' }] }), 201);
    await server.kill();
    const why = async (medium) => (await ok(operator.get(`/rights/why?title=${film}&territory=DE&medium=${medium}`))).decision.is_allowed;
    server.options.env = { GRANDSTAND_TEST_KILL: 'rights_saved' };
    await server.start();
    assert.deepEqual([await why('free'), await why('rental')], [true, false]);
    await assert.rejects(operator.call('POST', `/rights/deals/${deal}/lines`, { lines: [{ title: film, territories: 'WORLD', media: ['rental'], starts_at: '2027-01-01' }] }), 'nobody answers');
    assert.equal((await server.ended).signal, 'SIGKILL');
    server.options.env = {};
    await server.start();
    assert.deepEqual([await why('free'), await why('rental')], [true, true], 'compiled from what is saved');
    assert.equal((await ok(operator.get(`/rights/deals/${deal}`))).lines.length, 2);
});
