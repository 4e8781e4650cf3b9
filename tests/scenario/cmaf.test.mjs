// SPDX-License-Identifier: AGPL-3.0-or-later
// Track files and manifests against programs that others wrote: FFmpeg decodes them, three parsers read the playlists.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { after, test } from 'node:test';

const root = fileURLToPath(new URL('../../', import.meta.url));
const copy = join(root, 'build/asan/tests/lib/cmaf_copy');
const media = join(process.env.GRANDSTAND_SHARED_DATA ?? join(root, '../shared/data'), 'media');
const folder = mkdtempSync(join(tmpdir(), 'grandstand-cmaf-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const run = (program, ...args) => execFileSync(program, args, { encoding: 'utf8', maxBuffer: 64 << 20, stdio: ['ignore', 'pipe', 'pipe'] });
const ffmpeg = (...args) => run('ffmpeg', '-v', 'error', '-nostdin', '-y', ...args);

// One hash for each decoded picture, in the order of showing, with its time in milliseconds.
function pictures(file) {
  const text = ffmpeg('-copyts', '-i', file, '-map', '0:v:0', '-vsync', 'passthrough', '-enc_time_base', '1:90000', '-f', 'framemd5', '-');
  return text.split('\n').filter((line) => line && !line.startsWith('#')).map((line) => {
    const [, , pts, , , hash] = line.split(',').map((s) => s.trim());
    return { ms: Number(pts) / 90, hash };
  });
}
const firstSound = (file) => {
  const packet = JSON.parse(run('ffprobe', '-v', 'error', '-select_streams', 'a:0', '-show_entries', 'packet=pts_time', '-read_intervals', '%+#1', '-of', 'json', file));
  return Number(packet.packets[0].pts_time) * 1000;
};
// The samples from time 0 on: FFmpeg leaves out the encoder's priming of plain files by itself, of fragmented ones it does not.
const sound = (file) => run('sh', '-c', `ffmpeg -v error -nostdin -copyts -i "${file}" -map 0:a:0 -af atrim=start=0,asetpts=PTS-STARTPTS -f s16le - 2>/dev/null | head -c 500000 | md5sum`);

function packaged(source) {
  const out = mkdtempSync(join(folder, 'out-'));
  run(copy, source, out);
  return out;
}

function samePicturesAndSound(source) {
  const out = packaged(source);
  const before = pictures(source);
  assert.ok(before.length > 20);
  // The track file, and the same bytes by way of the playlist and its byte ranges.
  for (const file of [join(out, 'v0.mp4'), join(out, 'v0.m3u8')]) {
    const now = pictures(file);
    assert.deepEqual(now.map((p) => p.hash), before.map((p) => p.hash));
    before.forEach((p, i) => assert.ok(Math.abs(now[i].ms - p.ms) < 1, `picture ${i} of ${file}`));
  }
  if (!existsSync(join(out, 'a0.mp4'))) return out;
  // Pictures have kept their times, to the millisecond; so must the sound.
  assert.ok(Math.abs(firstSound(join(out, 'a0.mp4')) - firstSound(source)) < 1, 'sound stays with the picture within a millisecond');
  assert.equal(sound(join(out, 'a0.mp4')).slice(0, 32), sound(source).slice(0, 32), 'the first seconds of sound are the same samples');
  return out;
}

function generated(name, ...args) {
  const file = join(folder, name);
  ffmpeg('-f', 'lavfi', '-i', 'testsrc2=s=320x240:r=25', '-f', 'lavfi', '-i', 'sine=frequency=440:sample_rate=48000', '-t', '8', ...args, file);
  return file;
}
const h264 = ['-c:v', 'libx264', '-preset', 'ultrafast', '-c:a', 'aac', '-b:a', '96k'];

test('B pictures, priming and a moov at the end', () => {
  samePicturesAndSound(generated('b.mp4', ...h264, '-bf', '3', '-g', '30'));
});
test('a moov at the front, all in one GOP', () => {
  const out = samePicturesAndSound(generated('front.mp4', ...h264, '-g', '999', '-sc_threshold', '0', '-movflags', '+faststart'));
  assert.equal(readFileSync(join(out, 'v0.m3u8'), 'utf8').match(/#EXTINF/g).length, 1);
});
test('a fragmented source', () => {
  samePicturesAndSound(generated('fragments.mp4', ...h264, '-bf', '2', '-g', '25', '-movflags', '+frag_keyframe+empty_moov'));
});
test('a QuickTime file', () => {
  samePicturesAndSound(generated('film.mov', ...h264, '-bf', '2', '-g', '50'));
});
test('sound that begins later than the picture', () => {
  const late = join(folder, 'late.mp4');
  ffmpeg('-f', 'lavfi', '-i', 'testsrc2=s=320x240:r=30000/1001', '-itsoffset', '0.75', '-f', 'lavfi', '-i', 'sine=frequency=440:sample_rate=44100', '-t', '8', ...h264, late);
  samePicturesAndSound(late);
});
for (const name of ['bbb_prog_10s.mp4', 'car-detection.mp4']) {
  const file = join(media, name);
  test(`a film that others made: ${name}`, { skip: existsSync(file) ? false : `${file} is not there` }, () => {
    samePicturesAndSound(file);
  });
}
test('a file that ends too early is refused with a sentence', () => {
  const whole = readFileSync(generated('whole.mp4', ...h264, '-movflags', '+faststart'));
  const out = mkdtempSync(join(folder, 'out-'));
  const result = spawnSync('sh', ['-c', `head -c ${Math.floor(whole.length / 2)} "${join(folder, 'whole.mp4')}" > "${join(out, 'half.mp4')}" && exec "${copy}" "${join(out, 'half.mp4')}" "${out}"`], { encoding: 'utf8' });
  assert.equal(result.status, 1);
  assert.match(result.stderr, /(source|file)\.truncated/);
  assert.ok(!existsSync(join(out, 'master.m3u8')));
});

test('playlists and manifests pass three parsers without a warning', () => {
  const require = createRequire(join(root, 'web/package.json'));
  const hls = require('hls-parser');
  const { Parser } = require('m3u8-parser');
  const mpd = require('mpd-parser');
  hls.setOptions({ strictMode: true });
  const golden = join(root, 'tests/golden/manifest');
  const folders = [...readdirSync(golden).map((name) => join(golden, name)), packaged(generated('parsers.mp4', ...h264, '-g', '50'))];
  for (const where of folders) {
    for (const name of readdirSync(where)) {
      const text = () => readFileSync(join(where, name), 'utf8');
      const said = [];
      if (name.endsWith('.m3u8')) {
        const playlist = hls.parse(text());
        assert.equal(playlist.isMasterPlaylist, name === 'master.m3u8');
        const parser = new Parser();
        parser.on('warn', (event) => said.push(event.message));
        parser.push(text());
        parser.end();
        if (name === 'master.m3u8') {
          assert.ok(parser.manifest.playlists.length > 0);
        } else {
          assert.equal(parser.manifest.segments.length, playlist.segments.length);
          assert.ok(parser.manifest.endList);
          for (const segment of playlist.segments) assert.ok(Math.round(segment.duration) <= playlist.targetDuration);
        }
      } else if (name.endsWith('.mpd')) {
        const parsed = mpd.parse(text(), { manifestUri: 'http://127.0.0.1/manifest.mpd', eventHandler: (event) => said.push(event.message) });
        assert.ok(parsed.playlists.length > 0 || Object.keys(parsed.mediaGroups.AUDIO.audio).length > 0);
        run('xmllint', '--noout', join(where, name));
      }
      assert.deepEqual(said, [], `${where}/${name}`);
    }
  }
});
