// SPDX-License-Identifier: AGPL-3.0-or-later
//
// The guides are checked against the program: each command and option that they show exists, each link leads somewhere.
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { root, run } from './lib/server.mjs';

const pages = [...readdirSync(join(root, 'docs')).filter((name) => name.endsWith('.md')).map((name) => join(root, 'docs', name))];

test('commands and options in the guides exist', () => {
    let checked = 0;
    for (const page of pages)
        for (const line of readFileSync(page, 'utf8').split('\n')) {
            for (const [, command, rest] of line.matchAll(/^(?:ExecStart=\S*|build)\/grandstand ([a-z-]+)([^`#]*)/g)) {
                const help = run([command, '--help']);
                assert.equal(help.status, 0, `${page}: ${line}`);
                for (const [, option] of rest.matchAll(/(?:^|\s)--([a-z-]+)/g)) {
                    assert.ok(help.stdout.includes(`--${option} `) || help.stdout.includes(`--${option}\n`), `${page}: ${command} has no --${option}`);
                    checked++;
                }
            }
        }
    assert.ok(checked > 15, `${checked} options`);
});

test('keys of the INI example are options of serve', () => {
    const help = run(['serve', '--help']).stdout;
    const [, ini] = readFileSync(join(root, 'docs/operator.md'), 'utf8').match(/```ini\n# \/srv\/grandstand\/grandstand\.ini\n([^`]+)```/);
    for (const line of ini.trim().split('\n')) assert.ok(help.includes(`--${line.split('=')[0].trim()} `), line);
});

test('links between the guides lead somewhere', () => {
    for (const page of pages)
        for (const [, target] of readFileSync(page, 'utf8').matchAll(/\]\(([^)#:]+)\)/g)) assert.ok(existsSync(join(dirname(page), target)), `${page}: ${target}`);
});
