// SPDX-License-Identifier: AGPL-3.0-or-later
//
// `grandstand package`: what it prints, what its exit codes say, what it refuses.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { folder, run } from './lib/server.mjs';

const film = (path, ...args) => execFileSync('ffmpeg', ['-v', 'error', '-nostdin', '-y', '-f', 'lavfi', '-i', 'testsrc2=size=320x270:rate=25:duration=4',
  '-f', 'lavfi', '-i', 'sine=duration=4:sample_rate=48000', ...args, path]);
const h264 = ['-c:v', 'libx264', '-preset', 'veryfast', '-g', '50', '-c:a', 'aac'];

test('a file becomes a folder that players can play', (t) => {
  const dir = folder(t), out = join(dir, 'out');
  film(join(dir, 'film.mp4'), ...h264);
  const done = run(['package', join(dir, 'film.mp4'), out, '--json']);
  assert.equal(done.status, 0, done.stderr);
  const answer = JSON.parse(done.stdout);
  assert.deepEqual(answer.tracks.map((track) => [track.file, track.fate]), [['v0.mp4', 'passed'], ['a0.mp4', 'passed']]);
  for (const name of ['master.m3u8', 'manifest.mpd', 'v0.m3u8', 'a0.m3u8', 'v0-iframes.m3u8', 'poster.jpg', 'thumbs.vtt', 'thumbs-0.jpg'])
    assert.ok(statSync(join(out, name)).size > 0, name);
  assert.deepEqual(readdirSync(out).filter((name) => name.endsWith('.part') || name.endsWith('.tmp')), []);
  const seconds = Number(execFileSync('ffprobe', ['-v', 'error', '-show_entries', 'format=duration', '-of', 'csv=p=0', join(out, 'master.m3u8')], { encoding: 'utf8' }));
  assert.ok(Math.abs(seconds - 4) < 0.1, `${seconds} s`);

  const again = run(['package', join(dir, 'film.mp4'), out]);
  assert.equal(again.status, 1);
  assert.match(again.stderr, /--force/);
  assert.equal(run(['package', join(dir, 'film.mp4'), out, '--force']).status, 0);
});

test('the ladder adds what is smaller than the file', (t) => {
  const dir = folder(t), out = join(dir, 'out');
  film(join(dir, 'film.mp4'), ...h264);
  const done = run(['package', join(dir, 'film.mp4'), out, '--ladder', '--no-pictures', '--json']);
  assert.equal(done.status, 0, done.stderr);
  assert.equal(JSON.parse(done.stdout).renditions_added, 1);
  assert.ok(existsSync(join(out, 'v1.m3u8')) && !existsSync(join(out, 'v2.m3u8')) && !existsSync(join(out, 'poster.jpg')));
});

test('another file replaces an old package only by force, and nothing of it stays', (t) => {
  const dir = folder(t), out = join(dir, 'out');
  film(join(dir, 'film.mp4'), ...h264);
  film(join(dir, 'silent.mp4'), '-an', '-c:v', 'libx264', '-preset', 'veryfast');
  assert.equal(run(['package', join(dir, 'film.mp4'), out]).status, 0);
  assert.equal(run(['package', join(dir, 'silent.mp4'), out]).status, 1);
  assert.ok(existsSync(join(out, 'a0.mp4')));
  assert.equal(run(['package', join(dir, 'silent.mp4'), out, '--force']).status, 0);
  assert.ok(!existsSync(join(out, 'a0.mp4')) && !existsSync(join(out, 'a0.m3u8')));
});

test('what cannot be done is said in a sentence, with a code and an exit code', (t) => {
  const dir = folder(t);
  writeFileSync(join(dir, 'empty.mp4'), '');
  writeFileSync(join(dir, 'words.mp4'), 'no film at all\n'.repeat(1000));
  film(join(dir, 'film.mp4'), ...h264);
  mkdirSync(join(dir, 'full'));
  writeFileSync(join(dir, 'full', 'letter.txt'), 'Dear');
  const cases = [
    [['empty.mp4', 'a'], 1, 'media.empty'], [['words.mp4', 'b'], 1, 'media.unknown'], [['nothing.mp4', 'c'], 3, 'package.no_file'],
    [['full', 'd'], 1, 'package.not_a_file'], [['film.mp4', 'full'], 1, 'package.not_empty'],
  ];
  for (const [[input, output], status, code] of cases) {
    const done = run(['package', join(dir, input), join(dir, output), '--json']);
    assert.equal(done.status, status, `${input}: ${done.stdout}${done.stderr}`);
    const { error } = JSON.parse(done.stdout);
    assert.equal(error.code, code);
    assert.match(error.message, /^[A-Z].{15,}\.$/);
  }
  assert.equal(run(['package', join(dir, 'film.mp4')]).status, 2);
});
