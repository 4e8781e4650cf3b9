// SPDX-License-Identifier: AGPL-3.0-or-later
//
// Glass to glass: how old a picture is at the moment it is shown. The test picture paints the time of each frame as cells
// (src/media/testcard/testcard.h); the page reads them back from the video element, frame by frame, and compares with the clock.
// Publisher and browser must run on one machine, or have one clock.
//
//   await startGlass(page);                  // any page with a <video>
//   const seen = await takeGlass(page);      // {frames, read, backwards, stalls, delays_ms}
import { readPaintedClock } from '../../lib/painted_clock.mjs';

/** Reads every frame that is presented from now on. A frame counts as seen when the browser expects to show it. */
export function startGlass(page) {
    return page.evaluate((source) => {
        const read = new Function(`return ${source}`)();
        const video = document.querySelector('video');
        const canvas = new OffscreenCanvas(320, 180);
        const context = canvas.getContext('2d', { willReadFrequently: true });
        const glass = { frames: 0, read: 0, backwards: 0, stalls: 0, delays_ms: [], first: NaN, last: NaN }; // first and last: when they were taken
        globalThis.glass = glass;
        const look = (now, { expectedDisplayTime }) => {
            if (globalThis.glass !== glass) return;
            glass.frames++;
            const shown = Date.now() + Math.max(0, expectedDisplayTime - now);
            context.drawImage(video, 0, 0, canvas.width, canvas.height);
            const taken = read(context.getImageData(0, 0, canvas.width, canvas.height));
            if (taken !== null) {
                glass.read++;
                if (taken < glass.last) glass.backwards++;
                if (Number.isNaN(glass.first)) glass.first = taken;
                glass.last = taken;
                glass.delays_ms.push(shown - taken);
            }
            video.requestVideoFrameCallback(look);
        };
        video.requestVideoFrameCallback(look);
        video.addEventListener('waiting', () => glass.stalls++);
    }, readPaintedClock.toString());
}

/** What was seen since the start, or since it was taken last. */
export function takeGlass(page) {
    return page.evaluate(() => {
        const { frames, read, backwards, stalls, delays_ms } = globalThis.glass;
        Object.assign(globalThis.glass, { frames: 0, read: 0, backwards: 0, stalls: 0, delays_ms: [] });
        return { frames, read, backwards, stalls, delays_ms };
    });
}

export function spreadOf(values) {
    const sorted = [...values].sort((a, b) => a - b);
    const at = (part) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))];
    return { median: at(0.5), p95: at(0.95), least: sorted[0], most: sorted.at(-1) };
}
