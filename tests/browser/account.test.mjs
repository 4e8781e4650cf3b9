// SPDX-License-Identifier: AGPL-3.0-or-later
//
// Households in the browser: signing up and in, who is watching, the account, what may be watched and why not.
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { audit, closeAll, launch, open, visit } from './lib/browser.mjs';
import { StandIn } from './lib/stand_in.mjs';

let browser;
let site;
let family;
before(async () => {
    site = await new StandIn().start();
    browser = await launch();
});
after(async () => {
    await browser?.close();
    await site?.stop();
});
const password = 'a quiet harbour';
function fresh(options) {
    site.people.users = [];
    site.people.sessions.clear();
    family = site.people.addFamily(options);
}
afterEach(async () => {
    await closeAll(browser);
    Object.assign(site, { revoked: false, reason: null });
    Object.assign(site.people, { isFull: false, streams: [], tooMany: false, mails: [] });
    for (const title of site.titles) for (const key of ['age', 'rating', 'is_free', 'right', 'needsPin', 'isGranted', 'people']) delete title[key];
});

/** A page of somebody who is signed in already; `who` is the name of the profile that watches. */
async function enter(context, address, who = 'Anna') {
    await signIn(context, who);
    return visit(context, site.url + address);
}
async function signIn(context, who = 'Anna') {
    const { headers } = await fetch(`${site.url}/api/v1/sign-in`, { method: 'POST', body: JSON.stringify({ email: family.email, password, code: '123456' }) });
    const value = /stand_in=(\w+)/.exec(headers.get('set-cookie'))[1];
    site.people.sessions.get(value).profile = family.profiles.find((profile) => profile.name === who) ?? null;
    await context.addCookies([{ name: 'stand_in', value, url: site.url }]);
}
const type = async (page, fields) => {
    for (const [name, value] of Object.entries(fields)) await page.fill(`[name="${name}"]`, value);
};
const at = (page, path) => page.waitForFunction((wanted) => location.pathname + location.search === wanted, path);
async function sound(page) {
    assert.deepEqual([...(await audit(page)), ...(await page.faults())], [], page.url());
    const shift = await page.shift();
    assert.ok(shift < 0.02, `${page.url()}: layout shift ${shift}: ${await page.evaluate(() => globalThis.shifted)}`);
}

test('signing up: faults stand beside their lines, the mail opens the account, its code leaves no trace', async () => {
    fresh();
    const context = await open(browser);
    const page = await visit(context, `${site.url}/sign-up`);
    await page.click('button[type=submit]');
    assert.equal(await page.locator('[aria-invalid]').count(), 3);
    assert.equal(await page.evaluate(() => document.activeElement.name), 'name');
    await type(page, { name: 'Kim', email: 'kim@example.org', password: 'too short' });
    await page.click('button[type=submit]');
    await page.waitForSelector('[name=password][aria-invalid]');
    await type(page, { password: 'long enough for me' });
    await page.selectOption('[name=country]', 'TH');
    await page.click('button[type=submit]');
    await page.waitForFunction(() => /kim@example\.org/.test(document.querySelector('.lead')?.textContent ?? ''));
    const known = await page.innerText('.form');
    const { code, user } = site.people.mails[0];
    assert.equal(user.household.country, 'TH');
    await sound(page);
    await page.goto(`${site.url}/confirm#code=${code}`);
    await page.waitForSelector('.face');
    assert.equal(await page.evaluate(() => location.href), `${site.url}/`);
    await page.goBack().catch(() => undefined);
    assert.doesNotMatch(page.url(), /code/);

    // An address that has an account is answered by the same words.
    const other = await visit(await open(browser), `${site.url}/sign-up`);
    await type(other, { name: 'Somebody', email: 'kim@example.org', password: 'long enough for me' });
    await other.click('button[type=submit]');
    await other.waitForSelector('.lead:has-text("kim@example.org")');
    assert.equal(await other.innerText('.form'), known);
    // A link that was used opens nothing.
    await other.goto(`${site.url}/confirm#code=${code}`);
    await other.waitForSelector('.lead:has-text("code.wrong")');
    await other.context().close();
});

test('signing in asks for the second factor and comes back to where one was', async () => {
    fresh({ totp: true });
    Object.assign(site.titles[2], { is_free: false, isGranted: true });
    const context = await open(browser);
    const page = await visit(context, `${site.url}/title/${site.titles[2].id}`);
    await page.waitForSelector('.access-note');
    assert.equal(await page.locator('.hero a[href^="/watch/"]').count(), 0);
    await page.click('.hero .button.is-primary');
    await at(page, `/sign-in?to=${encodeURIComponent(`/title/${site.titles[2].id}`)}`);
    await page.waitForSelector('[name=email]');
    await sound(page);
    await type(page, { email: family.email, password: 'something else' });
    await page.keyboard.press('Enter');
    const wrong = await page.waitForSelector('[role=alert]:has-text("sign_in.wrong")');
    await type(page, { email: 'nobody@example.org' });
    await page.click('button[type=submit]');
    await page.waitForFunction(() => !document.querySelector('button[type=submit]').disabled);
    assert.match(await wrong.innerText(), /sign_in\.wrong/); // not a word on whether the address is known
    await type(page, { email: family.email, password });
    await page.click('button[type=submit]');
    await page.waitForSelector('[name=code]');
    assert.equal(await page.evaluate(() => document.activeElement.name), 'code');
    await type(page, { code: '000000' });
    await page.click('button[type=submit]');
    await page.waitForSelector('[role=alert]:has-text("sign_in.code")');
    await type(page, { code: '123 456' });
    await page.click('button[type=submit]');
    // Several profiles: first who watches, then the title, which may be watched now.
    await page.waitForSelector('.people button');
    await page.click('.people button:has-text("Jonas")');
    await at(page, `/title/${site.titles[2].id}`);
    await page.waitForSelector('.hero a[href^="/watch/"]');
    // An address of another site is no way back.
    await page.goto(`${site.url}/who?to=//example.com/`);
    await page.waitForSelector('.people button');
    await page.click('.people button:has-text("Jonas")');
    await at(page, '/');
    assert.deepEqual(await page.faults(), []);
});

test('a forgotten password: the same words for everybody, and a new one by the mail', async () => {
    fresh();
    const context = await open(browser);
    const page = await visit(context, `${site.url}/forgot`);
    const said = [];
    for (const email of ['nobody@example.org', family.email]) {
        await page.goto(`${site.url}/forgot`);
        await page.waitForSelector('[name=email]');
        await type(page, { email });
        await page.click('button[type=submit]');
        await page.waitForSelector('.lead:has-text("@example.org")');
        said.push((await page.innerText('.form')).replace(email, ''));
    }
    assert.equal(said[0], said[1]);
    assert.equal(site.people.mails.length, 1);
    await page.goto(`${site.url}/reset#code=${site.people.mails[0].code}`);
    await page.waitForSelector('[name=password]');
    assert.equal(await page.evaluate(() => location.hash), '');
    await type(page, { password: 'another quiet harbour' });
    await page.click('button[type=submit]');
    await at(page, '/who?to=%2F');
    assert.equal(family.password, 'another quiet harbour');
});

test('who is watching: arrow keys, a PIN that is wrong and then right, and a child that cannot leave without a grown-up', async () => {
    fresh();
    const context = await open(browser);
    const page = await enter(context, '/who', null);
    await sound(page);
    await page.focus('.people li:nth-child(2) button');
    await page.keyboard.press('ArrowLeft');
    await page.keyboard.press('Enter');
    await page.waitForSelector('dialog[open] .pad');
    assert.deepEqual(await audit(page), []);
    await page.keyboard.type('1111');
    await page.waitForSelector('.pad [role=alert]:has-text("profile.pin")');
    for (const digit of '4711') await page.click(`.pad .keys button:text-is("${digit}")`);
    await at(page, '/');
    await page.waitForSelector('.face img[src*="a1"]');

    await page.click('.face');
    await page.click('#profile-menu button:has-text("Lina")');
    await page.waitForSelector('.child:has-text("Lina")');
    await page.click('.face');
    assert.equal(await page.locator('#profile-menu a[href="/account"]').count(), 0);
    await page.click('#profile-menu button:has-text("Jonas")');
    await page.waitForSelector('.people button');
    await page.click('.people button:has-text("Jonas")');
    await page.waitForSelector('dialog[open] [name=password]');
    await type(page, { password: 'guess' });
    await page.keyboard.press('Enter');
    await page.waitForSelector('dialog[open] [role=alert]:has-text("profile.pin")');
    await page.keyboard.press('Escape');
    await page.waitForSelector('dialog:not([open])', { state: 'attached' });
    await page.goto(`${site.url}/account/privacy`);
    await page.waitForSelector('.notice:has-text("Lina")');
    await page.goto(`${site.url}/who`);
    await page.waitForSelector('.people button');
    await page.click('.people button:has-text("Jonas")');
    await page.waitForSelector('dialog[open] [name=password]');
    await type(page, { password: '4711' }); // a grown-up's PIN does as well as the password
    await page.keyboard.press('Enter');
    await page.waitForSelector('.face img[src*="a12"]');
    assert.deepEqual(await page.faults(), []);
});

test('profiles: a new one with its picture and limit; raising a limit asks for the password; one is removed', async () => {
    fresh();
    const context = await open(browser, { viewport: { width: 390, height: 844 } });
    const page = await enter(context, '/account');
    await page.waitForSelector('.profiles li');
    await page.click('main button:has-text("Add a profile")');
    await page.waitForSelector('dialog[open]');
    assert.deepEqual(await audit(page), []);
    await type(page, { 'profile-name': 'Mia', 'birth-year': '2014' });
    await page.click('label:has([name=picture][value=a6])');
    await page.click('label:has([name=age][value="12"])');
    await page.click('dialog[open] button[type=submit]');
    await page.waitForSelector('.profiles li:has-text("Mia")');
    assert.deepEqual(family.profiles.at(-1), { ...family.profiles.at(-1), name: 'Mia', picture: 'a6', age_max: 12, birth_year: 2014, is_child: true });
    await page.click('.profiles li:has-text("Lina") button');
    await page.click('label:has([name=age][value="16"])');
    await page.click('dialog[open] button[type=submit]');
    await page.waitForSelector('[name=proof]');
    await type(page, { proof: password });
    await page.click('dialog[open] button[type=submit]');
    await page.waitForSelector('.profiles li:has-text("Up to 16 years")');
    await page.click('.profiles li:has-text("Mia") button');
    await page.click('dialog[open] .remove');
    await page.click('dialog[open] .is-danger-full');
    await page.waitForFunction(() => document.querySelectorAll('.profiles li').length === 4);
    await sound(page);
});

test('the adults of a household: one is invited, one removed, one leaves; each asks for the password', async () => {
    fresh();
    family.others = [{ id: 'user000000000077', name: 'Jonas Brandt', email: 'jonas@example.org' }];
    const context = await open(browser);
    const page = await enter(context, '/account/household');
    await page.waitForSelector('li:has-text("Jonas Brandt")');
    await sound(page);
    await page.click('button:has-text("Invite an adult")');
    await page.click('dialog[open] button[type=submit]');
    assert.equal(await page.locator('dialog[open] [aria-invalid]').count(), 2);
    await type(page, { invited: 'ben@example.org', 'adults-password': 'guess' });
    await page.keyboard.press('Enter');
    await page.waitForSelector('dialog[open] .fault:has-text("me.password")');
    await type(page, { 'adults-password': password });
    await page.keyboard.press('Enter');
    await page.waitForSelector('[role=status]:has-text("ben@example.org")');
    assert.equal(await page.locator('dialog[open]').count(), 0);
    assert.deepEqual(await audit(page), []);
    await page.click('button[aria-label="Withdraw the invitation of ben@example.org"]');
    await page.waitForFunction(() => !document.querySelector('#adults').parentElement.querySelector('ul').textContent.includes('ben@example.org'));
    // Handed over: it is his, and she may leave; given back by him.
    await page.click('button[aria-label="Hand over to Jonas Brandt"]');
    assert.match(await page.textContent('dialog[open] .quiet'), /Jonas Brandt becomes the owner at once/);
    assert.deepEqual(await audit(page), []);
    await type(page, { 'adults-password': 'guess' });
    await page.click('dialog[open] button[type=submit]');
    await page.waitForSelector('dialog[open] .fault:has-text("me.password")');
    await type(page, { 'adults-password': password });
    await page.click('dialog[open] button[type=submit]');
    await page.waitForSelector('[role=status]:has-text("The household belongs to Jonas Brandt now.")');
    await page.waitForSelector('li:has-text("Jonas Brandt") .chip:has-text("Owner")');
    assert.equal(await page.locator('.does').count(), 0, 'the former owner decides about nobody');
    await page.waitForSelector('button:has-text("Leave the household")');
    await visit(context, `${site.url}/account/privacy`).then(async (other) => {
        await other.waitForSelector('.danger:has-text("stay with the other adults")');
        assert.doesNotMatch(await other.textContent('.danger'), /becomes the owner/);
        family.isGuest = false;
        await other.reload();
        await other.waitForSelector('.danger:has-text("Jonas Brandt becomes the owner of the household")');
        assert.equal(await other.getAttribute('.danger a', 'href'), '/account/household');
        await other.close();
    });
    await page.reload();
    await page.click('button[aria-label="Remove Jonas Brandt from the household"]');
    assert.deepEqual(await audit(page), []);
    await type(page, { 'adults-password': password });
    await page.click('dialog[open] button[type=submit]');
    await page.waitForFunction(() => document.querySelectorAll('section[aria-labelledby=adults] li').length === 1);
    assert.equal(family.others.length, 0);
    assert.equal(await page.locator('button:has-text("Leave the household")').count(), 0, 'the owner stays');
    // Whoever lives in somebody's household may leave it, and nothing else.
    family.others = [{ id: 'user000000000077', name: 'Jonas Brandt', email: 'jonas@example.org' }];
    family.isGuest = true;
    await page.reload();
    await page.waitForSelector('li:has-text("Jonas Brandt") .chip:has-text("Owner")');
    assert.equal(await page.locator('li button').count(), 0);
    await page.click('button:has-text("Leave the household")');
    await type(page, { 'adults-password': password });
    await page.click('dialog[open] button[type=submit]');
    await page.waitForFunction(() => document.querySelectorAll('section[aria-labelledby=adults] li').length === 1);
    await sound(page);
});

test('an invitation to a household says who invites, and leads home', async () => {
    fresh();
    site.people.joining = {};
    const page = await visit(await open(browser), `${site.url}/invitation#code=invited`);
    await page.waitForSelector('main:has-text("Anna Brandt")');
    await sound(page);
    await type(page, { name: 'Ben', password: 'a long password' });
    await page.keyboard.press('Enter');
    await at(page, '/');
    site.people.joining = null;
});

test('the account: second factor, devices, consent, export, and the end of it', async () => {
    fresh();
    site.people.addDevice(family, 'Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) Version/18.1 Mobile/15E148 Safari/604.1');
    const context = await open(browser);
    const page = await enter(context, '/account/security');
    await page.click('button:has-text("Set up")');
    await page.waitForSelector('.qr');
    assert.ok(await page.evaluate(async () => { await document.querySelector('.qr').decode(); return document.querySelector('.qr').naturalWidth > 0; }));
    await sound(page);
    await type(page, { code: '123456' });
    await page.keyboard.press('Enter');
    await page.waitForSelector('.codes li:nth-child(8)');
    assert.deepEqual(await audit(page), []);
    assert.ok(family.has_totp);

    await page.click('nav a[href="/account/devices"]');
    await page.click('li:has-text("Safari on iPhone") button');
    await page.waitForFunction(() => document.querySelectorAll('main li').length === 1);
    assert.equal(await page.locator('main li .chip').count(), 1);
    await sound(page);

    await page.click('nav a[href="/account/privacy"]');
    await page.check('[role=switch][name=news]');
    await page.waitForSelector('label:has([name=news]) small');
    assert.equal(family.consents[0].is_granted, true);
    const [download] = await Promise.all([page.waitForEvent('download'), page.click('a:has-text("Export my data")')]);
    assert.equal(download.suggestedFilename(), 'grandstand-export.json');
    await sound(page);
    await page.click('button:has-text("Erase my account")');
    assert.ok(await page.locator('dialog[open] .is-danger-full').isDisabled());
    await type(page, { 'erase-password': 'guess' });
    await page.check('[name=sure]');
    await page.click('dialog[open] .is-danger-full');
    await page.waitForSelector('dialog[open] [role=alert]:has-text("me.password")');
    await type(page, { 'erase-password': password });
    await page.click('dialog[open] .is-danger-full');
    await at(page, '/goodbye');
    assert.equal(site.people.users.length, 0);
    await page.waitForSelector('h1:has-text("Your account is erased")');
    await page.waitForSelector('.is-way-in');
    assert.deepEqual(await page.faults(), []);
});

test('tiles and titles say what may be watched and why not', async () => {
    fresh();
    const [, , locked, adult, elsewhere, later] = site.titles;
    Object.assign(locked, { is_free: false });
    Object.assign(adult, { age: 18, rating: { system: 'FSK', value: '18' } });
    Object.assign(elsewhere, { right: { reason: 'rights.blackout', message: 'Night Train is not shown in Germany until 24 December 2026.' } });
    Object.assign(later, { right: { reason: 'rights.not_yet', message: 'From 1 December.', from: new Date(Date.now() + 9 * 86_400_000).toISOString() } });
    const context = await open(browser);
    const page = await enter(context, '/', 'Lina');
    const badge = (title) => page.innerText(`.row .card[href="/title/${title.id}"] .card-badge`);
    assert.match(await badge(site.titles[0]), /^Free$/);
    assert.match(await badge(locked), /Locked/);
    assert.match(await badge(adult), /Not for this profile/);
    assert.match(await badge(elsewhere), /Not available here/);
    assert.match(await badge(later), /^From /);
    await sound(page);
    await page.click(`.row .card[href="/title/${adult.id}"]`);
    await page.waitForSelector('.access-note:has-text("Lina")');
    assert.equal(await page.locator('.hero a[href^="/watch/"]').count(), 0);
    assert.equal(await page.getAttribute('.hero .button', 'href'), `/who?to=${encodeURIComponent(`/title/${adult.id}`)}`);
    assert.match(await page.innerText('.hero .facts'), /18/);
    // Who opens the player's address by hand meets the same sentence.
    await page.goto(`${site.url}/watch/${adult.id}`);
    await page.waitForSelector('[data-phase=refused] [data-code="access.rating"]');
    assert.deepEqual(await audit(page), []);
    await page.goto(`${site.url}/title/${elsewhere.id}`);
    await page.waitForSelector('.access-note:has-text("24 December")');
    await sound(page);
});

test('the player: a PIN opens, full streams are listed, a right that ends stops the film with its sentence', async () => {
    fresh();
    const [film, other] = site.titles;
    film.needsPin = true;
    const context = await open(browser);
    const page = await enter(context, `/watch/${film.id}`);
    await page.waitForSelector('.pad');
    await page.keyboard.type('0000');
    await page.waitForSelector('.pad [role=alert]:has-text("not right")');
    await page.keyboard.type('4711');
    await page.waitForSelector('[data-phase=playing]');
    await page.waitForFunction(() => document.querySelector('video').currentTime > 0);
    site.revoked = true;
    site.reason = { code: 'rights.ended', message: 'The right to show this film in Germany ended today at 20:00.' };
    await page.waitForSelector('[data-phase=refused] [data-code="rights.ended"]:has-text("ended today at 20:00")');
    assert.equal(await page.locator('[role=alert] button').count(), 0); // another try would not help
    assert.equal(await page.evaluate(() => document.querySelector('video').readyState), 0);
    assert.deepEqual(await audit(page), []);
    Object.assign(site, { revoked: false, reason: null });
    Object.assign(site.people, { isFull: true, streams: [{ title: { id: film.id, name: 'Harbour at Dawn' }, profile: { name: 'Jonas' }, device: 'Firefox on Linux', since: '2026-11-21T19:00:00Z' }] });
    await page.goto(`${site.url}/watch/${other.id}`);
    await page.waitForSelector('[data-code="access.streams"] li:has-text("Jonas")');
    site.people.isFull = false;
    await page.click('[role=alert] button');
    await page.waitForSelector('[data-phase=playing]');
    assert.deepEqual(await page.faults(), []);
});

test('a sentence with a moment in it is told in the zone of whoever reads it', async () => {
    fresh();
    // Midnight in Berlin before and after its clocks go forward (25 March), in New York before and after they go back (4 November), and places east of both.
    const film = site.titles[0];
    const cases = [['2035-03-24T23:00:00Z', 'Europe/Berlin', '25 March 2035'], ['2035-03-25T22:00:00Z', 'Europe/Berlin', '26 March 2035'], ['2035-03-24T16:59:59Z', 'Asia/Bangkok', '24 March 2035'],
        ['2035-11-04T04:00:00Z', 'America/New_York', '4 November 2035'], ['2035-11-05T04:59:00Z', 'America/New_York', '4 November 2035']];
    for (const zone of new Set(cases.map((one) => one[1]))) {
        const page = await visit(await open(browser, { timezoneId: zone }), `${site.url}/`);
        const told = async (at, lang) => {
            film.right = { reason: 'rights.blackout', message: 'Blacked out in Germany until a day in UTC.', dated: { text: 'Blacked out in Germany until {at}.', at }, from: at, until: at };
            await page.goto(`${site.url}/title/${film.id}?lang=${lang}`, { waitUntil: 'commit' });
            return page.textContent('.access-note');
        };
        assert.equal((await page.context().cookies()).find((one) => one.name === 'zone')?.value, zone, 'for the first HTML and for letters');
        for (const [at, , day] of cases.filter((one) => one[1] === zone)) assert.equal(await told(at, 'en'), `Blacked out in Germany until ${day}.`, `${at} in ${zone}`);
        if (zone === 'Asia/Bangkok') assert.equal(await told('2035-03-24T17:00:00Z', 'th'), 'Blacked out in Germany until 25 มีนาคม 2578.');
    }
});

test('search as you type: marked places, arrow keys, Escape, people, and what was searched lately', async () => {
    fresh();
    Object.assign(site.titles[0], { people: [{ id: 'person0000000001', name: 'Mara Snowdon', part: 'cast', character: 'Ida' }] });
    const context = await open(browser);
    const page = await enter(context, '/');
    await page.focus('input[type=search]');
    await page.keyboard.type('sno');
    await page.waitForSelector('[role=option] mark:text-is("Sno")'); // where keys come slowly, fewer letters are answered first
    assert.deepEqual(await page.locator('[role=option] mark').allInnerTexts(), ['Sno', 'Sno', 'Sno']); // a film, an episode, a person
    assert.deepEqual(await audit(page), []);
    await page.keyboard.press('ArrowDown');
    assert.equal(await page.evaluate(() => document.getElementById(document.activeElement.getAttribute('aria-activedescendant')).innerText.split('\n')[0]), 'Snowfall');
    await page.keyboard.press('Escape');
    assert.equal(await page.getAttribute('input[type=search]', 'aria-expanded'), 'false');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await at(page, '/title/film000000000002');
    // What one searched and watched is one's own.
    assert.ok(await page.evaluate(() => Object.keys(localStorage).some((key) => /^gs\.searches\.prof/.test(key)) && localStorage.getItem('gs.searches') === null));
    await page.fill('input[type=search]', '');
    await page.focus('input[type=search]');
    await page.keyboard.press('ArrowDown');
    assert.equal(await page.innerText('[role=option].is-active'), 'sno');
    await page.keyboard.press('Enter');
    await at(page, '/?q=sno');
    await page.waitForSelector('.found .people li:has-text("Mara Snowdon")');
    await sound(page);
});

test('a page that comes late leaves alone who searches on meanwhile, and an answer that comes late leaves the choice alone', async () => {
    fresh();
    const context = await open(browser);
    const page = await enter(context, '/');
    let come;
    const coming = new Promise((resolve) => (come = resolve));
    await page.route(/\/assets\/title-\w+\.js/, (route) => coming.then(() => route.continue()));
    await page.fill('input[type=search]', 'snow');
    await page.waitForSelector('[role=option] mark');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await at(page, '/title/film000000000002');
    await page.focus('input[type=search]');
    come();
    await page.waitForSelector('.hero.is-title h1');
    await page.waitForFunction(() => [...document.querySelectorAll('[role=status]')].some((one) => one.textContent.startsWith('Snowfall'))); // the page has arrived, and said so
    assert.equal(await page.evaluate(() => document.activeElement.type), 'search');

    // The options of "s" stand there while "sn" is asked: what is chosen among them stays chosen.
    await page.fill('input[type=search]', 's');
    await page.waitForSelector('[role=option] mark:text-is("S")');
    let give;
    const answer = new Promise((resolve) => (give = resolve));
    await page.route(/\/search\?q=sn&/, (route) => answer.then(() => route.continue()));
    const asked = page.waitForRequest(/\/search\?q=sn&/);
    await page.keyboard.type('n');
    await asked;
    const chosen = () => page.evaluate(() => document.getElementById(document.activeElement.getAttribute('aria-activedescendant'))?.querySelector('.name').innerText);
    while ((await chosen()) !== 'Snowfall') await page.keyboard.press('ArrowDown');
    const place = await page.getAttribute('input[type=search]', 'aria-activedescendant');
    give();
    await page.waitForSelector('[role=option] mark:text-is("Sn")');
    assert.equal(await chosen(), 'Snowfall');
    assert.notEqual(await page.getAttribute('input[type=search]', 'aria-activedescendant'), place, 'the list is another, and it stands elsewhere in it');
});

test('each page of an account speaks each language and fits a small phone, by night too', async () => {
    fresh();
    const shown = { // what stands there when all is there
        '/sign-up': '[name=country]', '/sign-in': '[name=email]', '/forgot': '[name=email]', '/invitation#code=invited': '[name=password]', '/who': '.people button', '/account/profiles': '.profiles li',
        '/account/household': '[name=household]', '/account/security': 'main button', '/account/devices': 'main li', '/account/privacy': '[role=switch]' };
    const found = [];
    for (const [lang, colorScheme] of [['de', 'dark'], ['th', 'light']]) {
        const context = await open(browser, { viewport: { width: 320, height: 640 }, colorScheme, reducedMotion: 'reduce' });
        const page = await visit(context, site.url);
        for (const [address, selector] of Object.entries(shown)) {
            const [path, hash = ''] = address.split('#');
            if (path === '/who') await signIn(context);
            await page.turn(`${site.url}${path}?lang=${lang}#${hash}`);
            await page.waitForSelector('h1');
            await page.waitForSelector(selector);
            for (const fault of [...(await audit(page)), ...(await page.faults())]) found.push(`${address}, ${lang}: ${fault}`);
            const [wide, seen, shift] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth, globalThis.shift]);
            if (wide > seen) found.push(`${address}, ${lang}: ${wide} wide`);
            if (shift >= 0.02) found.push(`${address}, ${lang}: layout shift ${shift}: ${await page.evaluate(() => globalThis.shifted)}`);
        }
        await context.close();
    }
    assert.deepEqual(found, []);
});
