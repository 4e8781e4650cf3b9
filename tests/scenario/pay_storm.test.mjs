// SPDX-License-Identifier: AGPL-3.0-or-later
//
// The payment storm: some hundred payments, refunds, renewals and charge-backs through providers that double, reorder, delay, drop, alter and mis-sign what they say, answer late, not at all, or after
// the webhook. Afterwards their book, our payments and the ledger agree to the unit; on both databases, and also when the program is killed at each point between two steps.
// GRANDSTAND_TEST_LONG makes it ten times as large.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ending } from './lib/ending.mjs';
import { fakeProvider, Lines } from './lib/fake_provider.mjs';
import { folder, root } from './lib/server.mjs';

const isLong = Boolean(process.env.GRANDSTAND_TEST_LONG);
const size = isLong ? 300 : 25;
const driverPath = process.env.GRANDSTAND_PAY_STORM ?? join(root, 'build/asan/tests/lib/pay_storm');

class Storm {
    constructor(t, url, { seed, badness }) {
        Object.assign(this, { t, url, seed, nowS: 1_800_000_000, kills: 0, starts: 0 });
        this.folder = folder(t);
        this.badness = badness;
    }
    async begin() {
        this.fake = await fakeProvider(this.t, { seed: this.seed, badness: this.badness });
        this.settings = join(this.folder, 'settings.json');
        writeFileSync(this.settings, JSON.stringify(this.fake.settings));
        await this.start();
        ending(this.t, () => this.driver.end());
    }
    async start(kill) {
        this.driver = new Lines(driverPath, [this.url, join(this.folder, 'keys'), String(this.seed + this.starts++), String(this.nowS), this.settings], kill ? { GRANDSTAND_TEST_KILL: kill } : {});
        const begun = await this.driver.read();
        if (!begun) return this.again(); // killed before it had begun
        await this.control('clock', { now_s: this.nowS });
        await this.control('webhooks', { base: `http://127.0.0.1:${begun.port}` });
    }
    /** It has been killed where it was to be; it goes on over the same database. */
    async again() {
        const { signal } = await this.driver.ended;
        assert.equal(signal, 'SIGKILL');
        this.kills++;
        await this.start();
    }
    /** Restarts with a point at which it is to be killed. */
    async arm(kill) {
        const { code } = await this.driver.end();
        assert.equal(code, 0);
        await this.start(kill);
    }
    control(what, body) {
        return this.fake.control(what, body);
    }
    /** One that was killed in the middle of it is asked again: what it was told to make may then be made twice, which is fine. */
    async ask(line) {
        for (;;) {
            const answer = await this.driver.ask(line);
            if (answer !== undefined) return answer;
            await this.again();
        }
    }
    async advance(seconds) {
        this.nowS += seconds;
        await this.control('clock', { now_s: this.nowS });
        await this.ask(`advance ${seconds}`);
    }
    async buyers() {
        await this.control('buyers', { urls: await this.ask('urls') });
    }
    /** Everything once. */
    async round(count) {
        await this.ask(`make ${count}`);
        await this.ask('run');
        await this.buyers();
        await this.control('deliver');
        await this.ask('run');
        await this.ask('refund');
        await this.ask(`renew ${Math.ceil(count / 5)}`);
        await this.ask('run');
        await this.control('bank');
        await this.buyers(); // those that were being worked on
        await this.control('deliver', { all: true });
        await this.advance(5);
        await this.ask(`drop ${Math.ceil(count / 10)}`);
        await this.advance(20);
    }
    /** The weather clears up: what was lost is asked for, until nothing is open. */
    async settle() {
        await this.control('calm');
        for (let i = 0, quiet = 0; i < 60; i++) {
            await this.buyers();
            await this.control('bank');
            await this.control('deliver', { all: true });
            await this.advance(1801);
            const open = await this.ask('open');
            this.theirs = await this.fake.book();
            const isWaiting = this.theirs.disputes.some((one) => one.status === 'needs_response') || this.theirs.refunds.some((one) => one.status === 'pending');
            // Charge-backs, and refunds that came back, of which no webhook told are listed each hour: some rounds after all is quiet.
            quiet = open || isWaiting ? 0 : quiet + 1;
            if (quiet < 4) continue;
            this.ours = await this.ask('book');
            return;
        }
        const { payments } = await this.ask('book');
        assert.fail(`still open: ${JSON.stringify(payments.filter((one) => one.is_open || one.refund_pending).slice(0, 3))}`);
    }
    compare() {
        const { ours, theirs } = this;
        const books = { stripe: new Map(theirs.stripe.map((one) => [one.payment, one])), alipay: new Map(theirs.alipay.map((one) => [one.payment, one])) };
        assert.equal(books.stripe.size, theirs.stripe.length, 'no payment was made twice');
        const clearing = new Map(), revenue = new Map(), chargedBack = new Map();
        const add = (sums, key, n) => sums.set(key, (sums.get(key) ?? 0) + n);
        let parked = 0, captured = 0;
        for (const one of ours.payments) {
            const other = books[one.provider].get(one.id);
            if (other && other.received !== 0 && other.received !== one.amount) { // they took another amount: never captured here, and finance sees it
                assert.equal(one.was_captured, false);
                assert.equal(one.is_parked, true);
                parked++;
                continue;
            }
            assert.equal(one.is_parked, false, JSON.stringify({ one, other }));
            assert.equal(one.is_open, false, JSON.stringify({ one, other }));
            assert.equal(one.was_captured, (other?.received ?? 0) > 0, JSON.stringify({ one, other }));
            if (!one.was_captured) continue;
            captured++;
            assert.deepEqual([one.amount, one.refunded, one.charged_back, one.currency], [other.received, other.refunded, other.disputed, other.currency], JSON.stringify({ one, other }));
            assert.ok(one.label.length, 'people recognise their payments');
            add(clearing, `${one.provider} ${one.currency}`, -(other.received - other.refunded - other.disputed));
            add(revenue, one.currency, one.amount);
            add(chargedBack, one.currency, -other.disputed);
        }
        const refunds = new Map(theirs.refunds.map((one) => [one.refund, one]));
        assert.equal(refunds.size, theirs.refunds.length, 'no refund was made twice');
        for (const one of ours.refunds) {
            const other = refunds.get(one.id);
            assert.equal(one.state === 'done', other?.status === 'succeeded', JSON.stringify({ one, other }));
            if (other) assert.equal(one.amount, other.amount);
        }
        for (const one of theirs.refunds) assert.ok(ours.refunds.some((mine) => mine.id === one.refund));
        const sums = new Map();
        for (const one of ours.accounts) {
            assert.equal(one.pending, 0);
            if (one.code === 300) assert.equal(one.balance, 0, 'an order in progress ends at zero');
            if (one.code === 100) assert.equal(one.balance, clearing.get(`${one.owner} ${one.currency}`) ?? 0, `${one.owner} ${one.currency}`);
            if (one.code === 400) assert.equal(one.balance, revenue.get(one.currency));
            if (one.code === 420) assert.equal(one.balance, chargedBack.get(one.currency) ?? 0);
            add(sums, one.currency, one.balance);
        }
        for (const [currency, sum] of sums) assert.equal(sum, 0, currency);
        assert.equal(ours.differences, 0);
        return { parked, captured };
    }
}

const weather = ['dropped', 'delayed', 'duplicated', 'altered', 'misSigned', 'failedBefore', 'failedAfter', 'beforeAnswer', 'captures'];

const name = 'scenario-pay';
const tool = join(root, 'tests/lib/postgres');
function postgres(t) {
    spawnSync(tool, ['remove', name]);
    const begun = spawnSync(tool, ['start', name], { encoding: 'utf8' });
    if (begun.status !== 0) return undefined;
    ending(t, () => spawnSync(tool, ['remove', name]));
    return begun.stdout.trim();
}

for (const database of ['SQLite', 'PostgreSQL'])
    test(`after the storm three books are equal (${database})`, async (t) => {
        const url = database === 'PostgreSQL' ? postgres(t) : join(folder(t), 'storm.db');
        if (!url) return t.skip('no PostgreSQL can be unpacked here');
        const seed = Number(process.env.GRANDSTAND_TEST_SEED ?? 20261121);
        t.diagnostic(`seed ${seed}`);
        const storm = new Storm(t, url, { seed, badness: 0.4 });
        await storm.begin();
        for (let i = 0; i < (isLong ? 4 : 2); i++) await storm.round(size);
        await storm.settle();
        const { parked, captured } = storm.compare();
        const { counts, disputes, refunds } = storm.theirs;
        t.diagnostic(`${storm.ours.payments.length} payments, ${captured} captured, ${parked} parked, ${refunds.length} refunds, ${disputes.length} charge-backs; ${JSON.stringify(counts)}`);
        for (const kind of weather) assert.ok(counts[kind] > 0, `${kind} happened`);
        assert.ok(captured > size / 2 && parked > 0 && refunds.length > 1 && disputes.length > 0);
        assert.ok(storm.ours.forged > 0 && storm.ours.duplicates > 0);
        assert.equal((await storm.driver.end()).code, 0);
    });

/** Every point at which the room may be killed (src/base/steps.tbl.h). */
const points = ['pay_outbox_taken', 'pay_called', 'pay_answer_inside', 'pay_answer_stored', 'pay_webhook_stored', 'pay_captured_inside', 'pay_webhook_judged_inside', 'pay_webhook_judged', 'pay_refunded_inside',
    'pay_charged_back_inside'];
test('killed at each point between two steps, the books are equal', async (t) => {
    const storm = new Storm(t, join(folder(t), 'storm.db'), { seed: 7, badness: 0.2 });
    await storm.begin();
    for (const point of points) {
        const before = storm.kills;
        await storm.arm(`${point}:${isLong ? 2 : 1}`);
        for (let i = 0; i < 8 && storm.kills === before; i++) await storm.round(isLong ? 30 : 8);
        assert.equal(storm.kills, before + 1, `${point} was reached`);
    }
    await storm.settle();
    const { captured } = storm.compare();
    t.diagnostic(`${storm.kills} kills, ${storm.ours.payments.length} payments, ${captured} captured`);
    assert.equal((await storm.driver.end()).code, 0);
});
