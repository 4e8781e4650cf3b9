// SPDX-License-Identifier: AGPL-3.0-or-later
//
// What the server has answered outlives its end, whichever database it stands on; and it outlives the end of its database.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ending } from './lib/ending.mjs';
import { film, folder, root, start } from './lib/server.mjs';

const tool = join(root, 'tests/lib/postgres');
const name = 'scenario-store';

/** A PostgreSQL server of this test's own, empty; undefined where none can be had. */
function postgres(t) {
    spawnSync(tool, ['remove', name]);
    const begun = spawnSync(tool, ['start', name], { encoding: 'utf8' });
    if (begun.status !== 0) return undefined;
    ending(t, () => spawnSync(tool, ['remove', name]));
    return { url: begun.stdout.trim(), crash: () => assert.equal(spawnSync(tool, ['crash', name]).status, 0) };
}

for (const database of ['SQLite', 'PostgreSQL']) {
    test(`uploads, imports and sessions outlive a kill of the server (${database})`, async (t) => {
        const peer = database === 'PostgreSQL' ? postgres(t) : undefined;
        if (database === 'PostgreSQL' && !peer) return t.skip('no PostgreSQL can be unpacked here');
        const options = { data: folder(t), args: ['--no-ladder'], env: peer ? { GRANDSTAND_DATABASE: peer.url } : {} };
        const path = film(t), bytes = readFileSync(path);
        let server = await start(t, options);
        const operator = await server.enter();
        const { title, job } = await operator.import(path, { names: { en: 'Kept' } });
        assert.equal(job.state, 'done', JSON.stringify(job));
        const pass = await server.play(title);

        const begun = await operator.call('POST', '/uploads', { name: 'second.mp4', bytes: bytes.length });
        const half = bytes.length >> 1;
        assert.equal((await operator.piece(begun.json.id, 0, bytes.subarray(0, half))).status, 200);
        await server.kill();
        await server.start();

        const upload = await operator.get(`/uploads/${begun.json.id}`);
        assert.equal(upload.json.offset, half);
        assert.equal((await operator.piece(begun.json.id, half, bytes.subarray(half))).status, 200);
        assert.equal((await pass.media('master.m3u8')).status, 200);

        // Killed with the import asked for: queued, running or done, it is done after the next start, and done once.
        const again = await operator.call('POST', `/uploads/${begun.json.id}/import`, { names: { en: 'Second' } });
        assert.equal(again.status, 201, again.text);
        await server.kill();
        await server.start();
        assert.equal((await operator.jobEnd(again.json.job)).state, 'done');
        const { json } = await server.get('/api/v1/titles?q=second');
        assert.equal(json.rows[0].items.length, 1);
        assert.equal((await (await server.play(again.json.title)).media('v0.m3u8')).status, 200);

        if (!peer) return;
        await t.test('the database crashes and comes back', async () => {
            peer.crash();
            const renamed = await operator.call('PATCH', `/operator/titles/${title}`, { names: { en: 'Renamed' } });
            assert.equal(renamed.status, 200, renamed.text);
            assert.equal((await pass.media('master.m3u8')).status, 200);
            assert.equal((await server.get(`/api/v1/titles/${title}`)).json.name, 'Renamed');
        });
    });
}
