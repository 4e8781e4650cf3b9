// SPDX-License-Identifier: AGPL-3.0-or-later
//
// nginx with its RTMP module, as a peer: unpacked from their Debian packages into build/peers/nginx-rtmp, once. Nothing is installed.
'use strict';
const { execFileSync, spawnSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const { join, resolve } = require('node:path');

const root = resolve(__dirname, '../..');

/** {program, libraries (for LD_LIBRARY_PATH), module} */
function unpackNginxRtmp() {
    const home = join(root, 'build/peers/nginx-rtmp'), made = join(home, 'root/usr/sbin/nginx');
    if (!fs.existsSync(made)) {
        const download = join(home, 'download');
        fs.rmSync(home, { recursive: true, force: true });
        fs.mkdirSync(download, { recursive: true });
        const depends = execFileSync('apt-cache', ['depends', 'nginx', 'libnginx-mod-rtmp'], { encoding: 'utf8' });
        const libraries = [...new Set([...depends.matchAll(/^ *Depends: (lib\S+)$/gm)].map((match) => match[1]))]
            .filter((name) => !spawnSync('dpkg-query', ['-W', '-f=${Status}', name], { encoding: 'utf8' }).stdout.startsWith('install ok installed'));
        execFileSync('apt-get', ['download', '-qq', 'nginx', 'nginx-common', 'libnginx-mod-rtmp', ...libraries], { cwd: download, stdio: ['ignore', 'ignore', 'pipe'] });
        for (const file of fs.readdirSync(download)) execFileSync('dpkg', ['-x', join(download, file), join(home, 'new')]);
        fs.rmSync(download, { recursive: true });
        fs.renameSync(join(home, 'new'), join(home, 'root'));
    }
    const architecture = os.arch() === 'arm64' ? 'aarch64' : 'x86_64';
    return { program: made, libraries: join(home, 'root/usr/lib', `${architecture}-linux-gnu`), module: join(home, 'root/usr/lib/nginx/modules/ngx_rtmp_module.so') };
}

module.exports = { unpackNginxRtmp };
