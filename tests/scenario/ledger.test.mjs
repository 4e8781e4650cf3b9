// SPDX-License-Identifier: AGPL-3.0-or-later
//
// `grandstand ledger`: the books for scripts and auditors.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { folder, program, run } from './lib/server.mjs';

const maker = join(dirname(program), 'tests/lib/ledger_maker');

test('accounts, a statement, and a check that finds what a hand has changed', (t) => {
    const data = folder(t);
    const books = (...args) => run(['ledger', ...args, '--data', data]);
    const make = (what) => assert.equal(spawnSync(maker, [join(data, 'grandstand.db'), what], { stdio: 'inherit' }).status, 0);

    // Of a folder without a house nothing is said to be sound, and no house is begun in it.
    const none = books('verify', '--json');
    assert.deepEqual([none.status, JSON.parse(none.stdout).error.code], [1, 'house.none'], none.stderr);
    assert.equal(existsSync(join(data, 'grandstand.db')), false);
    assert.equal(run(['operator-link', '--data', data]).status, 0);
    const empty = books('verify', '--json');
    assert.equal(empty.status, 0, empty.stderr);
    assert.deepEqual([JSON.parse(empty.stdout).is_sound, JSON.parse(empty.stdout).transfers], [true, 0]);
    make('make');
    const accounts = JSON.parse(books('accounts', '--json', '--owned').stdout);
    assert.deepEqual(accounts.map((one) => [one.code, one.ledger, one.balance]), [[100, 'EUR', '-5015'], [400, 'EUR', '5015']], 'by ledger and code');
    assert.match(books('accounts').stdout, /400 {2}EUR .* 50\.15/);
    assert.equal(JSON.parse(books('accounts', '--json', '--unit', 'THB').stdout).length, 0);
    assert.equal(books('accounts', '--unit', 'nothing').status, 2);

    const revenue = accounts[1].id;
    const statement = JSON.parse(books('statement', revenue, '--json').stdout);
    assert.deepEqual([statement.opening, statement.closing, statement.items.length], ['0', '5015', 5]);
    assert.deepEqual(statement.items.map((one) => one.balance), ['1001', '2003', '3006', '4010', '5015']);
    assert.deepEqual(statement.items.map((one) => [one.debit, one.counter_code, one.order]), [1, 2, 3, 4, 5].map((order) => ['0', 100, String(order)]));
    const csv = books('statement', revenue, '--csv').stdout.split('\r\n');
    assert.equal(csv[0], 'at,transfer,code,counter,counter_code,order,debit,credit,balance');
    assert.match(csv[5], /^20\d\d-.*Z,\d+,7,[0-9a-z]{16},100,5,,10\.05,50\.15$/);
    assert.match(books('statement', revenue).stdout, /closing +50\.15\n$/);
    const before = JSON.parse(books('statement', revenue, '--json', '--to', '2026-01-01').stdout);
    assert.deepEqual([before.closing, before.items.length], ['0', 0]);
    assert.equal(books('statement', revenue, '--from', '2026-02-01', '--to', '2026-01-01').status, 1);
    assert.equal(books('statement', 'zzzzzzzzzzzzzzzz').status, 3);
    assert.equal(books('statement').status, 2);
    assert.equal(books('balance').status, 2);

    const good = books('verify');
    assert.equal(good.status, 0, good.stdout);
    assert.match(good.stdout, /^5 transfers between 2 accounts replayed in .* all agrees\nseal [0-9a-f]{32} over the first 0\n$/);
    make('spoil');
    const bad = books('verify', '--json');
    assert.equal(bad.status, 3, bad.stderr);
    const found = JSON.parse(bad.stdout);
    assert.equal(found.is_sound, false);
    assert.deepEqual(found.differences.map((one) => one.kind).sort(), ['block', 'counter', 'counter']);
    assert.match(books('verify').stdout, /block 1, made after .* a transfer was changed/);
});
