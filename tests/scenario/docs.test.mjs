// SPDX-License-Identifier: AGPL-3.0-or-later
//
// The guides are checked against the program and the tree: each command, option, folder and file that they name exists, each link leads
// somewhere, and the rooms stand in the order in which they are built.
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { root, run } from './lib/server.mjs';

const pages = [...['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md'], ...readdirSync(join(root, 'docs')).filter((name) => name.endsWith('.md')).map((name) => join('docs', name))].map((name) => join(root, name));

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

test('files and folders that the guides name exist, and so do the doors of make', () => {
    const doors = readFileSync(join(root, 'Makefile'), 'utf8');
    let checked = 0;
    for (const page of pages)
        for (const [, span] of readFileSync(page, 'utf8').matchAll(/`([^`\n]+)`/g)) {
            for (const [path] of span.matchAll(/(?<![\w/.:-])(?:src|tests|tools|bench|web|text|docs|packaging)\/[\w./-]+(?![\w*{])/g))
                if (!/NAME/.test(path)) assert.ok(existsSync(join(root, path)) && ++checked, `${page}: ${path}`);
            const [, door] = /^make ([a-z-]+)/.exec(span) ?? [];
            if (door) assert.match(doors, new RegExp(`^${door}:`, 'm'), `${page}: make ${door}`);
        }
    assert.ok(checked > 100, `${checked} files and folders`);
});

test('the rooms stand in ARCHITECTURE in the order in which each may use those above it', () => {
    const built = [...readFileSync(join(root, 'src/meson.build'), 'utf8').split(']')[0].matchAll(/'([a-z0-9/]+)'/g)].map(([, room]) => room.replace(/^human\/.*/, 'human/*'));
    const told = [...readFileSync(join(root, 'ARCHITECTURE.md'), 'utf8').matchAll(/^\| `src\/([a-z0-9/*]+)`/gm)].map(([, room]) => room);
    assert.deepEqual(told, [...new Set(built)]);
});
