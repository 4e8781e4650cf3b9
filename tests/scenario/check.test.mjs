// SPDX-License-Identifier: AGPL-3.0-or-later
//
// The runner of these tests (tools/node-tests.mjs): what fails fails, what fails once is named, and the figures are right.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { ending } from './lib/ending.mjs';
import { folder, root } from './lib/server.mjs';

const files = {
    good: "test('one', () => {}); test('two', (t) => t.test('within', () => {})); test('three', { skip: 'no data' }, () => {});",
    // Fails until it has been run before: its folder remembers.
    moody: "test('at second sight', () => { const mark = new URL('mark', import.meta.url); const was = fs.existsSync(mark); fs.writeFileSync(mark, ''); assert.ok(was); });",
    broken: "test('never', () => assert.ok(false)); test('always', () => {});",
    crash: "test('gone', () => process.kill(process.pid, 'SIGKILL'));",
    hangs: "test('for ever', () => new Promise(() => setInterval(() => {}, 1000)));",
    silent: "throw new Error('before the first test');",
};
function check(t, names, ...args) {
    const at = folder(t);
    const tests = path.join(at, 'tests'), logs = path.join(at, 'logs');
    fs.mkdirSync(tests);
    for (const name of names)
        fs.writeFileSync(path.join(tests, `${name}.test.mjs`), `import assert from 'node:assert'; import fs from 'node:fs'; import { test } from 'node:test';\n${files[name]}\n`);
    const { status, stdout, stderr } = spawnSync(process.execPath, [path.join(root, 'tools/node-tests.mjs'), tests, '--logs', logs, ...args], { encoding: 'utf8' });
    assert.equal(stderr, '');
    const lines = stdout.trim().split('\n');
    return { status, lines, last: lines.at(-1), logs: fs.readdirSync(logs).filter((file) => file.endsWith('.log')).sort(),
        again: lines.filter((line) => line.startsWith('passed on the second try')).map((line) => line.split(' ')[5]) };
}

test('what passes is counted, and what is skipped', (t) => {
    const { status, last, again } = check(t, ['good']);
    assert.equal(status, 0);
    assert.match(last, /^[23] passed, 0 failed, 1 skipped$/); // versions of Node.js differ in whether they count what stands within
    assert.deepEqual(again, []);
});

test('what fails once is run again alone, counts as passed, and is named; both logs stay', (t) => {
    const { status, last, again, logs } = check(t, ['good', 'moody']);
    assert.equal(status, 0);
    assert.match(last, /^[34] passed, 0 failed, 1 skipped$/);
    assert.deepEqual(again, ['moody']);
    assert.deepEqual(logs, ['good.log', 'moody.again.log', 'moody.log']);
});

test('what always fails fails, however it ends', (t) => {
    for (const name of ['broken', 'crash', 'silent']) {
        const { status, last, again, logs } = check(t, ['good', name]);
        assert.equal(status, 1, name);
        assert.match(last, name === 'broken' ? /^[34] passed, 1 failed, 1 skipped$/ : /^[23] passed, 1 failed, 1 skipped$/, name);
        assert.deepEqual(again, []);
        assert.ok(logs.includes(`${name}.again.log`));
    }
});

test('one that never ends is ended and fails', (t) => {
    const { status, last, lines } = check(t, ['hangs'], '--seconds-max', '1');
    assert.equal(status, 1);
    assert.match(last, /^0 passed, 1 failed, 0 skipped$/);
    assert.ok(lines.some((line) => /hangs: .*out of time/.test(line)));
});

test('when many fail none is tried again; a folder without tests is no success', (t) => {
    const all = check(t, ['broken', 'crash', 'silent', 'moody']);
    assert.equal(all.status, 1);
    assert.match(all.last, /^1 passed, 4 failed, 0 skipped$/);
    assert.ok(all.lines.includes('4 files failed: none is tried again'));
    assert.equal(all.logs.some((file) => file.includes('again')), false);
    const none = check(t, []);
    assert.equal(none.status, 1);
});

test('what began last ends first, and each end is reached though another fails', async () => {
    const ended = [];
    let asked;
    const t = { after(end) { asked = end; } };
    ending(t, () => ended.push('folder'));
    ending(t, () => assert.fail('the server ended badly'));
    ending(t, async () => ended.push('viewer'));
    await assert.rejects(asked(), /ended badly/);
    assert.deepEqual(ended, ['viewer', 'folder']);
});
