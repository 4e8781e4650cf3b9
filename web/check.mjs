// SPDX-License-Identifier: AGPL-3.0-or-later
//
// What is checked of the pages without a browser: the text catalogue, that the checker of the catalogue finds faults, and
// types. The last line is "N passed, M failed".
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const here = path.dirname(fileURLToPath(import.meta.url));
const text = path.join(here, '../text');
let passed = 0;
let failed = 0;
function check(what, isGood, output = '') {
    console.log(`${isGood ? 'ok' : 'not ok'}: ${what}`);
    if (!isGood) console.log(output);
    isGood ? passed++ : failed++;
}
function run(command, ...args) {
    const { status, stdout, stderr } = spawnSync(command, args, { cwd: here, encoding: 'utf8' });
    return { status, output: `${stdout ?? ''}${stderr ?? ''}` };
}

const whole = run(process.execPath, path.join(text, 'generate.mjs'), '--check');
check('the text catalogue is whole', whole.status === 0, whole.output);

// A copy of the catalogue with one fault each must be refused, and the fault named.
const faults = {
    'a missing language': [(entry) => delete entry.th, /th is missing/],
    'a parameter that differs': [(entry) => (entry.de = entry.de.replace('{time}', '{zeit}')), /\{time\} is missing/],
    'an empty text': [(entry) => (entry.zh = ' '), /zh: empty/],
    'a stray brace': [(entry) => (entry.en += ' {'), /stray brace/],
    'forms in one language only': [(entry) => (entry.de = { one: '{time}', other: '{time}' }), /forms in one language/],
    'an unknown field': [(entry) => (entry.fr = 'Reprendre'), /unknown field "fr"/],
};
for (const [what, [damage, wanted]] of Object.entries(faults)) {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'grandstand-text-'));
    for (const name of fs.readdirSync(text)) fs.copyFileSync(path.join(text, name), path.join(folder, name));
    const file = path.join(folder, 'pages.json');
    const catalogue = JSON.parse(fs.readFileSync(file, 'utf8'));
    damage(catalogue['show.resume']);
    fs.writeFileSync(file, JSON.stringify(catalogue));
    const { status, output } = run(process.execPath, path.join(folder, 'generate.mjs'), '--check');
    check(`the catalogue's checker finds ${what}`, status === 1 && wanted.test(output), output);
    fs.rmSync(folder, { recursive: true });
}

const made = run(process.execPath, path.join(text, 'generate.mjs'), '--ts', path.join(here, 'src/generated'));
const world = run(process.execPath, path.join(here, 'world.mjs'), path.join(here, 'src/generated'));
check('the map of the world is drawn', world.status === 0, world.output);
const types = run(path.join(here, 'node_modules/.bin/svelte-check'), '--tsconfig', './tsconfig.json', '--fail-on-warnings');
check('types and templates hold', made.status === 0 && types.status === 0, made.output + types.output);

console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed ? 1 : 0;
