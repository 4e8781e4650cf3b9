// SPDX-License-Identifier: AGPL-3.0-or-later
//
// The catalogue: an editor brings it in from a file, arranges the home page, and viewers find what they look for in four languages.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { epoch, film, run, start } from './lib/server.mjs';

const csv = (rows) => rows.map((row) => row.map((cell) => (/[",\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell)).join(',')).join('\r\n') + '\r\n';
const iso = (seconds) => new Date((epoch + seconds) * 1000).toISOString();

test('a catalogue comes in, is arranged, found and goes out again', async (t) => {
    const server = await start(t, { args: ['--no-ladder'] });
    const operator = await server.enter();
    const { title, job } = await operator.import(film(t, { seconds: 1 }), { names: { en: 'Pilot' } });
    assert.equal(job.state, 'done');
    const send = (type, body, query = '') => server.call('POST', `/api/v1/operator/catalogue${query}`, { raw: Buffer.from(body), headers: { cookie: operator.cookie, 'x-grandstand': '1', 'content-type': type } });
    const text = async (format) => (await server.get(`/api/v1/operator/catalogue?format=${format}`, { cookie: operator.cookie })).text;
    const whole = async (id, lang = 'en') => (await server.get(`/api/v1/titles/${id}?lang=${lang}`)).json;

    let series, collection;
    await t.test('a CSV makes a series of an imported film, with people, ratings and a season', async () => {
        const rows = [
            ['id', 'external_id', 'kind', 'parent', 'season', 'episode', 'eidr', 'rating_fsk', 'rating_th', 'name_en', 'name_de', 'name_zh', 'name_th', 'people', 'members', 'original_lang', 'countries'],
            [title, '', 'episode', 'x:s1', '', '1', '', '12', 'น 15+', 'Pilot', 'Der Anfang', '开端', 'จุดเริ่มต้น', 'director: Jane Doe; cast: ศิริพร = Nok', '', 'th', 'TH DE'],
            ['', 'x:s1', 'season', 'x:series', '1', '', '', '', '', 'The First Year', '', '', '', '', '', '', ''],
            ['', 'x:series', 'series', '', '', '', '10.5240/7791-8534-2C23-9030-8610-5', '', '', 'Mountain Rescue', 'Die Bergwacht', '山地救援', 'กู้ภัยบนภูเขา', '', '', '', ''],
            ['', 'x:all', 'collection', '', '', '', '', '', '', 'Weekend, quietly', '', '', '', '', 'x:series', '', ''],
        ];
        const trial = await send('text/csv', csv(rows), '?dry_run=1');
        assert.deepEqual([trial.status, trial.json.created, trial.json.changed, trial.json.people], [200, 3, 1, 2], trial.text);
        assert.equal((await operator.call('GET', '/operator/titles')).json.items.length, 1);
        const done = await send('text/csv', csv(rows));
        assert.deepEqual([done.status, done.json.created, done.json.changed, done.json.people, done.json.errors], [200, 3, 1, 2, []], done.text);
        const items = (await operator.call('GET', '/operator/titles')).json.items;
        series = items.find((item) => item.kind === 'series');
        collection = items.find((item) => item.kind === 'collection');
        const shown = await whole(title, 'th');
        assert.deepEqual([shown.kind, shown.parent, shown.season, shown.episode, shown.name], ['episode', series.id, 1, 1, 'จุดเริ่มต้น']);
        assert.deepEqual(shown.people.map((one) => [one.name, one.part, one.character]), [['Jane Doe', 'director', null], ['ศิริพร', 'cast', 'Nok']]);
        assert.deepEqual([shown.rating, shown.age, shown.original_lang, shown.countries], [{ system: 'FSK', value: '12', country: 'DE', is_own: true }, 12, 'th', ['TH', 'DE']]); // home is Germany; profiles are held to the strictest
        const above = await whole(series.id, 'en');
        assert.deepEqual(above.seasons.map((one) => [one.number, one.name]), [[1, 'The First Year']]);
        assert.deepEqual(above.episodes.map((one) => one.id), [title]);
        assert.equal(above.eidr, '10.5240/7791-8534-2C23-9030-8610-5');
        assert.deepEqual((await whole(collection.id)).items.map((one) => one.id), [series.id]);
    });

    await t.test('what goes out comes in without a change, as CSV and as JSON', async () => {
        for (const [format, type] of [['csv', 'text/csv'], ['json', 'application/json']]) {
            const out = await text(format);
            const again = await send(type, out);
            assert.deepEqual([again.status, again.json.created, again.json.changed, again.json.people], [200, 0, 0, 0], again.text);
            assert.equal(await text(format), out);
        }
    });

    await t.test('a file with faults does nothing and says where', async () => {
        const before = await text('csv');
        const answer = await send('text/csv', 'name_en,year,kind\nGood,2001,film\nBad,soon,opera\n');
        assert.equal(answer.status, 400);
        assert.equal(answer.json.error.code, 'catalogue.faults');
        assert.deepEqual(answer.json.errors.map((one) => [one.line, one.column, one.field, one.code]), [[3, 5, 'year', 'catalogue.value'], [3, 10, 'kind', 'title.kind']]);
        assert.equal((await send('application/json', '{"titles": [')).json.errors[0].code, 'catalogue.json');
        assert.equal((await send('image/png', 'x')).json.error.code, 'catalogue.format');
        assert.equal(await text('csv'), before);
        const unmarked = await server.call('POST', '/api/v1/operator/catalogue?format=csv', { raw: Buffer.from('name_en\nX\n'), headers: { cookie: operator.cookie } });
        assert.equal(unmarked.status, 403);
        assert.equal((await server.call('POST', '/api/v1/operator/catalogue?format=csv', { raw: Buffer.from('name_en\nX\n'), headers: { 'x-grandstand': '1' } })).status, 401);
    });

    await t.test('viewers find it in their language, with slips, as they type', async () => {
        const ask = async (q, lang = 'en') => (await server.get(`/api/v1/search?q=${encodeURIComponent(q)}&lang=${lang}`)).json;
        for (const q of ['mountain', 'MOUNT', 'montain', 'bergwacht', 'bergwahct', '山地', 'ภูเขา', 'กู้ภัย']) {
            const found = await ask(q);
            assert.equal(found.items[0]?.id, series.id, q);
        }
        const found = await ask('bergw', 'de');
        assert.deepEqual([found.items[0].name, found.items[0].match], ['Die Bergwacht', { field: 'name', text: 'Die Bergwacht', ranges: [[4, 9]] }]);
        const person = await ask('jane');
        assert.equal(person.people[0].name, 'Jane Doe');
        assert.deepEqual(person.people[0].titles.map((one) => one.id), [title]);
        assert.deepEqual([person.items[0].id, person.items[0].match.field], [title, 'person']);
        assert.deepEqual((await ask('')).items, []);
        assert.deepEqual((await ask('zzzzzz')).items, []);
        assert.equal((await server.get('/api/v1/search?q=a&limit=0')).status, 400);
        assert.equal((await server.get(`/api/v1/titles?q=${encodeURIComponent('rescue')}`)).json.rows[0].items[0].id, series.id);
    });

    await t.test('people are kept by hand', async () => {
        const made = await operator.call('POST', '/operator/people', { names: { en: 'Anna Berg', th: 'แอนนา' } });
        assert.equal(made.status, 201);
        assert.deepEqual((await operator.call('GET', '/operator/people?q=ann')).json.items.map((one) => one.names), [{ en: 'Anna Berg', th: 'แอนนา' }]);
        const changed = await operator.call('PATCH', `/operator/people/${made.json.id}`, { names: { th: null } });
        assert.deepEqual(changed.json.names, { en: 'Anna Berg' });
        assert.equal((await operator.call('PATCH', `/operator/people/${made.json.id}`, { names: { en: '' } })).json.error.code, 'person.name');
        assert.equal((await operator.call('POST', '/operator/people', { names: { en: 'a\u202eb' } })).json.error.code, 'person.name');
        await operator.call('PATCH', `/operator/titles/${title}`, { people: [{ id: made.json.id, part: 'writer' }] });
        assert.deepEqual((await whole(title)).people.map((one) => [one.name, one.part]), [['Anna Berg', 'writer']]);
        assert.equal((await operator.call('DELETE', `/operator/people/${made.json.id}`)).json.error.code, 'person.has_parts');
        await operator.call('PATCH', `/operator/titles/${title}`, { people: [] });
        assert.equal((await operator.call('DELETE', `/operator/people/${made.json.id}`)).status, 204);
    });

    await t.test('a poster with words in one language is that language\'s alone', async () => {
        const put = (file, bytes) => server.call('PUT', `/api/v1/operator/titles/${title}/art/${file}`, { raw: bytes, headers: { cookie: operator.cookie, 'x-grandstand': '1', 'content-type': 'image/jpeg' } });
        const jpeg = (mark) => Buffer.concat([Buffer.from([0xff, 0xd8, 0xff, 0xe0]), Buffer.from(mark)]);
        const general = (await whole(title)).poster;
        const made = await put('poster-de.jpg', jpeg('deutsch'));
        assert.equal(made.status, 200, made.text);
        assert.deepEqual(Object.keys(made.json.posters), ['de']);
        const german = (await whole(title, 'de')).poster;
        assert.match(german, /poster-de\.jpg\?v=\d+$/);
        assert.ok((await server.get(german)).bytes.includes('deutsch'));
        assert.equal((await whole(title, 'th')).poster.split('?')[0], general.split('?')[0]);
        assert.equal((await put('poster-xx.jpg', jpeg(''))).json.error.code, 'art.kind');
        assert.equal((await put('poster-de.jpg', Buffer.from('GIF89a'))).json.error.code, 'art.image');
        const gone = await operator.call('DELETE', `/operator/titles/${title}/art/poster-de.jpg`);
        assert.deepEqual([gone.status, gone.json.posters], [200, {}]);
        assert.equal((await whole(title, 'de')).poster.split('?')[0], general.split('?')[0]);
        assert.equal((await server.get(german)).status, 404);
        await put('poster.jpg', jpeg('by hand'));
        assert.ok((await server.get((await whole(title)).poster)).bytes.includes('by hand'));
        await operator.call('DELETE', `/operator/titles/${title}/art/poster.jpg`);
        assert.ok(!(await server.get((await whole(title)).poster)).bytes.includes('by hand')); // the frame of the import is back
    });

    await t.test('an editor arranges and schedules the home page', async () => {
        const labels = async (lang = 'en') => (await server.get(`/api/v1/titles?rows=1&lang=${lang}`)).json.rows.map((row) => row.label);
        const usual = await labels();
        const put = await operator.call('PUT', '/operator/rows', { items: [
            { names: { en: 'Now on', de: 'Jetzt' }, source: 'titles', titles: [series.id] },
            { names: { en: 'Weekend' }, source: 'collection', titles: [collection.id], starts_at: iso(3600), ends_at: iso(7200) },
            { names: { en: 'New' }, source: 'newest' },
            { names: { en: 'Nothing in it' }, source: 'genre', genre: 'opera' },
            { names: { en: 'Go on' }, source: 'continue' },
        ] });
        assert.equal(put.status, 200, put.text);
        assert.equal(put.json.items.length, 5);
        assert.deepEqual((await operator.call('GET', '/operator/rows')).json, put.json);
        assert.deepEqual(await labels(), ['Now on', 'New', 'Go on']);
        assert.deepEqual(await labels('de'), ['Jetzt', 'New', 'Go on']);
        await server.advance(3600_000);
        assert.deepEqual(await labels(), ['Now on', 'Weekend', 'New', 'Go on']);
        await server.advance(3600_000);
        assert.deepEqual(await labels(), ['Now on', 'New', 'Go on']);
        assert.equal((await server.get('/')).status, 200);
        for (const [row, code] of [[{ names: {}, source: 'newest' }, 'row.name'], [{ names: { en: 'x' }, source: 'titles', titles: [] }, 'row.titles'], [{ names: { en: 'x' }, source: 'genre' }, 'row.genre'],
            [{ names: { en: 'x' }, source: 'newest', starts_at: iso(10), ends_at: iso(10) }, 'row.times'], [{ names: { en: 'x' }, source: 'titles', titles: ['0000000000000000'] }, 'row.titles'], [{ names: { en: 'x' }, source: 'opera' }, 'request.malformed']]) {
            assert.equal((await operator.call('PUT', '/operator/rows', { items: [row] })).json.error.code, code);
        }
        assert.deepEqual(await labels(), ['Now on', 'New', 'Go on']); // nothing of it was kept
        await operator.call('PUT', '/operator/rows', { items: [] });
        assert.deepEqual(await labels(), usual);
    });

    await t.test('another organisation sees and reaches nothing of it', async () => {
        const linked = run(['operator-link', '--data', server.data, '--host', 'arena.example', '--organisation', 'Arena', '--json']);
        const host = { host: 'arena.example' };
        while ((await server.get(`/api/v1/titles/${title}`, host)).status !== 404);
        const entered = await server.call('POST', '/api/v1/session', { body: { code: JSON.parse(linked.stdout).code }, headers: { 'x-grandstand': '1', ...host } });
        const cookie = entered.headers.get('set-cookie').split(';')[0];
        const call = (method, path, body) => server.call(method, `/api/v1${path}`, { body, headers: { cookie, 'x-grandstand': '1', ...host } });
        const person = (await operator.call('GET', '/operator/people')).json.items[0];
        assert.deepEqual((await call('GET', '/search?q=mountain')).json.items, []);
        assert.deepEqual((await call('GET', '/search?q=jane')).json.people, []);
        assert.deepEqual((await call('GET', '/operator/people')).json.items, []);
        assert.equal((await call('PATCH', `/operator/people/${person.id}`, { names: { en: 'Taken' } })).status, 404);
        assert.equal((await call('DELETE', `/operator/people/${person.id}`)).status, 404);
        const own = (await call('POST', '/operator/titles', { kind: 'collection', names: { en: 'Theirs' } })).json;
        assert.equal((await call('PATCH', `/operator/titles/${own.id}`, { members: [series.id] })).json.error.code, 'title.members');
        assert.equal((await call('PATCH', `/operator/titles/${own.id}`, { people: [{ id: person.id, part: 'cast' }] })).json.error.code, 'title.people');
        assert.equal((await call('PATCH', `/operator/titles/${own.id}`, { kind: 'season', parent: series.id })).json.error.code, 'title.parent');
        assert.equal((await call('PATCH', `/operator/titles/${own.id}`, { eidr: '10.5240/7791-8534-2C23-9030-8610-5' })).status, 200); // an EIDR is a number of the world's
        assert.equal((await call('PUT', '/operator/rows', { items: [{ names: { en: 'x' }, source: 'titles', titles: [series.id] }] })).json.error.code, 'row.titles');
        const theft = await server.call('PUT', `/api/v1/operator/titles/${title}/art/poster.jpg`, { raw: Buffer.from([0xff, 0xd8, 0xff]), headers: { cookie, 'x-grandstand': '1', ...host } });
        assert.equal(theft.status, 404);
        assert.equal((await call('DELETE', `/operator/titles/${title}/art/poster.jpg`)).status, 404);
        assert.doesNotMatch((await server.call('GET', '/api/v1/operator/catalogue?format=json', { headers: { cookie, ...host } })).text, /Mountain|Jane/);
        const taken = await server.call('POST', '/api/v1/operator/catalogue?format=csv', { raw: Buffer.from(`id,name_en\n${series.id},Taken\n`), headers: { cookie, 'x-grandstand': '1', ...host } });
        assert.equal(taken.json.created, 1); // to them it is no title that there is: one of their own
        assert.equal((await whole(series.id)).name, 'Mountain Rescue');
    });
});
