// SPDX-License-Identifier: AGPL-3.0-or-later
//
// The example organisation's own channel: its films, one after the other and round again, without a joint that can be seen.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ending } from './lib/ending.mjs';
import { titleUntil, until, Viewer } from './lib/live.mjs';
import { folder, run, start } from './lib/server.mjs';

test('the example has a channel that never ends', async (t) => {
    const data = folder(t);
    const made = run(['demo', '--data', data, '--films', '1', '--seconds', '3', '--scale', '20', '--json']);
    assert.equal(made.status, 0, made.stderr);

    const quiet = await start(t, { data, args: ['--no-ladder', '--no-stills', '--no-example-channel'] });
    assert.ok(!(await quiet.get('/api/v1/titles?rows=1')).json.rows.some((row) => ['live', 'upcoming'].includes(row.source)));
    await quiet.stop();

    const server = await start(t, { data, args: ['--no-ladder', '--no-stills'] });
    const rows = await until(async () => (await server.get('/api/v1/titles?rows=1&lang=zh')).json.rows, (all) => all[0].source === 'live');
    const [channel] = rows[0].items;
    assert.deepEqual([channel.kind, channel.status, channel.name], ['event', 'live', '看台一台']);
    const viewer = new Viewer(server, await server.play(channel.id), channel.id);
    ending(t, () => viewer.close());
    // Films of three seconds in segments of two: the third one is behind the first joint.
    for (let msn = 0; msn < 3; msn++) await viewer.load({ msn });
    assert.ok(viewer.playlist.segments.length >= 3);
    assert.ok(viewer.playlist.segments.every((segment) => !segment.isDiscontinuous && !segment.isGap), viewer.text);
    assert.ok((await viewer.bytes(viewer.playlist.segments[2].uri)).includes('moof'));

    // It is there once, also after a restart, and goes on.
    await server.stop();
    await server.start();
    await titleUntil(server, channel.id, (title) => title.status === 'live');
    assert.equal((await server.get('/api/v1/titles?kind=event')).json.rows.flatMap((row) => row.items).length, 1);
});
