// SPDX-License-Identifier: AGPL-3.0-or-later
//
// A film for the pages to play, made once into build/: 40 seconds, two picture sizes, two audio tracks, captions in four
// languages, preview pictures; HLS and DASH.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../..');
export const languages = ['en', 'de', 'zh', 'th'];
export const duration_s = 40;
const captions = { en: 'A line of captions', de: 'Eine Zeile Untertitel', zh: '一行字幕', th: 'คำบรรยายหนึ่งบรรทัด' };
const clock = (s) => `00:00:${String(s).padStart(2, '0')}.000`;
const ffmpeg = (...args) => execFileSync('ffmpeg', ['-v', 'error', '-y', ...args], { stdio: 'inherit' });

/** A folder of build/browser that is made once, whole or not at all: files of tests that run side by side may both make it, and the first one's stays. */
export function makeOnce(name, fill) {
    const folder = path.join(root, 'build/browser', name);
    if (fs.existsSync(path.join(folder, '.whole'))) return folder;
    fs.mkdirSync(path.dirname(folder), { recursive: true });
    const own = fs.mkdtempSync(`${folder}.`);
    fill(own);
    fs.writeFileSync(path.join(own, '.whole'), '');
    try {
        fs.renameSync(own, folder);
    } catch (error) {
        fs.rmSync(own, { recursive: true, force: true });
        if (!fs.existsSync(path.join(folder, '.whole'))) throw error;
    }
    return folder;
}

/** The folder with the presentation; its files are named as ffmpeg names them. */
export const makeFilm = () => makeOnce('film', fillFilm);

function fillFilm(folder) {
    ffmpeg('-f', 'lavfi', '-i', `testsrc2=s=640x360:r=25:d=${duration_s}`, '-f', 'lavfi', '-i', `sine=f=330:d=${duration_s}`,
        '-f', 'lavfi', '-i', `sine=f=550:d=${duration_s}`, '-map', '0:v', '-map', '0:v', '-map', '1:a', '-map', '2:a',
        '-c:v', 'libx264', '-preset', 'ultrafast', '-g', '50', '-keyint_min', '50', '-sc_threshold', '0',
        '-s:v:0', '640x360', '-b:v:0', '900k', '-s:v:1', '320x180', '-b:v:1', '250k', '-c:a', 'aac', '-b:a', '64k',
        '-metadata:s:a:0', 'language=en', '-metadata:s:a:1', 'language=de', '-use_template', '0', '-use_timeline', '0',
        '-single_file', '1', '-seg_duration', '2', '-adaptation_sets', 'id=0,streams=v id=1,streams=2 id=2,streams=3',
        '-hls_playlist', '1', '-f', 'dash', path.join(folder, 'manifest.mpd'));
    ffmpeg('-f', 'lavfi', '-i', `testsrc2=s=160x90:r=1/2:d=${duration_s}`, '-vf', 'tile=5x4', '-frames:v', '1', path.join(folder, 'thumbs-0.jpg'));
    ffmpeg('-f', 'lavfi', '-i', 'gradients=s=1280x720:c0=0x10395a:c1=0xe07a3f:c2=0x1a7a5a:n=3:seed=5', '-frames:v', '1', path.join(folder, 'poster.jpg'));

    const cues = Array.from({ length: duration_s / 2 }, (_, i) => [clock(i * 2), clock(Math.min(duration_s - 1, i * 2 + 2)), i]);
    const header = 'WEBVTT\n\n';
    for (const language of languages) {
        const text = cues.map(([from, to, i]) => `${from} --> ${to}\n${captions[language]} ${i}\n`).join('\n');
        fs.writeFileSync(path.join(folder, `t_${language}.vtt`), header + text);
        fs.writeFileSync(path.join(folder, `t_${language}.m3u8`), `#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:${duration_s}\n`
            + `#EXT-X-PLAYLIST-TYPE:VOD\n#EXTINF:${duration_s},\nt_${language}.vtt\n#EXT-X-ENDLIST\n`);
    }
    fs.writeFileSync(path.join(folder, 'thumbs.vtt'), header
        + cues.map(([from, to, i]) => `${from} --> ${to}\nthumbs-0.jpg#xywh=${(i % 5) * 160},${Math.floor(i / 5) * 90},160,90\n`).join('\n'));

    const edit = (name, change) => fs.writeFileSync(path.join(folder, name), change(fs.readFileSync(path.join(folder, name), 'utf8')));
    edit('master.m3u8', (text) => text
        .replace('NAME="audio_2"', 'NAME="English",LANGUAGE="en",AUTOSELECT=YES').replace('NAME="audio_3"', 'NAME="Deutsch",LANGUAGE="de",AUTOSELECT=YES')
        .replace(/AUDIO="group_A1"$/gm, 'AUDIO="group_A1",SUBTITLES="s"')
        + languages.map((language) => `#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="s",NAME="${language}",LANGUAGE="${language}",DEFAULT=NO,AUTOSELECT=YES,URI="t_${language}.m3u8"\n`).join(''));
    edit('manifest.mpd', (text) => text.replace('</Period>', languages.map((language, i) =>
        `<AdaptationSet id="${10 + i}" contentType="text" mimeType="text/vtt" lang="${language}"><Role schemeIdUri="urn:mpeg:dash:role:2011" value="subtitle"/>`
        + `<Representation id="t${i}" bandwidth="1000"><BaseURL>t_${language}.vtt</BaseURL></Representation></AdaptationSet>`).join('') + '</Period>'));
}
