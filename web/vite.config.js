// SPDX-License-Identifier: AGPL-3.0-or-later
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import zlib from 'node:zlib';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';
import { writeWorld } from './world.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));

/** The text catalogue and the map of the world become typed modules before anything imports them. */
function catalogue() {
    return {
        name: 'grandstand-catalogue',
        buildStart() {
            execFileSync(process.execPath, [path.join(here, '../text/generate.mjs'), '--ts', path.join(here, 'src/generated')],
                { stdio: 'inherit' });
            writeWorld(path.join(here, 'src/generated'));
        },
    };
}

/** src/theme.js must run before the first paint, or a dark page flashes white. As an inline script the content
 *  security policy would refuse it and as a module it would come too late, so it is a small file of its own. */
function themeScript() {
    const source = fs.readFileSync(path.join(here, 'src/theme.js'), 'utf8');
    const name = `assets/theme-${createHash('sha256').update(source).digest('hex').slice(0, 8)}.js`;
    return {
        name: 'grandstand-theme',
        generateBundle() {
            this.emitFile({ type: 'asset', fileName: name, source });
        },
        transformIndexHtml: () => [{ tag: 'script', attrs: { src: `/${name}` }, injectTo: 'head-prepend' }],
    };
}

/** The typeface is asked for at once, not when the style sheet has been read: otherwise text would jump. */
function fontPreload() {
    return {
        name: 'grandstand-font',
        transformIndexHtml: {
            order: 'post',
            handler(html, { bundle }) {
                const font = Object.keys(bundle ?? {}).find((name) => /archivo-latin-wdth-normal.*\.woff2$/.test(name));
                if (!font) return html;
                const attrs = { rel: 'preload', as: 'font', type: 'font/woff2', href: `/${font}`, crossorigin: true };
                return { html, tags: [{ tag: 'link', attrs, injectTo: 'head-prepend' }] };
            },
        },
    };
}

/** A .gz beside each file that compresses, so that the server sends it as it is. Without a time stamp inside, the
 *  same sources give the same bytes. */
function precompress() {
    return {
        name: 'grandstand-gzip',
        writeBundle({ dir }, bundle) {
            for (const name of Object.keys(bundle)) {
                if (!/\.(js|css|svg|json)$/.test(name)) continue;
                const file = path.join(dir, name);
                fs.writeFileSync(`${file}.gz`, zlib.gzipSync(fs.readFileSync(file), { level: 9 }));
            }
        },
    };
}

export default defineConfig({
    root: here,
    plugins: [catalogue(), svelte(), themeScript(), fontPreload(), precompress()],
    build: {
        outDir: 'dist',
        emptyOutDir: true,
        target: 'es2022',
        assetsInlineLimit: 0, // a data: address would need a hole in the content security policy
        chunkSizeWarningLimit: 700, // the two players, each in a chunk of its own
        rollupOptions: { output: { hashCharacters: 'hex' } },
    },
});
