// SPDX-License-Identifier: AGPL-3.0-or-later
//
// Pictures of every page for people to look at: desk and phone, day and night, in each script. Written to
// build/screenshots. Usage: node tests/browser/screenshots.mjs [ORIGIN [CODE]]
// Without an origin, against the stand-in; the code is the operator's one-time code, for pictures of the control room.
import fs from 'node:fs';
import path from 'node:path';
import { launch, open, visit } from './lib/browser.mjs';
import { root } from './lib/media.mjs';
import { goodHealth, StandIn } from './lib/stand_in.mjs';

const out = path.join(root, 'build/screenshots');
fs.mkdirSync(out, { recursive: true });
const site = process.argv[2] ? null : await new StandIn().start();
if (site) {
    site.isOperator = true;
    site.startLive({ history_s: 3000 });
    site.schedule('soon000000000001', 7500);
    site.addChannel('live000000000001', { status: 'live', started_at: new Date(Date.now() - 3e6).toISOString(), viewers: 1284, health: goodHealth() });
}
const origin = process.argv[2] ?? site.url;

const { rows } = await (await fetch(`${origin}/api/v1/titles?rows=1`)).json();
const items = rows.flatMap((row) => row.items);
const idOf = (is) => items.find(is)?.id;
const film = idOf((title) => title.kind === 'film');
const series = idOf((title) => title.kind === 'series');
const live = idOf((title) => title.status === 'live');
const soon = idOf((title) => title.status === 'scheduled');
const pages = { home: '/', film: `/title/${film}`, series: `/title/${series ?? film}`, watch: `/watch/${film}`, search: '/?q=e', operator: '/operator', desk: '/operator/live',
    editor: `/operator/titles/${film}`, missing: '/no/such/page', ...(live ? { event: `/title/${live}`, live: `/watch/${live}`, channel: `/operator/live/${live}` } : {}),
    ...(soon ? { soon: `/title/${soon}`, countdown: `/watch/${soon}` } : {}) };
const looks = {
    desk: { viewport: { width: 1440, height: 900 }, colorScheme: 'light', lang: 'en' },
    'desk-dark': { viewport: { width: 1440, height: 900 }, colorScheme: 'dark', lang: 'de' },
    phone: { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, colorScheme: 'light', lang: 'en', hasTouch: true },
    'phone-zh': { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, colorScheme: 'dark', lang: 'zh', hasTouch: true },
    'phone-th': { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, colorScheme: 'light', lang: 'th', hasTouch: true },
};
const browser = await launch();
let state; // the operator's cookie: a code works once
if (process.argv[3]) {
    const context = await open(browser);
    const page = await visit(context, `${origin}/operator/enter#code=${process.argv[3]}`);
    await page.waitForURL('**/operator');
    state = await context.storageState();
    await context.close();
}
for (const [look, { lang, ...options }] of Object.entries(looks)) {
    const context = await open(browser, { ...options, ...(state ? { storageState: state } : {}) });
    for (const [name, address] of Object.entries(pages)) {
        const page = await visit(context, `${origin}${address}${address.includes('?') ? '&' : '?'}lang=${lang}`);
        if (name === 'watch' || name === 'live') await page.waitForFunction(() => document.querySelector('video')?.readyState > 2 && document.querySelector('video').currentTime > 1);
        await page.waitForLoadState('networkidle', { timeout: 2500 }).catch(() => undefined);
        if (name === 'live') {
            // The controls, and a moment of before over the bar.
            const box = await page.locator('.live-bar').boundingBox();
            for (const part of [0.4, 0.6]) await page.mouse.move(box.x + box.width * part, box.y + box.height / 2);
            await page.waitForSelector('.live-bar .picture', { timeout: 3000 }).catch(() => undefined);
        } else if (name === 'watch') await page.mouse.move(300, 300);
        await page.screenshot({ path: path.join(out, `${name}-${look}.png`), fullPage: name === 'channel' });
        await page.close();
    }
    await context.close();
}
await browser.close();
await site?.stop();
console.log(out);
