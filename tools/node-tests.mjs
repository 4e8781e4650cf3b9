#!/usr/bin/env node
// SPDX-License-Identifier: AGPL-3.0-or-later
//
// Runs a folder's NAME.test.mjs, each in a process of its own, several at a time, and ends with "N passed, N failed, N skipped".
//
//   tools/node-tests.mjs FOLDER [--at-once N] [--seconds-max N] [--logs FOLDER] [--first NAME,NAME...]
//
// --first: the longest, so that none of them runs on alone at the end.
// --seconds-max: of one file; what takes longer hangs, and is ended with all that it started.
//
// A file that fails is run once more when all others have ended, alone. If it passes then, it counts as passed, and "passed on the second
// try: NAME" says so: it depends on the machine, and wants mending. What is broken fails twice. When more than `again_max` fail it is not
// the machine, and none is tried again. Of both tries the logs stay: NAME.log and NAME.again.log.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';

const again_max = 3;
const { values, positionals: [folder] } = parseArgs({ allowPositionals: true, options: {
    'at-once': { type: 'string', default: '2' }, 'seconds-max': { type: 'string', default: '400' }, logs: { type: 'string' }, first: { type: 'string', default: '' } } });
if (!folder) {
    console.error('Usage: tools/node-tests.mjs FOLDER [--at-once N] [--seconds-max N] [--logs FOLDER] [--first NAME,NAME...]');
    process.exit(2);
}
const logs = values.logs ?? fs.mkdtempSync('/tmp/node-tests-');
fs.rmSync(logs, { recursive: true, force: true });
fs.mkdirSync(logs, { recursive: true });

const first = values.first.split(',');
const rank = (name) => (first.includes(name) ? first.indexOf(name) : first.length);
const names = fs.readdirSync(folder).filter((file) => file.endsWith('.test.mjs')).map((file) => file.slice(0, -'.test.mjs'.length))
    .sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));

const running = new Set();
for (const signal of ['SIGINT', 'SIGTERM'])
    process.on(signal, () => {
        for (const child of running) process.kill(-child.pid, 'SIGKILL'); // with its servers and browsers
        process.exit(1);
    });

/** Runs one file to its end: {name, passed, failed, skipped}. A file that ends badly, or says nothing, has failed at least once. */
function run(name, log) {
    const [said, tap] = [path.join(logs, `${log}.log`), path.join(logs, `${log}.tap`)];
    const began = Date.now();
    const { NODE_TEST_CONTEXT: _, ...env } = process.env; // this may itself run within a test
    const out = fs.openSync(said, 'w');
    const child = spawn(process.execPath, ['--test-reporter=tap', `--test-reporter-destination=${tap}`, '--test-reporter=spec', '--test-reporter-destination=stdout',
        path.resolve(folder, `${name}.test.mjs`)], { stdio: ['ignore', out, out], env, detached: true });
    fs.closeSync(out);
    running.add(child);
    let isLate = false;
    const timer = setTimeout(() => {
        isLate = true;
        process.kill(-child.pid, 'SIGKILL');
    }, Number(values['seconds-max']) * 1000);
    return new Promise((done) => child.on('close', (code) => {
        clearTimeout(timer);
        running.delete(child);
        const text = fs.existsSync(tap) ? fs.readFileSync(tap, 'utf8') : '';
        const count = (what) => Number(new RegExp(`^# ${what} (\\d+)$`, 'm').exec(text)?.[1] ?? 0);
        const [passed, skipped, told] = [count('pass'), count('skipped'), count('fail') + count('cancelled')];
        const failed = code === 0 && /^# pass \d+$/m.test(text) ? told : Math.max(1, told);
        console.log(`${failed ? 'FAILED' : 'ok    '} ${name}: ${passed} passed, ${failed} failed, ${((Date.now() - began) / 1000).toFixed(1)} s${isLate ? ', ended: out of time' : ''}`);
        if (failed) console.log(fs.readFileSync(said, 'utf8').split('\n').slice(-100).map((line) => `    ${line}`).join('\n'));
        done({ name, passed, failed, skipped });
    }));
}

const results = new Map();
const queue = [...names];
await Promise.all(Array.from({ length: Number(values['at-once']) }, async () => {
    for (let name; (name = queue.shift()); ) results.set(name, await run(name, name));
}));
const bad = [...results.values()].filter((one) => one.failed).map((one) => one.name);
if (bad.length > again_max) console.log(`${bad.length} files failed: none is tried again`);
else {
    const saved = [];
    for (const name of bad) {
        const again = await run(name, `${name}.again`);
        if (again.failed) continue;
        results.set(name, again);
        saved.push(name);
    }
    for (const name of saved) console.log(`passed on the second try: ${name} (${path.join(logs, name)}.log)`);
}
const sum = (what) => [...results.values()].reduce((total, one) => total + one[what], 0);
if (names.length === 0) console.log(`no tests in ${folder}`);
console.log(`${sum('passed')} passed, ${sum('failed')} failed, ${sum('skipped')} skipped`);
process.exit(sum('failed') || names.length === 0 ? 1 : 0);
