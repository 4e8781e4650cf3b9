// SPDX-License-Identifier: AGPL-3.0-or-later
//
// Pictures of every page for people to look at: desk and phone, day and night, in each script. Written to
// build/screenshots. Usage: node tests/browser/screenshots.mjs [ORIGIN]   (without one, against the stand-in)
import fs from 'node:fs';
import path from 'node:path';
import { launch, open, visit } from './lib/browser.mjs';
import { root } from './lib/media.mjs';
import { StandIn } from './lib/stand_in.mjs';

const out = path.join(root, 'build/screenshots');
fs.mkdirSync(out, { recursive: true });
const site = process.argv[2] ? null : await new StandIn().start();
if (site) site.isOperator = true;
const origin = process.argv[2] ?? site.url;

const { rows } = await (await fetch(`${origin}/api/v1/titles?rows=1`)).json();
const items = rows.flatMap((row) => row.items);
const film = items.find((title) => title.kind === 'film')?.id;
const series = items.find((title) => title.kind === 'series')?.id;
const pages = { home: '/', film: `/title/${film}`, series: `/title/${series ?? film}`, watch: `/watch/${film}`, search: '/?q=e', operator: '/operator',
    editor: `/operator/titles/${film}`, missing: '/no/such/page' };
const looks = {
    desk: { viewport: { width: 1440, height: 900 }, colorScheme: 'light', lang: 'en' },
    'desk-dark': { viewport: { width: 1440, height: 900 }, colorScheme: 'dark', lang: 'de' },
    phone: { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, colorScheme: 'light', lang: 'en', hasTouch: true },
    'phone-zh': { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, colorScheme: 'dark', lang: 'zh', hasTouch: true },
    'phone-th': { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, colorScheme: 'light', lang: 'th', hasTouch: true },
};
const browser = await launch();
for (const [look, { lang, ...options }] of Object.entries(looks)) {
    const context = await open(browser, options);
    for (const [name, address] of Object.entries(pages)) {
        const page = await visit(context, `${origin}${address}${address.includes('?') ? '&' : '?'}lang=${lang}`);
        if (name === 'watch') await page.waitForFunction(() => document.querySelector('video')?.currentTime > 1);
        await page.waitForLoadState('networkidle', { timeout: 3000 }).catch(() => undefined);
        await page.screenshot({ path: path.join(out, `${name}-${look}.png`) });
        await page.close();
    }
    await context.close();
}
await browser.close();
await site?.stop();
console.log(out);
