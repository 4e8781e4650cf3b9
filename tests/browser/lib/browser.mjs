// SPDX-License-Identifier: AGPL-3.0-or-later
//
// Debian's Chromium, without the browser's own windows around the pages (that is half its work), a fresh profile a run, and pages that
// keep count of what must not happen: violations of the content security policy, errors in the console, layout shifts.
import fs from 'node:fs';
import path from 'node:path';
import { chromium } from '../../../web/node_modules/playwright-core/index.mjs';
import { root } from './media.mjs';

export function launch() {
    return chromium.launch({
        executablePath: '/usr/bin/chromium-headless-shell',
        args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
            '--disable-component-update', '--disable-sync', '--autoplay-policy=no-user-gesture-required'],
    });
}

/** How long a test waits for what must come. On a machine that is busy with other things much comes late; nothing is proved by it. */
const patience_ms = 60_000;

/** For `open`: pages as most people have them. What only moves is a fifth of the work of a page, so the ways on the real server are walked
 *  with it, and the rest without. */
export const moving = { reducedMotion: 'no-preference' };

/** A context whose pages count; `page.faults()` gives what went wrong, `page.shift()` the cumulative layout shift until somebody touches it. */
export async function open(browser, options = {}) {
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, locale: 'en', reducedMotion: 'reduce', ...options });
    context.setDefaultTimeout(patience_ms);
    await context.addInitScript(() => {
        globalThis.violations = [];
        globalThis.shift = 0;
        globalThis.shifted = [];
        addEventListener('securitypolicyviolation', (event) => globalThis.violations.push(`${event.violatedDirective} ${event.blockedURI}`));
        // What moves after somebody has touched the page is what he asked for, however late it comes: half a second is all that the browser
        // itself allows for it.
        let touched_at = Infinity;
        for (const name of ['pointerdown', 'keydown', 'input', 'change']) addEventListener(name, (event) => (touched_at = Math.min(touched_at, event.timeStamp)), { capture: true });
        new PerformanceObserver((list) => {
            for (const entry of list.getEntries()) {
                if (entry.hadRecentInput || entry.startTime > touched_at) continue;
                globalThis.shift += entry.value;
                globalThis.shifted.push(...entry.sources.map(({ node }) => node?.parentElement?.className || node?.nodeName));
            }
        }).observe({ type: 'layout-shift', buffered: true });
    });
    return context;
}

/** After each test: whatever it left open, also by failing, must not play on into the next one. */
export const closeAll = (browser) => Promise.all((browser?.contexts() ?? []).map((context) => context.close()));

/** Waits for what happens on the test's own side: in the stand-in, in a list. */
export async function until(is, what) {
    for (const end = Date.now() + patience_ms; !is(); await new Promise((resolve) => setTimeout(resolve, 5)))
        if (Date.now() > end) throw new Error(`waited in vain for ${what ?? is}`);
}

export async function visit(context, url) {
    const page = await context.newPage();
    const errors = [];
    page.on('pageerror', (error) => errors.push(error.message));
    page.faults = async () => [...errors, ...(await page.evaluate(() => globalThis.violations))];
    page.shift = () => page.evaluate(() => globalThis.shift);
    /** Goes on to another address, as if the page were a new one; that costs less than half of what a new one does. */
    page.turn = async (to) => {
        errors.length = 0;
        await page.goto('about:blank'); // so that an address that differs in its hash only is loaded, too
        await page.goto(to);
        await page.waitForSelector('html[data-ready]');
        await page.waitForFunction(() => [...document.images].every((image) => image.loading === 'lazy' || image.complete));
    };
    await page.turn(url);
    return page;
}

const axe = fs.readFileSync(path.join(root, 'web/node_modules/axe-core/axe.min.js'), 'utf8');

/** What axe-core finds against WCAG 2.2 AA, one line each. */
export async function audit(page) {
    if (!(await page.evaluate(() => 'axe' in globalThis))) await page.evaluate(axe);
    return page.evaluate(async () => {
        const runOnly = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
        const { violations } = await globalThis.axe.run(document, { runOnly, resultTypes: ['violations'] }); // of what passes, nothing need be told
        return violations.flatMap((violation) => violation.nodes.map((node) => `${violation.id}: ${node.target.join(' ')}: ${node.failureSummary}`));
    });
}
