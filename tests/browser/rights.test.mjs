// SPDX-License-Identifier: AGPL-3.0-or-later
//
// The rights manager's pages and the rest of the control room in a browser.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { after, afterEach, before, test } from 'node:test';
import { audit, closeAll, launch, open, visit } from './lib/browser.mjs';
import { countries } from './lib/rights.mjs';
import { StandIn } from './lib/stand_in.mjs';

const [first, second, third, series] = ['film000000000000', 'film000000000001', 'film000000000002', 'series0000000001'];
let browser;
let site;
let room;
before(async () => {
    site = await new StandIn().start();
    site.isOperator = true;
    room = site.room;
    room.fill([first, second, third, series]);
    browser = await launch();
});
afterEach(async () => {
    await closeAll(browser);
    site.isOperator = true;
});
after(async () => {
    await browser?.close();
    await site?.stop();
});
const dealOf = (reference) => room.deals.find((deal) => deal.reference === reference);

/** Writes into a field of the last draft as a person would; what is asked of the server about it is the answer. */
async function fillDraft(page, { title, territories, media = ['subscription'], isExclusive = false }) {
    const draft = page.locator('.draft').last();
    await draft.locator('input[name=title]').fill(title);
    await page.waitForSelector('.draft:last-of-type .list li.is-at');
    await page.keyboard.press('Enter');
    await draft.locator('input[name=territories]').fill(territories);
    await page.keyboard.press('Enter');
    for (const medium of media) {
        await draft.locator(`input[value=${medium}]`).focus();
        await page.keyboard.press('Space');
    }
    if (isExclusive) await draft.locator('input[name=exclusive]').check();
    return draft;
}

test('a deal is made with a new party; its line collides as one types, is refused, and is saved with a reason', async () => {
    const context = await open(browser);
    const page = await visit(context, `${site.url}/operator/rights`);
    await page.click('button:has-text("Active")');
    await page.waitForFunction(() => [...document.querySelectorAll('tbody tr')].every((row) => row.dataset.deal === 'active'));
    assert.match(page.url(), /status=active/);
    await page.click('.room-head .button.is-primary');
    await page.fill('dialog input[name=reference]', 'WL-9');
    await page.selectOption('dialog select[name=party]', 'new');
    await page.click('dialog button[type=submit]');
    assert.match(await page.innerText('dialog [role=alert]'), /needs a name/);
    await page.fill('dialog input[name=party-name]', 'Werft Lizenzen');
    await page.selectOption('dialog select[name=party-country]', 'AT');
    await page.click('dialog button[type=submit]');
    await page.waitForURL('**/rights/deals/deal*');
    const deal = dealOf('WL-9');
    assert.deepEqual([deal.direction, deal.status, deal.party.name, deal.party.country], ['in', 'draft', 'Werft Lizenzen', 'AT']);

    const draft = await fillDraft(page, { title: 'harbour', territories: 'DACH, FR, Thailand', isExclusive: true });
    await page.waitForSelector('[data-conflict=exclusive_allow]');
    assert.equal(await page.locator('[data-conflict]').count(), 2);
    assert.match(await page.innerText('[data-conflict]'), /DACH, France|France, DACH/, 'the overlap is named');
    assert.match(await page.innerText('[data-conflict]'), /NLF-2026-114/);
    assert.match(await page.getAttribute('[data-conflict] a', 'href'), new RegExp(`deals/${dealOf('NLF-2026-114').id}\\?line=line`));
    assert.ok(await page.locator('.save .is-primary, .save .button:not([disabled])').count() === 0, 'nothing can be saved');
    // What no longer collides may be saved at once; what does, with a reason.
    await draft.locator('input[name=exclusive]').uncheck();
    await page.waitForSelector('[data-draft=clear]');
    assert.equal(await page.locator('[data-conflict]').count(), 0);
    await draft.locator('input[name=exclusive]').check();
    await page.waitForSelector('[data-draft=found]');
    await page.check('input[name=accept]');
    await page.click('.save button');
    assert.match(await page.innerText('.save [role=alert]'), /Say why/);
    await page.fill('input[name=reason]', 'Settled by phone');
    await page.keyboard.press('Control+Enter');
    await page.waitForSelector('[data-line]');
    const [line] = room.lines.filter((one) => one.deal === deal.id);
    assert.deepEqual([line.title, line.territories, line.media, line.is_exclusive, line.ends_at], [first, 'AT,CH,DE,FR,TH', ['subscription'], true, null]);
    assert.match(line.note, /Settled by phone/);
    assert.deepEqual(await page.faults(), []);
});

test('a conflict that arose meanwhile is refused by the server and shown at its line', async () => {
    const context = await open(browser);
    const page = await visit(context, `${site.url}/operator/rights/deals/${dealOf('SP/69/0042').id}`);
    await page.click('.add');
    await fillDraft(page, { title: 'harbour', territories: 'DE', isExclusive: true });
    await page.waitForSelector('[data-draft=found]');
    const other = room.lines.find((line) => line.deal === dealOf('NLF-2026-114').id && line.territories.includes('DE'));
    const before = room.lines.length;
    other.withdrawn_at = '2026-01-02T00:00:00Z';
    await page.locator('.draft input[name=territories]').fill('AT');
    await page.keyboard.press('Enter');
    await page.waitForSelector('[data-draft=clear]');
    other.withdrawn_at = null;
    await page.click('.save .is-primary');
    await page.waitForSelector('.save [role=alert]');
    await page.waitForSelector('[data-conflict=exclusive_allow]');
    assert.equal(room.lines.length, before, 'nothing was saved');
    page.on('dialog', (dialog) => dialog.accept());
});

test('territories are understood in four languages, as groups and as the server writes them', async () => {
    const context = await open(browser);
    const page = await visit(context, `${site.url}/operator/rights/avails`);
    await page.waitForSelector('tbody tr'); // what it asks for by itself has come
    const said = async (text) => {
        await page.fill('input[name=territories]', text);
        await page.keyboard.press('Enter');
        const asked = page.waitForRequest(/rights\/avails/);
        await page.click('.ask-form button[type=submit]');
        const set = new URL((await asked).url()).searchParams.get('territory');
        while (await page.locator('.tag .off').count()) await page.locator('.tag .off').first().click();
        return set;
    };
    for (const [text, wanted] of [
        ['WORLD, -US', 'WORLD,-US'], ['DACH', 'AT,CH,DE'], ['Österreich; Deutschland', 'AT,DE'], ['泰国、越南', 'TH,VN'], ['ไทย, ญี่ปุ่น', 'JP,TH'], ['DE AT CH', 'AT,CH,DE'],
        ['EU ohne FR', 'AT,BE,BG,CY,CZ,DE,DK,EE,ES,FI,GR,HR,HU,IE,IT,LT,LU,LV,MT,NL,PL,PT,RO,SE,SI,SK'], ['Germany, -DE-BY', 'DE,-DE-BY'], ['us-ca', 'US-CA'], ['world without France', 'WORLD,-FR'],
        ['asean', 'BN,ID,KH,LA,MM,MY,PH,SG,TH,TL,VN'], ['UK, Türkei, cote d’ivoire', 'CI,GB,TR'] ]) assert.equal(await said(text), wanted, text);
    await page.fill('input[name=territories]', 'Atlantis, DE,');
    await page.keyboard.press('Enter');
    assert.match(await page.innerText('.territories .bad'), /Atlantis/);
    assert.equal(await page.locator('.tag').count(), 1, 'what was understood is taken');
    // By keyboard alone: the list opens, the arrow chooses, backspace takes the last one off again.
    await page.fill('input[name=territories]', 'swe');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    assert.match(await page.innerText('.territories .box'), /Sweden/);
    await page.keyboard.press('Backspace');
    assert.doesNotMatch(await page.innerText('.territories .box'), /Sweden/);
});

test('a line is amended by another that replaces it, withdrawn after one is asked, and a deal ends with its consequence said', async () => {
    const deal = room.addDeal('END-1', 'in', room.parties[0]);
    const line = room.addLine(deal, second, { territories: 'DE', media: ['rental'] });
    const context = await open(browser);
    const page = await visit(context, `${site.url}/operator/rights/deals/${deal.id}`);
    await page.click(`#line-${line.id} button[aria-label^="Amend"]`);
    await page.locator('.draft input[name=ends]').fill('2027-03-28T02:30');
    await page.waitForSelector('[data-draft=clear]');
    await page.click('.save .is-primary');
    await page.waitForFunction(() => document.querySelectorAll('[data-line]').length === 1 && document.querySelectorAll('.draft').length === 0);
    const lines = room.lines.filter((one) => one.deal === deal.id);
    assert.equal(lines.length, 2);
    assert.ok(lines[0].withdrawn_at);
    assert.equal(lines[1].ends_at, new Date('2027-03-28T02:30').toISOString().replace('.000', ''));
    await page.check('.check input[type=checkbox]');
    await page.waitForSelector('[data-line=withdrawn]');

    await page.click(`#line-${lines[1].id} button[aria-label^="Withdraw"]`);
    await page.click('dialog[open] .button:not(.is-danger-full)');
    assert.equal(lines[1].withdrawn_at, null);
    await page.click(`#line-${lines[1].id} button[aria-label^="Withdraw"]`);
    await page.click('dialog[open] .is-danger-full');
    await page.waitForFunction(() => document.querySelectorAll('[data-line=withdrawn]').length === 2);

    await page.click('.room-head .is-danger');
    assert.match(await page.innerText('dialog[open]'), /cannot be opened again/);
    await page.click('dialog[open] .is-danger-full');
    await page.waitForSelector('[data-deal-status=terminated]');
    assert.equal(deal.status, 'terminated');
    assert.equal(await page.locator('.draft, .add').count(), 0, 'nothing can be added');
});

test('a draft that contradicts what stands shows it, and takes effect only by a press that says so', async () => {
    const taken = room.addDeal('TAKEN-1', 'out', room.parties[0]);
    const draft = room.addDeal('DRAFT-1', 'out', room.parties[1], { status: 'draft' });
    room.addLine(draft, third, { territories: 'DE,AT', media: ['linear'], is_exclusive: true });
    const context = await open(browser);
    const page = await visit(context, `${site.url}/operator/rights/deals/${draft.id}`);
    await page.waitForSelector('[data-line]');
    // Meanwhile somebody else sells the same: the page does not know yet, and the server refuses.
    const theirs = room.addLine(taken, third, { territories: 'AT,CH', media: ['linear'], is_exclusive: true });
    await page.click('.room-head .is-primary');
    await page.click('dialog[open] .is-primary');
    await page.waitForSelector('.save [role=alert]');
    assert.equal(draft.status, 'draft');
    await page.waitForSelector('[data-clashes="1"] [data-conflict=exclusive_exclusive]');
    assert.match(await page.innerText('[data-clashes]'), /Snowfall[\s\S]*TAKEN-1[\s\S]*Austria/);
    assert.match(await page.getAttribute('[data-clashes] a', 'href'), new RegExp(`deals/${taken.id}\\?line=${theirs.id}`));
    assert.deepEqual(await audit(page), []);
    await page.click('.room-head .is-primary');
    assert.match(await page.innerText('dialog[open]'), /in spite of/);
    await page.click('dialog[open] .is-danger-full');
    await page.waitForSelector('[data-deal-status=active]');
    assert.equal(draft.status, 'active');
    await page.waitForSelector('[data-clashes="1"]'); // it still stands there
    assert.deepEqual(await page.faults(), []);
    for (const line of room.lines) if (line.deal === draft.id || line.deal === taken.id) line.withdrawn_at = new Date().toISOString();
});

test('a table of lines is tried first: errors stand by line and column, and a good one is taken whole', async () => {
    const context = await open(browser);
    const page = await visit(context, `${site.url}/operator/rights`);
    await page.click('button:has-text("Import lines")');
    const head = 'deal,party,direction,title,effect,territories,media,starts\n';
    const row = (where) => `X-1,Nordlicht Film,in,${first},allow,${where},rental,2027-01-01\n`;
    const give = (text) => page.setInputFiles('dialog input[type=file]', { name: 'lines.csv', mimeType: 'text/csv', buffer: Buffer.from(text) });
    await give(head + row('DE') + row('XQ') + row('AT'));
    await page.waitForSelector('[data-import=bad]');
    assert.deepEqual((await page.locator('dialog tbody tr td').allInnerTexts()).slice(0, 2), ['3', 'territories']);
    assert.ok(await page.isDisabled('dialog .is-primary'));
    assert.equal(room.imports.length, 0);
    await give(head + row('DE') + row('AT'));
    await page.waitForSelector('[data-import=good]');
    assert.equal(room.imports.length, 0, 'a trial saves nothing');
    await page.click('dialog .is-primary');
    await page.waitForSelector('[data-import=done]');
    assert.equal(room.imports.length, 1);
    // What contradicts is listed by line, and taken only when somebody says why.
    await give(head + row('DE') + row('AT').replace('X-1', 'sold twice'));
    await page.waitForSelector('[data-import=good]');
    assert.deepEqual((await page.locator('dialog tbody tr td').allInnerTexts()).slice(0, 2), ['3', '15']);
    assert.match(await page.innerText('dialog tbody'), /Nordlicht: T-1 with Station promises the same exclusively: Austria/);
    assert.match(await page.innerText('dialog [role=status]'), /1 conflict/);
    assert.ok(await page.isDisabled('dialog .is-primary'));
    await page.check('dialog input[name=accept]');
    assert.ok(await page.isDisabled('dialog .is-primary'), 'not without a reason');
    await page.fill('dialog input[name=reason]', 'agreed by letter');
    assert.deepEqual(await audit(page), []);
    await page.click('dialog .is-primary');
    await page.waitForSelector('[data-import=done]');
    assert.equal(room.imports.length, 2);
    assert.deepEqual(await page.faults(), []);
});

test('the map reaches all 249 territories, says who decides, follows time, medium and what was known; so does its table', async () => {
    const context = await open(browser, { timezoneId: 'Europe/Berlin' });
    const page = await visit(context, `${site.url}/operator/rights/titles/${first}?medium=subscription`);
    await page.waitForSelector('svg [data-code]');
    const drawn = await page.$$eval('svg [data-code]', (all) => Object.fromEntries(all.map((one) => [one.dataset.code, one.dataset.state])));
    assert.deepEqual(Object.keys(drawn).sort(), [...countries].sort());
    assert.deepEqual([drawn.DE, drawn.FR, drawn.VN, drawn.AU, drawn.JP, drawn.NG, drawn.CN], ['allow', 'holdback', 'blackout', 'exclusive', 'later', 'ended', 'none']);
    for (const code of ['TV', 'VA', 'AQ', 'GI', 'SJ', 'GF']) assert.ok(drawn[code], code);
    // No two states look alike without colour: each but plain yes and no has a pattern of its own.
    const fills = await page.$$eval('svg path[data-code]', (all) => [...new Set(all.map((one) => `${one.dataset.state} ${one.getAttribute('fill') ?? ''}`))]);
    assert.equal(new Set(fills.map((one) => one.split('-').at(-1))).size, fills.length);
    assert.equal(await page.locator('.table-box tbody tr').count(), 249);

    await page.locator('.world svg[role=application]').focus();
    await page.keyboard.press('ArrowLeft');
    const code = await page.getAttribute('[data-explain]', 'data-explain');
    assert.notEqual(code, 'DE');
    await page.click('.table-box button:has-text("France")');
    assert.match(await page.innerText('[data-explain=FR]'), /held back until/);
    assert.match(await page.innerText('[data-explain=FR]'), /NLF-2026-114/);
    assert.match(await page.getAttribute('[data-explain=FR] > a', 'href'), /why\?title=film000000000000&territory=FR&medium=subscription/);

    await page.selectOption('select[name=medium]', 'advertising');
    await page.waitForSelector('[data-code=FR][data-state=allow]');
    await page.selectOption('select[name=medium]', 'subscription');
    await page.waitForSelector('[data-code=FR][data-state=holdback]');
    const slider = page.locator('input[type=range]');
    for (let state = 'holdback', turn = 0; state !== 'allow' && turn < 20; turn++) {
        const [answer] = await Promise.all([page.waitForResponse(/rights\/map/), page.click('button:has-text("Next change")')]);
        state = (await answer.json()).countries.FR?.state;
    }
    await page.waitForSelector('[data-code=FR][data-state=allow]'); // after the holdback
    assert.match(await slider.getAttribute('aria-valuetext'), /2027/);
    assert.match(page.url(), /at=2027/);
    await page.click('.jumps button:has-text("now")');
    await page.click('.known summary');
    await page.fill('input[name=known]', '2026-03-01T00:00');
    await page.waitForSelector('[data-code=DE][data-state=none]');
    assert.match(page.url(), /known_at=2026-02-28T23/);
    const shift = await page.shift();
    assert.ok(shift < 0.05, `layout shift ${shift}: ${await page.evaluate(() => globalThis.shifted)}`);
    assert.deepEqual(await page.faults(), []);
});

test('whoever does not say which medium looks at one in which there is something to see; on a phone nothing of it is cut', async () => {
    const deal = room.deals.find((one) => one.direction === 'in' && one.status === 'active');
    const line = room.addLine(deal, 'film000000000009', { media: ['clip', 'download'] });
    const context = await open(browser, { viewport: { width: 390, height: 844 }, hasTouch: true });
    for (const lang of ['en', 'de', 'zh', 'th']) {
        const page = await visit(context, `${site.url}/operator/rights/titles/film000000000009?lang=${lang}`);
        await page.waitForSelector('select[name=medium]');
        assert.equal(await page.inputValue('select[name=medium]'), 'clip');
        const cut = await page.evaluate(() => {
            const nav = document.querySelector('.site-nav');
            return { nav: nav.scrollWidth - nav.clientWidth, page: document.documentElement.scrollWidth - document.documentElement.clientWidth,
                ends: [...document.querySelectorAll('.slider .ends > span')].map((one) => Math.round(one.getBoundingClientRect().height / parseFloat(getComputedStyle(one).lineHeight))) };
        });
        assert.deepEqual(cut, { nav: 0, page: 0, ends: [1, 1] }, lang);
        await page.selectOption('select[name=medium]', 'rental');
        await page.waitForURL('**medium=rental**');
        assert.deepEqual(await page.faults(), []);
        await page.close();
    }
    room.lines.splice(room.lines.indexOf(line), 1);
});

test('the timeline draws endless windows off the edge and overlapping ones in rows of their own, and zooms by keyboard', async () => {
    const context = await open(browser);
    const page = await visit(context, `${site.url}/operator/rights/titles/${first}`);
    await page.waitForSelector('[data-bar]');
    const bars = await page.$$eval('[data-bar]', (all) => all.map((one) => {
        const { left, right, top } = one.getBoundingClientRect();
        return { left, right, top, isEndless: one.classList.contains('is-endless'), edge: one.closest('.bars').getBoundingClientRect().right };
    }));
    assert.equal(bars.length, room.lines.filter((line) => line.title === first && !line.withdrawn_at).length);
    for (const bar of bars) if (bar.isEndless) assert.ok(Math.abs(bar.right - bar.edge) < 1.5);
    assert.ok(bars.filter((bar) => bar.isEndless).length >= 2);
    for (const [i, a] of bars.entries()) for (const b of bars.slice(i + 1)) assert.ok(a.top !== b.top || a.right <= b.left + 1 || b.right <= a.left + 1, 'no bar covers another');
    const width = () => page.$eval('[data-bar]', (one) => one.getBoundingClientRect().width);
    const before = await width();
    await page.locator('[data-bar]').first().focus();
    await page.keyboard.press('+');
    await page.waitForFunction((old) => document.querySelector('[data-bar]')?.getBoundingClientRect().width !== old, before);
    await page.keyboard.press('0');
    await page.waitForFunction((old) => Math.abs(document.querySelector('[data-bar]').getBoundingClientRect().width - old) < 0.5, before);
    await page.locator('[data-bar].is-blackout').click();
    assert.match(await page.innerText('.explain.is-line'), /Blackout/);
    await page.click('.all-lines summary');
    assert.equal(await page.locator('.all-lines tbody tr').count(), bars.length, 'the list says the same');
});

test('availability is asked by title, place and medium, and taken home as CSV', async () => {
    const context = await open(browser, { acceptDownloads: true });
    const page = await visit(context, `${site.url}/operator/rights/avails?title=${first}`);
    await page.waitForSelector('tbody tr');
    await page.fill('input[name=territories]', 'ASEAN');
    await page.keyboard.press('Enter');
    await page.check('.ask-form input[value=advertising]', { force: true });
    const asked = page.waitForResponse(/medium=advertising/);
    await page.click('.ask-form button[type=submit]');
    await asked;
    await page.waitForFunction(() => document.querySelectorAll('tbody tr').length === 2);
    const file = page.waitForEvent('download');
    await page.click('button:has-text("Download CSV")');
    const text = fs.readFileSync(await (await file).path(), 'utf8');
    const rows = text.replace('\uFEFF', '').trim().split('\r\n');
    assert.equal(rows[0], 'title,name,territories,media,languages,from,to,line');
    assert.equal(rows.length, 3);
    assert.ok(rows.some((row) => row.startsWith(`${first},Harbour at Dawn,"BN,ID,KH,LA,MM,MY,PH,SG,TH,VN,TL",advertising,"th,en",`)), text);
});

test('why not: the decision, its steps and every line, from a household’s page', async () => {
    const context = await open(browser);
    const page = await visit(context, `${site.url}/operator/households/household0000001`);
    assert.match(await page.innerText('.room'), /Firefox on Linux/);
    await page.click('.room-head a[href*="rights/why"]');
    await page.waitForSelector('input[name=title]');
    await page.fill('input[name=title]', 'harbour');
    await page.waitForSelector('.picker .list li.is-at');
    await page.keyboard.press('Enter');
    await page.selectOption('select[name=medium]', 'subscription');
    await page.waitForSelector('[data-verdict=yes]');
    await page.selectOption('select[name=territory]', 'FR');
    await page.waitForSelector('[data-verdict=no]');
    assert.match(await page.innerText('.verdict'), /rights\.holdback/);
    assert.equal(await page.locator('[data-step]').count(), 1);
    assert.equal(await page.locator('.lines li.is-in').count(), 1);
    assert.equal(await page.locator('.lines > li').count(), room.lines.filter((line) => line.title === first && !line.withdrawn_at).length);
    assert.match(page.url(), /household=household0000001/);
});

test('the home page is arranged by keyboard and by hand; a row waits for its day', async () => {
    const context = await open(browser);
    const page = await visit(context, `${site.url}/operator/rows`);
    await page.locator('.grip').first().focus();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowDown');
    assert.match(await page.innerText('.room > [role=status]'), /Live now.*3.*4/);
    assert.ok(await page.evaluate(() => document.activeElement.matches('[data-row=live] .grip')), 'the handle keeps the focus');
    const [from, to] = await Promise.all(['[data-row=genre] .grip', '[data-row=titles]'].map((one) => page.locator(one).boundingBox()));
    await page.mouse.move(from.x + 20, from.y + 20);
    await page.mouse.down();
    await page.mouse.move(from.x + 24, from.y + 10, { steps: 4 });
    await page.mouse.move(to.x + 60, to.y + 30, { steps: 8 });
    await page.mouse.up();
    await page.waitForFunction(() => document.querySelector('.item').dataset.row === 'genre');
    await page.click('.sources button:has-text("Genre")');
    await page.fill('input[name=row-th]', 'ละคร');
    await page.click('.save .is-primary');
    await page.waitForFunction(() => /saved/.test(document.querySelector('.save [role=status]').textContent));
    assert.deepEqual(room.rows.map((row) => row.source), ['genre', 'titles', 'live', 'newest', 'genre']);
    assert.deepEqual([room.rows[4].genre, room.rows[4].names], ['drama', { en: 'Drama', th: 'ละคร' }]);
    assert.deepEqual(room.rows[1].titles, [first, third, second]);
    assert.deepEqual(await page.faults(), []);
});

test('what subscribers abroad see is chosen, and holds at once', async () => {
    const context = await open(browser);
    const page = await visit(context, `${site.url}/operator/households`);
    await page.waitForSelector('[name=portability]');
    assert.match(await page.innerText('.sheet [role=status]'), /^\d+ households$/);
    room.isHouseholdsWhole = false; // a list that was cut says so, and is no count of all
    await page.turn(`${site.url}/operator/households`);
    await page.waitForFunction(() => /^The newest (household|\d+ households)\. Find others/.test(document.querySelector('.sheet [role=status]')?.textContent ?? ''));
    await page.click('.more .button'); // and leads on to the rest
    await page.waitForFunction(() => /^\d+ households$/.test(document.querySelector('.sheet [role=status]')?.textContent ?? ''));
    assert.equal(await page.locator('.sheet tbody tr').count(), room.households.length);
    // A name that is not among those looked at so far is not said to be missing.
    await page.fill('.sheet [name=q]', 'suda');
    await page.waitForFunction(() => document.querySelector('.sheet [role=status]')?.textContent === '0 found among the newest 5,000 of 7,000 households.');
    assert.equal(await page.locator('.sheet tbody tr').count(), 0);
    assert.doesNotMatch(await page.innerText('.sheet'), /No household matches/);
    await page.click('.more .button');
    await page.waitForFunction(() => document.querySelectorAll('.sheet tbody tr').length === 1);
    assert.equal(await page.locator('.more').count(), 0);
    room.isHouseholdsWhole = true;
    await page.fill('.sheet [name=q]', '');
    await page.waitForSelector('[name=portability]');
    assert.equal(await page.inputValue('[name=portability]'), 'off');
    await page.selectOption('[name=portability]', 'eu');
    await page.waitForFunction(() => [...document.querySelectorAll('[role=status]')].some((one) => one.textContent.startsWith('Saved')));
    assert.deepEqual(room.organisation, { country: 'DE', portability: 'eu' });
    await page.selectOption('[name=country]', 'AT');
    await page.waitForFunction(() => document.querySelector('[name=country]').value === 'AT');
    assert.deepEqual([...(await audit(page)), ...(await page.faults())], []);
    await context.close();
});

test('a title is granted to a household and taken back; members are invited; a token is shown once; letters are read', async () => {
    const context = await open(browser);
    const page = await visit(context, `${site.url}/operator/households?q=suda`);
    await page.waitForFunction(() => document.querySelectorAll('tbody tr').length === 1);
    await page.click('tbody a');
    await page.fill('.grant input[name=title]', 'night');
    await page.waitForSelector('.picker .list li.is-at');
    await page.keyboard.press('Enter');
    await page.selectOption('.grant select', 'rental');
    await page.click('.grant .is-primary');
    await page.waitForSelector('[data-grant]');
    const home = room.households[1];
    assert.deepEqual([home.grants[0].title, home.grants[0].medium, home.grants[0].ends_at], ['film000000000004', 'rental', null]);
    await page.click('[data-grant] button');
    await page.click('dialog[open] .is-danger-full');
    await page.waitForSelector('[data-grant]', { state: 'detached' });
    assert.equal(home.grants.length, 0);

    await page.goto(`${site.url}/operator/members`);
    await page.fill('input[name=email]', 'lek@studio.example');
    await page.check('.invite input[value=rights]');
    await page.click('.invite .is-primary');
    await page.waitForFunction(() => document.querySelectorAll('[data-member]').length === 4);
    assert.deepEqual([...room.members[3].roles].sort(), ['editor', 'rights']);
    await page.check('[data-member=member] input[aria-label="Editor: Tom Adler"]');
    await page.waitForFunction(() => document.querySelector('.sheet [role=status]').textContent === 'Saved.');
    assert.deepEqual([...room.members[1].roles].sort(), ['editor', 'rights']);

    await page.goto(`${site.url}/operator/tokens`);
    await page.fill('input[name=name]', 'Box office');
    await page.check('input[value="rights:write"]');
    await page.click('form .is-primary');
    await page.waitForSelector('[data-secret]');
    assert.doesNotMatch(await page.innerText('[data-secret]'), /4GkT9/, 'a secret is shown when it is asked for');
    await page.click('button[aria-label^="Show"]');
    assert.equal(await page.innerText('[data-secret]'), 'gst_4GkT9wqZb2LxYd7Rm5Vn');
    assert.deepEqual(room.tokens[1].scopes, ['catalog:read', 'rights:write']);
    await page.reload();
    await page.waitForSelector('[data-token]');
    assert.equal(await page.locator('[data-secret]').count(), 0);

    await page.goto(`${site.url}/operator/mails`);
    await page.click('summary');
    assert.equal(await page.getAttribute('.text a', 'href'), 'http://127.0.0.1/invitation#code=abc');
});

test('an EIDR with a wrong check character is refused before it is sent; people and ratings are saved', async () => {
    const context = await open(browser);
    const page = await visit(context, `${site.url}/operator/titles/${second}`);
    await page.fill('input[name=eidr]', '10.5240/7791-8534-2C23-9030-8610-6');
    await page.click('button[type=submit]');
    await page.waitForSelector('.save .bad');
    assert.equal(site.titles.find((title) => title.id === second).eidr, undefined);
    await page.fill('input[name=eidr]', 'urn:eidr:10.5240:7791-8534-2c23-9030-8610-5');
    await page.selectOption('select[name=rating-FSK]', '12');
    await page.fill('input[name=person]', 'ada');
    await page.click('.found button:has-text("Ada Lindqvist")');
    await page.fill('input[name=countries]', 'Schweden, DE');
    await page.keyboard.press('Enter');
    await page.click('button[type=submit]');
    await page.waitForFunction(() => document.querySelector('.save [role=status]').textContent === 'Saved.');
    const saved = site.titles.find((title) => title.id === second);
    assert.equal(saved.eidr, '10.5240/7791-8534-2C23-9030-8610-5');
    assert.deepEqual(saved.ratings, { FSK: '12' });
    assert.deepEqual(saved.people, [{ id: 'person1', part: 'cast', character: null }]);
    assert.deepEqual([...saved.countries].sort(), ['DE', 'SE']);
});

test('who has one role sees the places of that role, and is told when another is needed', async () => {
    const context = await open(browser);
    const page = await visit(context, `${site.url}/operator/rights`);
    assert.equal(await page.locator('.side a').count(), 19, 'an operator sees all');
    site.isOperator = false;
    await context.request.post(`${site.url}/api/v1/invitation/accept`, { headers: { 'X-Grandstand': '1' }, data: { code: 'invited', name: 'Kim', password: 'a long password' } });
    await page.goto(`${site.url}/operator/rights`);
    await page.waitForSelector('tbody tr');
    assert.deepEqual(await page.locator('.side a').evaluateAll((all) => all.map((one) => one.getAttribute('href'))), ['/operator/rights', '/operator/rights/avails', '/operator/rights/why']);
    assert.equal(await page.getAttribute('.side a[aria-current]', 'href'), '/operator/rights');
    await page.goto(`${site.url}/operator/members`);
    await page.waitForSelector('.notice:has-text("This room is for others")');
    site.isOperator = true;
    assert.deepEqual(await page.faults(), []);
});

const looks = { day: { colorScheme: 'light' }, night: { colorScheme: 'dark' }, phone: { colorScheme: 'light', viewport: { width: 390, height: 844 }, hasTouch: true } };
test('WCAG AA by day and by night, and nothing wider than a phone', async () => {
    const shown = { // what stands there when all is there
        '/rights': 'tbody tr', [`/rights/deals/${dealOf('NLF-2026-114').id}`]: '[data-line]', [`/rights/titles/${first}?territory=FR`]: '[data-bar]', '/rights/avails': 'tbody tr',
        [`/rights/why?title=${first}&territory=FR&medium=subscription`]: '[data-verdict]', '/rows': '.item', '/households/household0000001': '.profiles li', '/members': '[data-member]', '/tokens': '[data-token]', '/people': '[data-person]',
        [`/titles/${second}`]: '.people', '/mails': '.mails li', '/catalogue': '.two',
    };
    const [, deal, map, , why, rows, household, members] = Object.keys(shown);
    const audits = { day: [deal, map, why, rows, household, members, `/titles/${second}`], night: [deal, map], phone: [] };
    for (const [look, options] of Object.entries(looks)) {
        const context = await open(browser, options);
        const page = await visit(context, `${site.url}/operator/enter`);
        for (const [address, selector] of Object.entries(shown)) {
            if (look === 'night' && !audits.night.includes(address)) continue;
            await page.goto(`${site.url}/operator${address}`);
            await page.waitForSelector(selector);
            if (audits[look].includes(address)) assert.deepEqual(await audit(page), [], `${address} by ${look}`);
            assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${address} is wider than the screen`);
        }
        assert.deepEqual(await page.faults(), []);
        await context.close();
    }
});
