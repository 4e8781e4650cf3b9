// SPDX-License-Identifier: AGPL-3.0-or-later
// The playlists of each second of random live events, and of their recordings, against parsers that others wrote, and against each other.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { after, test } from 'node:test';

const root = fileURLToPath(new URL('../../', import.meta.url));
const program = join(root, 'build/asan/tests/unit/media/live/live_session');
const folder = mkdtempSync(join(tmpdir(), 'grandstand-live-views-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const require = createRequire(join(root, 'web/package.json'));
const hls = require('hls-parser');
const { Parser } = require('m3u8-parser');
const mpd = require('mpd-parser');
hls.setOptions({ strictMode: true });

function session(seed) {
  const out = mkdtempSync(join(folder, `s${seed}-`));
  execFileSync(program, [out, String(seed)], { stdio: ['ignore', 'pipe', 'ignore'] });
  return { out, names: readdirSync(out).sort(), text: (name) => readFileSync(join(out, name), 'utf8') };
}

function parse(name, text) {
  try {
    return hls.parse(text);
  } catch (e) {
    throw new Error(`${name}: ${e.message}\n${text}`);
  }
}

function viaM3u8(name, text) {
  const parser = new Parser();
  const warnings = [];
  parser.on('warn', (w) => warnings.push(w.message));
  parser.on('error', (e) => warnings.push(e.message));
  parser.push(text);
  parser.end();
  assert.deepEqual(warnings, [], name);
  return parser.manifest;
}

// Our own reading, for what the parsers leave out: segments by number with all that is told of them.
function read(text) {
  const list = { segments: new Map(), parts: [], skipped: 0, first: 0, hint: null, ended: false, open: [] };
  let number = 0, run = 0, map = null, gap = false, parts = [];
  for (const line of text.split('\n')) {
    const value = line.slice(line.indexOf(':') + 1);
    if (line.startsWith('#EXT-X-MEDIA-SEQUENCE:')) number = list.first = Number(value);
    else if (line.startsWith('#EXT-X-DISCONTINUITY-SEQUENCE:')) run = Number(value);
    else if (line.startsWith('#EXT-X-SKIP:')) number += list.skipped = Number(value.split('=')[1]);
    else if (line === '#EXT-X-DISCONTINUITY') run++;
    else if (line.startsWith('#EXT-X-MAP:')) map = value;
    else if (line === '#EXT-X-GAP') gap = true;
    else if (line.startsWith('#EXT-X-PART:')) {
      const [, duration, uri, len, offset, rest] = /^DURATION=([\d.]+),URI="([^"]+)",BYTERANGE="(\d+)@(\d+)"(.*)$/.exec(value);
      parts.push({ duration: Number(duration), uri, len: Number(len), offset: Number(offset), independent: rest === ',INDEPENDENT=YES' });
    } else if (line.startsWith('#EXTINF:')) list.duration = Number(value.slice(0, -1));
    else if (line.startsWith('#EXT-X-PRELOAD-HINT:')) list.hint = /URI="([^"]+)",BYTERANGE-START=(\d+)/.exec(value).slice(1);
    else if (line === '#EXT-X-ENDLIST') list.ended = true;
    else if (line && !line.startsWith('#')) {
      list.segments.set(number++, { uri: line, duration: list.duration, run, map, gap, parts });
      gap = false;
      parts = [];
    }
  }
  list.open = parts;
  list.end = number;
  return list;
}

function checkMedia(name, list) {
  for (const [number, s] of list.segments) {
    assert.ok(Math.round(s.duration) <= 2, `${name}: segment ${number} is ${s.duration} s long`);
    assert.match(s.uri, new RegExp(`^[va]0-${number}\\.m4s$`));
  }
  for (const [number, parts] of [...[...list.segments].map(([n, s]) => [n, s.parts]), [list.end, list.open]]) {
    let offset = 0, sum = 0;
    for (const part of parts) {
      assert.equal(part.offset, offset, `${name}: ${number}`);
      assert.ok(part.duration <= 0.334, `${name}: a part of ${part.duration} s`);
      assert.match(part.uri, new RegExp(`^[va]0-${number}\\.m4s$`));
      offset += part.len;
      sum += part.duration;
    }
    const segment = list.segments.get(number);
    if (segment && parts.length) assert.ok(Math.abs(sum - segment.duration) < 1e-3 * parts.length + 0.35, `${name}: ${number}: parts ${sum}, segment ${segment.duration}`);
  }
  if (list.hint && list.open.length) {
    const [uri, start] = list.hint;
    const end = list.open.reduce((n, p) => n + p.len, 0);
    assert.ok(uri.endsWith(`-${list.end}.m4s`) ? Number(start) === end : uri.endsWith(`-${list.end + 1}.m4s`) && start === '0', `${name}: hint ${uri} ${start}`);
  } else if (list.hint) {
    assert.ok(list.hint[0].endsWith(`-${list.end}.m4s`) && list.hint[1] === '0', `${name}: hint ${list.hint}`);
  }
}

// A segment that was told once never changes, but for being forgotten.
function checkHistory(name, before, now) {
  if (!before) return;
  assert.ok(now.first >= before.first, name);
  for (const [number, s] of before.segments) {
    const later = now.segments.get(number);
    if (later) assert.deepEqual([later.uri, later.duration, later.run, later.map ?? s.map], [s.uri, s.duration, s.run, s.map], `${name}: ${number}`);
    else assert.ok(number < now.first || (now.skipped && number < now.first + now.skipped), `${name}: ${number} is missing`);
  }
}

// What a player has that knew `before` and loads the delta is what the whole playlist says.
function checkDelta(name, before, delta, whole) {
  if (delta.skipped) { // twelve seconds of playlist stay, however long nobody published in between
    const kept = [...delta.segments.values(), ...delta.open].reduce((sum, s) => sum + s.duration, 0);
    assert.ok(kept >= 11.99, `${name}: a delta of ${kept} s`);
  }
  if (!before || !delta.skipped || before.end < delta.first + delta.skipped) return;
  const merged = new Map();
  for (let n = delta.first; n < delta.first + delta.skipped; n++) merged.set(n, before.segments.get(n));
  for (const [n, s] of delta.segments) merged.set(n, s);
  assert.deepEqual([...merged.keys()], [...whole.segments.keys()], name);
  for (const [n, s] of whole.segments) assert.deepEqual([merged.get(n).uri, merged.get(n).duration, merged.get(n).gap], [s.uri, s.duration, s.gap], `${name}: ${n}`);
}

for (const seed of [1, 2, 3, 4, 5, 6]) {
  test(`event ${seed}: every playlist of every second is understood`, () => {
    const { names, text } = session(seed);
    let deltas = 0, checked = 0;
    for (const name of names) {
      if (name.endsWith('.mpd')) {
        const uri = 'http://localhost/media/manifest.mpd';
        const parsed = mpd.parse(text(name), { manifestUri: uri, eventHandler: ({ type, message }) => assert.fail(`${name}: ${type} ${message}`) });
        assert.ok(parsed.playlists.length + Object.keys(parsed.mediaGroups.AUDIO).length > 0, name);
        continue;
      }
      const playlist = parse(name, text(name));
      const manifest = viaM3u8(name, text(name));
      checked++;
      if (playlist.isMasterPlaylist) {
        assert.ok(playlist.variants.length >= 1);
        for (const v of playlist.variants) assert.ok(v.bandwidth > 0 && v.codecs);
        continue;
      }
      if (name.includes('iframes')) continue;
      const list = read(text(name));
      if (name.startsWith('recording')) {
        assert.ok(list.ended && manifest.endList);
        assert.equal(manifest.playlistType, 'VOD');
        checkMedia(name, list);
        continue;
      }
      if (name.includes('delta')) {
        if (list.skipped) deltas++;
        continue;
      }
      assert.equal(manifest.targetDuration, 2);
      assert.equal(manifest.mediaSequence, list.first);
      assert.equal(manifest.discontinuitySequence, playlist.discontinuitySequenceBase);
      assert.equal(playlist.segments.filter((segment) => segment.uri).length, list.segments.size, name);
      checkMedia(name, list);
    }
    // In the order of time, delta after delta.
    const seconds = [...new Set(names.filter((n) => /^\d/.test(n)).map((n) => n.slice(0, 4)))];
    for (const track of ['v0', 'a0']) {
      let before = null;
      for (const second of seconds) {
        if (!names.includes(`${second}-${track}.m3u8`)) continue;
        const whole = read(text(`${second}-${track}.m3u8`));
        checkHistory(`${second}-${track}`, before, whole);
        checkDelta(`${second}-${track}`, before, read(text(`${second}-delta-${track}.m3u8`)), whole);
        before = whole;
      }
      if (before) assert.ok(before.ended);
    }
    assert.ok(checked > 60 && deltas > 5, `${checked} playlists, ${deltas} deltas`);
  });
}
