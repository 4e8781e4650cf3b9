// SPDX-License-Identifier: AGPL-3.0-or-later
//
// The example organisation: made, found again, interrupted, watched.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { folder, program, run, start } from './lib/server.mjs';

const small = ['--scale', '15', '--seconds', '1'];
const demo = (data, ...args) => run(['demo', '--data', data, '--json', ...small, ...args], { maxBuffer: 1 << 24 });
const answer = (done) => {
    assert.equal(done.status, 0, done.stderr);
    return JSON.parse(done.stdout);
};

test('films are made once, and can be watched with captions and two soundtracks', async (t) => {
    const data = join(folder(t), 'data');
    const first = answer(demo(data, '--films', 'lanes-sprint,sea-room'));
    assert.deepEqual([first.made, first.kept], [2, 0]);
    const again = answer(demo(data, '--films', 'lanes-sprint,sea-room'));
    assert.deepEqual([again.made, again.kept], [0, 2]);
    assert.deepEqual(again.films, first.films);
    assert.ok(!existsSync(join(data, 'example')), 'the files that were imported are removed');

    const server = await start(t, { data });
    const title = async (name, lang) => (await fetch(`${server.url}/api/v1/titles/${first.films[name].title}?lang=${lang}`)).json();
    const sprint = await title('lanes-sprint', 'en');
    assert.equal(sprint.status, 'ready');
    assert.equal(sprint.name, 'Ten Seconds');
    assert.deepEqual(sprint.captions.map((c) => c.lang).sort(), ['de', 'en', 'th', 'zh']);
    assert.equal(sprint.audio.length, 2);
    assert.equal((await title('lanes-sprint', 'de')).name, 'Zehn Sekunden');
    assert.equal((await title('lanes-sprint', 'zh')).name, '十秒');
    assert.equal((await title('lanes-sprint', 'th')).name, 'สิบวินาที');
    const series = await (await fetch(`${server.url}/api/v1/titles/${sprint.parent}?lang=en`)).json();
    assert.equal(series.kind, 'series');
    assert.equal(series.name, 'Lanes');
    assert.equal(sprint.access.state, 'playable');
    const sea = await title('sea-room', 'en');
    assert.deepEqual([sea.is_free, sea.access.state, sea.access.reason, sea.rating.value], [false, 'sign_in', 'access.entitlement', '6']);
    assert.equal(sea.people.find((person) => person.part === 'director').name, 'Elin Haugen');
    for (const picture of ['poster.jpg', 'portrait.jpg'])
        for (const id of [first.films['sea-room'].title, sprint.parent]) {
            const response = await fetch(`${server.url}/art/${id}/${picture}`);
            assert.equal(response.status, 200, picture);
            assert.deepEqual([...new Uint8Array(await response.arrayBuffer()).slice(0, 3)], [0xff, 0xd8, 0xff]);
        }
});

test('killed at any moment it goes on, and no title stands twice', async (t) => {
    const data = join(folder(t), 'data');
    const args = ['demo', '--data', data, '--json', '--films', '2', '--threads', '1', ...small];
    let kills = 0;
    for (let moment = 0; ; moment++) { /* a later moment each time: a file of the work appears, then it is killed */
        const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'ignore'] });
        const ended = once(child, 'exit');
        let isOver = false;
        ended.then(() => (isOver = true));
        const signs = [
            () => existsSync(join(data, 'example.json')),
            () => existsSync(join(data, 'example/lanes-sprint.mkv.part.mkv')),
            () => existsSync(join(data, 'example/lanes-sprint.mkv')),
            () => existsSync(join(data, 'example/lanes-swim.mkv.part.mkv')),
        ];
        if (moment < signs.length) {
            while (!isOver && !signs[moment]()) await new Promise((next) => setImmediate(next));
            if (!isOver) {
                child.kill('SIGKILL');
                kills++;
            }
        }
        const [code] = await ended;
        if (moment < signs.length) continue;
        assert.equal(code, 0);
        break;
    }
    assert.ok(kills >= 2, `killed ${kills} times`);
    const record = JSON.parse(readFileSync(join(data, 'example.json'), 'utf8'));
    assert.ok(Object.values(record.films).every((film) => film.done));
    const server = await start(t, { data });
    const { rows } = await (await fetch(`${server.url}/api/v1/titles?rows=1&lang=en`)).json();
    const names = new Map(rows.flatMap((row) => row.items).map((item) => [item.id, item.name]));
    assert.equal([...names.values()].filter((name) => name === 'Lanes').length, 1);
});

test('what it cannot do it says', (t) => {
    const data = join(folder(t), 'data');
    const unknown = demo(data, '--films', 'no-such-film');
    assert.equal(unknown.status, 2);
    assert.equal(JSON.parse(unknown.stdout).error.code, 'option.films');
    const list = run(['demo', '--list']);
    assert.equal(list.status, 0);
    assert.match(list.stdout, /lanes-sprint .*Ten Seconds/);
});

test('households have bought for a year, once, and every book of it agrees', async (t) => {
    const data = join(folder(t), 'data');
    const live = () => answer(demo(data, '--films', 'sea-room', '--households', '5')); // the clock is turned: the same year each time
    const first = live();
    assert.ok(first.orders >= 5, `${first.orders} orders`);
    const record = JSON.parse(readFileSync(join(data, 'example-sales.json'), 'utf8'));
    assert.deepEqual([record.day, record.households.length], [365, 5]);
    assert.equal(live().orders, 0, 'the year is not lived twice');
    assert.equal(run(['ledger', 'verify', '--data', data]).status, 0);
});
