// SPDX-License-Identifier: AGPL-3.0-or-later
//
// What a broadcast on the real server takes: a server that listens, a publisher of the built-in test picture, and whether it is seen.
import { spawn } from 'node:child_process';
import net from 'node:net';
import path from 'node:path';
import { program, root, start } from '../../scenario/lib/server.mjs';

async function freePort() {
    const server = net.createServer();
    await new Promise((done) => server.listen(0, '127.0.0.1', done));
    const { port } = server.address();
    await new Promise((done) => server.close(done));
    return port;
}

/** The real server by the wall's clock, with its pages. */
export const startBroadcast = async (t) =>
    start(t, { clock: 'system', args: ['--pages', path.join(root, 'build/pages'), '--rtmp', `127.0.0.1:${await freePort()}`] });

/** The test picture, small enough for a server under AddressSanitizer and a browser on two cores. */
export function publish(t, url) {
    const child = spawn(program, ['publish', '--test', '--size', '640x360', '--gop-s', '1', '--bitrate-kbps', '800', '--keep', url], { stdio: ['ignore', 'ignore', 'pipe'] });
    const ended = new Promise((done) => child.once('exit', done));
    const stop = (signal = 'SIGTERM') => {
        child.kill(signal);
        return ended;
    };
    t.after(() => stop());
    return stop;
}

export const playing = async (page) => {
    await page.waitForFunction(() => {
        const video = document.querySelector('video');
        return video && !video.paused && video.readyState >= 3;
    });
    const at = await page.evaluate(() => document.querySelector('video').currentTime);
    await page.waitForFunction((from) => document.querySelector('video').currentTime > from + 0.5, at);
};
export const atEdge = (page, is) => page.waitForSelector(`[data-edge=${is}]`);
