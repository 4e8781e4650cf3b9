// SPDX-License-Identifier: AGPL-3.0-or-later
//
// A family, a contract and a rights manager, in browsers and on the real server: signing up by the mail's link, what may be watched by
// whom and where, a child's profile, a blackout abroad, a deal that ends while the film runs, and a second exclusive that is refused.
import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import { mmdb } from '../scenario/lib/mmdb.mjs';
import { linkTo, password } from '../scenario/lib/people.mjs';
import { epoch, film, folder, root, start } from '../scenario/lib/server.mjs';
import { audit, launch, moving, open, visit } from './lib/browser.mjs';

const at = (place) => ({ extraHTTPHeaders: { 'x-forwarded-for': { DE: '192.0.2.10', TH: '203.0.113.7' }[place] } });
const type = async (page, fields) => {
    for (const [name, value] of Object.entries(fields)) await page.fill(`[name="${name}"]`, value);
};
const playing = (page) => page.waitForFunction(() => {
    const video = document.querySelector('video');
    return video && !video.paused && video.currentTime > 0.2;
});
async function sound(page) {
    assert.deepEqual([...(await audit(page)), ...(await page.faults())], [], page.url());
    const shift = await page.shift();
    assert.ok(shift < 0.02, `${page.url()}: layout shift ${shift}: ${await page.evaluate(() => globalThis.shifted)}`);
}

test('a family watches what a contract allows', async (t) => {
    const places = path.join(folder(t), 'places.mmdb');
    mmdb(places, [['192.0.2.0/24', 'DE'], ['203.0.113.0/24', 'TH']]);
    const server = await start(t, { args: ['--pages', path.join(root, 'build/pages'), '--no-ladder', '--no-stills', '--no-example-channel', '--trusted-proxy', '127.0.0.1', '--geo', places],
        env: { GRANDSTAND_TEST_ARGON: 'cheap' } });
    const operator = await server.enter();
    const made = async (method, address, body, status = 201) => {
        const answer = await operator.call(method, address, body);
        assert.equal(answer.status, status, `${method} ${address}: ${answer.text}`);
        return answer.json;
    };
    // Two films: one under contract, free everywhere but in Thailand; one of the house, from 18.
    const { title: run } = await operator.import(film(t, { seconds: 12 }), { names: { en: 'The Long Run', de: 'Der lange Lauf', th: 'ทางวิ่งอันยาวไกล' } });
    const { title: night } = await operator.import(film(t, { seconds: 2 }), { names: { en: 'Midnight', de: 'Mitternacht' } });
    await made('PATCH', `/operator/titles/${night}`, { ratings: { FSK: '18' } }, 200);
    const party = await made('POST', '/rights/parties', { name: 'Norrland Film', country: 'SE', kind: 'organisation' });
    const deal = await made('POST', '/rights/deals', { reference: 'NLF-7', direction: 'in', party: party.id });
    const line = { title: run, languages: [], starts_at: new Date((epoch - 86_400) * 1000).toISOString(), ends_at: null };
    await made('PATCH', `/rights/deals/${deal.id}`, { status: 'active' }, 200);
    for (const old of (await operator.get(`/rights/titles/${run}`)).json.lines) await made('DELETE', `/rights/lines/${old.id}`, undefined, 204);
    await made('POST', `/rights/deals/${deal.id}/lines`, { lines: [
        { ...line, effect: 'allow', territories: 'WORLD', media: ['free', 'subscription'], is_exclusive: true },
        { ...line, effect: 'blackout', territories: 'TH', media: ['free', 'subscription'], ends_at: '2027-03-03T00:00:00Z' }] });

    const browser = await launch();
    t.after(() => browser.close());
    const home = await open(browser, { ...moving, ...at('DE'), locale: 'de' });
    let page;

    await t.test('it signs up, and the link of the mail opens the account', async () => {
        page = await visit(home, `${server.url}/sign-up?lang=de`);
        assert.equal(await page.inputValue('[name=country]'), 'DE', 'where it is');
        await type(page, { name: 'Anna Brandt', email: 'anna@example.org', password });
        await page.click('button[type=submit]');
        await page.waitForSelector('.lead:has-text("anna@example.org")');
        await sound(page);
        const { page: address, code } = await linkTo(operator, 'anna@example.org');
        await page.goto(`${server.url}${address}?lang=de#code=${code}`);
        await page.waitForSelector('.site-header .face');
        assert.doesNotMatch(await page.evaluate(() => location.href), /code/);
        await page.close();
    });

    await t.test('it sees what may be watched, and watches the free one', async () => {
        page = await visit(home, `${server.url}/?lang=de`);
        await page.waitForSelector(`.row .card[href="/title/${run}"][data-access=playable]`);
        await sound(page);
        await page.click(`.row .card[href="/title/${run}"]`);
        await page.waitForSelector('.hero.is-title');
        await page.click(`.hero a[href="/watch/${run}"]`);
        await page.waitForSelector('[data-phase=playing]');
        await playing(page);
        assert.deepEqual(await page.faults(), []);
        await page.close();
    });

    await t.test('a child’s profile is made; what is for grown-ups is refused to it, on the page and by the server', async () => {
        page = await visit(home, `${server.url}/account/profiles?lang=de`);
        await page.waitForSelector('.profiles li');
        await page.click('main button:has-text("Profil anlegen")');
        await type(page, { 'profile-name': 'Lina' });
        await page.click('label:has([name=age][value="6"])');
        await page.click('dialog[open] button[type=submit]');
        await page.waitForSelector('.profiles li:has-text("Lina")');
        await sound(page);
        await page.goto(`${server.url}/who?lang=de`);
        await page.click('.people button:has-text("Lina")');
        await page.waitForSelector('.child:has-text("Lina")');
        await page.waitForSelector(`.card[href="/title/${run}"]`);
        await page.goto(`${server.url}/title/${night}?lang=de`);
        await page.waitForSelector('.access-note');
        assert.equal(await page.locator('.hero a[href^="/watch/"]').count(), 0);
        await sound(page);
        await page.goto(`${server.url}/watch/${night}?lang=de`);
        await page.waitForSelector('[data-phase=refused] [data-code="access.rating"]');
        // Back to the grown-up: the password of the account proves it.
        await page.goto(`${server.url}/who?lang=de`);
        await page.click('.people li:first-child button');
        await page.waitForSelector('dialog[open] [name=password]');
        await type(page, { password });
        await page.click('dialog[open] button[type=submit]');
        await page.waitForSelector('.hero');
        await page.goto(`${server.url}/title/${night}?lang=de`);
        await page.waitForSelector(`.hero a[href="/watch/${night}"]`);
        await page.close();
    });

    await t.test('from where it is blacked out, the page says so, and until when', async () => {
        const abroad = await open(browser, { ...moving, ...at('TH') });
        const there = await visit(abroad, `${server.url}/title/${run}?lang=en`);
        await there.waitForSelector('.access-note:has-text("Thailand")');
        assert.match(await there.innerText('.access-note'), /3 March/);
        assert.equal(await there.locator('.hero a[href^="/watch/"]').count(), 0);
        await sound(there);
        await there.goto(`${server.url}/watch/${run}?lang=th`);
        await there.waitForSelector('[data-phase=refused] [data-code="rights.blackout"]:has-text("ไทย")');
        await abroad.close();
    });

    await t.test('the rights manager comes by invitation; a second exclusive is refused, the overlap named', async () => {
        await made('POST', '/operator/members', { email: 'kim@example.org', roles: ['rights'] });
        const { page: address, code } = await linkTo(operator, 'kim@example.org');
        const office = await open(browser, moving);
        const kim = await visit(office, `${server.url}${address}?lang=en#code=${code}`);
        await kim.waitForSelector('[name=password]');
        await type(kim, { name: 'Kim', password });
        await kim.click('button[type=submit]');
        await kim.waitForURL('**/operator/rights');

        // Midnight is sold to one station for Germany already, exclusively.
        const sale = async (reference, name) => {
            const buyer = await made('POST', '/rights/parties', { name, country: 'DE', kind: 'organisation' });
            const one = await made('POST', '/rights/deals', { reference, direction: 'out', party: buyer.id });
            await made('PATCH', `/rights/deals/${one.id}`, { status: 'active' }, 200);
            return one;
        };
        const first = await sale('NSP-1', 'Nordsee TV');
        await made('POST', `/rights/deals/${first.id}/lines`, { accept_conflicts: true, accept_reason: 'Our own service steps back.',
            lines: [{ ...line, title: night, effect: 'allow', territories: 'DE,AT', media: ['subscription'], is_exclusive: true }] });
        const second = await sale('SP-42', 'Spree Kanal');
        await kim.goto(`${server.url}/operator/rights/deals/${second.id}?lang=en`);
        const draft = kim.locator('.draft').last();
        await draft.locator('input[name=title]').fill('Midn');
        await kim.waitForSelector('.draft:last-of-type .list li.is-at');
        await kim.keyboard.press('Enter');
        await draft.locator('input[name=territories]').fill('Germany');
        await kim.keyboard.press('Enter');
        await draft.locator('input[value=subscription]').focus();
        await kim.keyboard.press('Space');
        await draft.locator('input[name=exclusive]').check();
        await kim.waitForSelector('[data-conflict=exclusive_exclusive]');
        assert.match(await kim.innerText('[data-conflict=exclusive_exclusive]'), /Germany/);
        assert.match(await kim.innerText('[data-conflict=exclusive_exclusive]'), /NSP-1/);
        // The server refuses it whoever asks, and nothing is saved.
        const refused = await operator.call('POST', `/rights/deals/${second.id}/lines`, { lines: [{ ...line, title: night, effect: 'allow', territories: 'DE', media: ['subscription'], is_exclusive: true }] });
        assert.deepEqual([refused.status, refused.json.error.code], [409, 'rights.conflict']);
        assert.deepEqual(refused.json.conflicts.filter(({ kind }) => kind === 'exclusive_exclusive').map(({ overlap }) => [overlap.territories, overlap.media]), [['DE', ['subscription']]]);
        assert.deepEqual((await operator.get(`/rights/deals/${second.id}`)).json.lines, []);

        // He ends the deal while the film runs at home.
        page = await visit(home, `${server.url}/watch/${run}?lang=de&from=0`);
        await page.waitForSelector('[data-phase=playing]');
        await playing(page);
        kim.on('dialog', (dialog) => dialog.accept());
        await kim.goto(`${server.url}/operator/rights/deals/${deal.id}?lang=en`);
        await kim.click('.room-head button.is-danger');
        await kim.click('dialog[open] .is-danger-full');
        await kim.waitForSelector('[data-deal-status=terminated]');
        await page.waitForSelector('[data-phase=refused] [data-code="rights.deal"]:has-text("Vertrag")');
        assert.equal(await page.evaluate(() => document.querySelector('video').readyState), 0);
        assert.deepEqual([...(await audit(page)), ...(await page.faults())], []);
        await office.close();
        await page.close();
    });
});
