// SPDX-License-Identifier: AGPL-3.0-or-later
// Athletes in 3D on the command line: three cameras that we compute here see a person that we compute here; the program
// must give the points back, in a TRC file that is parsed here by other code than its own.
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'

const program = process.env.GRANDSTAND ?? join(import.meta.dirname ?? new URL('.', import.meta.url).pathname, '../../build/grandstand')
const folder = mkdtempSync(join(tmpdir(), 'grandstand-track-'))
after(() => rmSync(folder, { recursive: true, force: true }))

const unit = (a) => a.map((x) => x / Math.hypot(...a))
const cross = (a, b) => [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2]

const cameras = [0, 1.4, 3].map((angle, i) => {
  const centre = [7 * Math.cos(angle), 7 * Math.sin(angle), 2]
  const z = unit([0 - centre[0], 0 - centre[1], 1 - centre[2]])
  const x = unit(cross(z, [0, 0, 1]))
  const rotation = [x, cross(z, x), z]
  return { name: `cam_${i + 1}`, rotation, translation: rotation.map((r) => -dot(r, centre)) }
})
const point = (joint, frame) => [0.02 * joint + 0.03 * frame, 0.3 - 0.01 * joint, 0.6 + 0.04 * joint + 0.005 * Math.sin(frame)]
const project = (c, p) => {
  const q = c.rotation.map((r, k) => dot(r, p) + c.translation[k])
  return [960 + (1400 * q[0]) / q[2], 540 + (1400 * q[1]) / q[2]]
}

const calibration = join(folder, 'rig.json')
writeFileSync(calibration, JSON.stringify({
  up: 'z',
  cameras: cameras.map((c) => ({ name: c.name, width: 1920, height: 1080, lens: { model: 'perspective', fx: 1400, fy: 1400, cx: 960, cy: 540 },
    rotation: c.rotation.flat(), translation: c.translation })),
}))
const keypoints = cameras.map((c, i) => {
  const dir = join(folder, `cam${i + 1}_json`)
  mkdirSync(dir)
  for (let f = 0; f < 30; f++) {
    const person = []
    for (let j = 0; j < 26; j++) person.push(...project(c, point(j, f)), 0.9)
    writeFileSync(join(dir, `x.${String(f).padStart(4, '0')}.json`), JSON.stringify({ version: 1.3, people: [{ pose_keypoints_2d: person }] }))
  }
  return dir
})
const run = (...args) => spawnSync(program, args, { encoding: 'utf8' })

test('key points of three cameras become the person that was there', () => {
  const out = join(folder, 'out')
  // the folders are given out of order: names decide
  const r = run('track', '--calibration', calibration, '--keypoints', keypoints[2], keypoints[0], keypoints[1], '--out', out, '--compat', 'pose2sim', '--fps', '50')
  assert.equal(r.status, 0, r.stderr)
  const lines = readFileSync(join(out, 'person-1.trc'), 'utf8').trimEnd().split('\n').map((l) => l.split('\t'))
  const names = lines[3].slice(2).filter((n) => n)
  assert.equal(names.length, 22)
  const wrist = names.indexOf('RWrist')
  assert.equal(lines.length, 5 + 30)
  for (let f = 0; f < 30; f++) {
    const row = lines[5 + f].map(Number)
    assert.equal(row[0], f + 1)
    assert.ok(Math.abs(row[1] - (f + 1) / 50) < 1e-12)
    const [x, y, z] = point(10, f)
    const found = row.slice(2 + 3 * wrist, 5 + 3 * wrist)
    assert.ok(Math.hypot(found[0] - y, found[1] - z, found[2] - x) < 1e-5) // y up
  }
  const same = JSON.parse(execFileSync(program, ['track', 'evaluate', join(out, 'person-1.trc'), join(out, 'person-1.trc'), '--json'], { encoding: 'utf8' }))
  assert.equal(same.compared, 22 * 30)
  assert.equal(same.max_mm, 0)
})

test('a meeting that never took place is followed, and each athlete is found again', () => {
  const scene = join(folder, 'scene.json')
  writeFileSync(scene, JSON.stringify({ seed: 3, seconds: 0.8, athletes: 3, on_the_spot: true, noise_px: 2, missing: 0.1,
    cameras: [0, 1.6, 3.1, 4.7].map((a) => ({ at: [12 * Math.cos(a), 12 * Math.sin(a), 3], look: [0, 0, 1] })) }))
  const meeting = join(folder, 'meeting')
  const out = join(folder, 'followed')
  const made = run('track', 'synth', scene, '--out', meeting, '--json')
  assert.equal(made.status, 0, made.stderr)
  const { bound_mm, frames } = JSON.parse(made.stdout)
  const r = run('track', '--calibration', join(meeting, 'calibration.json'), '--keypoints', ...[1, 2, 3, 4].map((i) => join(meeting, `cam0${i}_json`)), '--out', out, '--json')
  assert.equal(r.status, 0, r.stderr)
  assert.equal(JSON.parse(r.stdout).people.length, 3)
  const found = new Set()
  for (let athlete = 1; athlete <= 3; athlete++) {
    for (let person = 1; person <= 3; person++) {
      const d = JSON.parse(run('track', 'evaluate', join(out, `person-${person}.trc`), join(meeting, `truth-${athlete}.trc`), '--json').stdout)
      if (d.mpjpe_mm > 300) continue
      assert.ok(d.rms_mm < bound_mm, `${d.rms_mm} against ${bound_mm}`) // smoothing knows more than a single frame
      assert.ok(d.compared > 0.95 * frames * 26)
      found.add(athlete)
    }
  }
  assert.equal(found.size, 3)
})

test('cameras that did not start together are synchronised from the movements', () => {
  const scene = join(folder, 'free.json')
  const clocks = [{}, { offset_s: 0.2137, row_s: 1e-5 }, { offset_s: -0.1291, rate: 50 }, { offset_s: 0.0968, drift: 5e-5 }]
  writeFileSync(scene, JSON.stringify({ seed: 8, seconds: 2, athletes: 2, speed_min: 5, speed_max: 6, lane_m: 1.5, noise_px: 1.5, missing: 0.1, focal_px: 1400, width: 1920, height: 1080,
    cameras: [0.4, 1.9, 3.5, 5].map((a, i) => ({ at: [4 + 16 * Math.cos(a), 16 * Math.sin(a), 3], look: [4, 0, 1], ...clocks[i] })) }))
  const meeting = join(folder, 'free'), out = join(folder, 'synced')
  assert.equal(run('track', 'synth', scene, '--out', meeting).status, 0)
  const r = run('track', '--calibration', join(meeting, 'calibration-unsynchronised.json'), '--keypoints', ...[1, 2, 3, 4].map((i) => join(meeting, `cam0${i}_json`)),
    '--out', out, '--fps', '60,60,50,60', '--sync', '--refine', '--no-skeleton', '--format', 'trc', '--json')
  assert.equal(r.status, 0, r.stderr)
  const report = JSON.parse(r.stdout)
  assert.ok(report.synchronisation.every((c) => c.is_known))
  const found = report.refinement.cameras
  found.forEach((c, i) => {
    // in the middle of picture and take, against the first camera
    const at = (k) => (k.offset_s ?? 0) + (k.drift ?? 0) + 540 * (k.row_s ?? 0)
    const off = (at(c) - at(found[0]) - at(clocks[i]) + at(clocks[0])) * 60
    assert.ok(Math.abs(off) < 0.15, `${c.name} is ${off} frames off`)
    assert.ok(c.after_px < 4, JSON.stringify(c))
  })
  assert.equal(report.people.length, 2)
  const written = JSON.parse(readFileSync(join(out, 'calibration.json'), 'utf8'))
  assert.equal(written.cameras[2].clock.rate, 50)
  const bad = run('track', '--calibration', join(meeting, 'calibration-unsynchronised.json'), '--keypoints', ...[1, 2, 3, 4].map((i) => join(meeting, `cam0${i}_json`)), '--out', out, '--fps', '60,60')
  assert.equal(bad.status, 2)
  assert.match(bad.stderr, /--fps/)
})

test('a calibration goes through every format and comes back', () => {
  let from = calibration
  for (const name of ['a.toml', 'b.yml', 'c.qca.txt', 'd.json']) {
    const to = join(folder, name)
    const r = run('calibrate', 'convert', from, to)
    assert.equal(r.status, 0, r.stderr)
    from = to
  }
  const rig = JSON.parse(readFileSync(from, 'utf8'))
  rig.cameras.forEach((c, i) => {
    assert.equal(c.name, cameras[i].name)
    c.translation.forEach((t, k) => assert.ok(Math.abs(t - cameras[i].translation[k]) < 1e-9))
  })
})

test('what is wrong is said, with the file and what to do', () => {
  const out = join(folder, 'none')
  const broken = join(folder, 'broken.toml')
  writeFileSync(broken, '[cam_1]\nmatrix = [[1, 0], [0, 1]]\n')
  let r = run('track', '--calibration', broken, '--keypoints', keypoints[0], keypoints[1], keypoints[2], '--out', out, '--compat', 'pose2sim')
  assert.equal(r.status, 1)
  assert.match(r.stderr, /broken\.toml, line 2: Camera cam_1/)
  r = run('track', '--calibration', calibration, '--keypoints', keypoints[0], '--out', out, '--compat', 'pose2sim')
  assert.equal(r.status, 2)
  assert.match(r.stderr, /3 cameras, 1 recordings/)
  writeFileSync(join(keypoints[1], 'x.0030.json'), '{"people":[{"pose_keypoints_2d":[1,2,')
  r = run('track', '--calibration', calibration, '--keypoints', ...keypoints, '--out', out, '--compat', 'pose2sim')
  assert.equal(r.status, 1)
  assert.match(r.stderr, /x\.0030\.json/)
  r = run('calibrate', 'convert', join(folder, 'absent.toml'), join(folder, 'e.json'))
  assert.equal(r.status, 3)
  r = run('calibrate', 'turn', 'a', 'b')
  assert.equal(r.status, 2)
})
