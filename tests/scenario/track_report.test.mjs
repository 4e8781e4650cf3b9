// SPDX-License-Identifier: AGPL-3.0-or-later
// A sprint that never took place, from pictures to the coach's page: `track synth`, `track`, `track report`. What the files say is compared with the truth that
// synth wrote beside them, by other code than the program's.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync, mkdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { program } from './lib/server.mjs'

const folder = mkdtempSync(join(tmpdir(), 'grandstand-report-'))
after(() => rmSync(folder, { recursive: true, force: true }))
const run = (...args) => spawnSync(program, args, { encoding: 'utf8', maxBuffer: 1 << 28 })

const scene = join(folder, 'scene.json')
const meeting = join(folder, 'meeting')
const out = join(folder, 'out')
writeFileSync(scene, JSON.stringify({ seed: 5, seconds: 2.5, rate: 60, athletes: 2, speed_min: 9, speed_max: 9.6, move: ['run', 'sprint'], noise_px: 1.5, missing: 0.1, does_follow: true, focal_px: 5000,
  cameras: [{ at: [-10, -6, 4], look: [0, 0, 1] }, { at: [6, -16, 4], look: [0, 0, 1] }, { at: [12, 16, 5], look: [0, 0, 1] }, { at: [30, 6, 5], look: [0, 0, 1] }] }))

test('key points become contacts, steps and speed', () => {
  assert.equal(run('track', 'synth', scene, '--out', meeting).status, 0)
  const r = run('track', '--calibration', join(meeting, 'calibration.json'), '--keypoints', ...[1, 2, 3, 4].map((c) => join(meeting, `cam0${c}_json`)), '--out', out, '--sex', 'm', '--lines', '2,5,10', '--json')
  assert.equal(r.status, 0, r.stderr)
  const said = JSON.parse(r.stdout)
  assert.deepEqual(said.people.map((p) => p.gait.kind), ['running', 'running'])
  const truths = [1, 2].map((n) => JSON.parse(readFileSync(join(meeting, `truth-${n}.json`), 'utf8')))
  const gaits = said.people.map((p) => JSON.parse(readFileSync(join(out, `person-${p.id}_gait.json`), 'utf8')))
  for (const g of gaits) {
    // whose is it: the truth whose contacts lie where these do
    const truth = truths.find((t) => Math.abs(t.contacts.at(-2).y - g.contacts.at(-2).toe_m[1]) < 0.4)
    assert.ok(truth)
    let compared = 0
    for (const c of truth.contacts.filter((q) => q.touch_down_s > 0.3 && q.toe_off_s < 2.2)) {
      const found = g.contacts.find((q) => q.side === c.side && q.touch_down_s && Math.abs(q.touch_down_s.value - c.touch_down_s) < 0.05)
      assert.ok(found, `${c.side} ${c.touch_down_s}`)
      assert.ok(Math.abs(found.touch_down_s.value - c.touch_down_s) < 0.025 && Math.abs(found.toe_off_s.value - c.toe_off_s) < 0.02)
      assert.ok(Math.hypot(found.toe_m[0] - c.x, found.toe_m[1] - c.y) < 0.04)
      compared++
    }
    assert.ok(compared >= 4)
    const knee = g.frame_columns.indexOf('knee_flexion_r')
    let sum = 0
    assert.ok(g.frame_rows.slice(10, 140).filter((row) => row[knee] === null).length <= 2)
    for (let f = 10; f < 140; f++) sum += g.frame_rows[f][knee] === null ? 0 : (g.frame_rows[f][knee] - truth.frames[f].angles[truth.angle_names.indexOf('knee_flexion_r')]) ** 2
    assert.ok(Math.sqrt(sum / 130) < 3, `${g.name}: ${Math.sqrt(sum / 130)} from frame ${g.frame_first}`)
    assert.equal(g.splits.length, 3)
  }
  const steps = readFileSync(join(out, 'person-1_steps.csv'), 'utf8').trimEnd().split('\n').map((l) => l.split(','))
  assert.ok(steps.length > 5 && steps.every((row) => row.length === steps[0].length))
})

test('the report is one page that needs nothing else, in four languages', () => {
  for (const [lang, word] of [['en', 'Movement report'], ['de', 'Bewegungsbericht'], ['zh', '动作分析报告'], ['th', 'รายงานการเคลื่อนไหว']]) {
    const file = join(folder, `report-${lang}.html`)
    const r = run('track', 'report', out, '--out', file, '--lang', lang, '--lines', '2,5,10')
    assert.equal(r.status, 0, r.stderr)
    const page = readFileSync(file, 'utf8')
    assert.ok(page.includes(word) && page.includes(`lang="${lang}"`))
    assert.ok(!/<script|https?:|src=|NaN|undefined/.test(page))
    assert.ok((page.match(/<article/g) ?? []).length === 2)
  }
})

test('two athletes are compared, tables lie beside the page, and JSON holds both', () => {
  const [one, two] = ['one', 'two'].map((n) => join(folder, n))
  mkdirSync(one), mkdirSync(two)
  writeFileSync(join(one, 'person-1.points.json'), readFileSync(join(out, 'person-1.points.json')))
  writeFileSync(join(two, 'person-2.points.json'), readFileSync(join(out, 'person-2.points.json')))
  const file = join(folder, 'compared.html')
  const r = run('track', 'report', one, '--compare', two, '--out', file, '--csv', '--json', '--lines', '5,10', '--title', 'Heat <1>')
  assert.equal(r.status, 0, r.stderr)
  const said = JSON.parse(r.stdout)
  assert.equal(said.comparisons.length, 1)
  const d = said.comparisons[0].measures.contact_time
  assert.ok(Math.abs(d.difference.value - (d.b.value - d.a.value)) < 1e-4 && d.difference.se > 0)
  const page = readFileSync(file, 'utf8')
  assert.ok(page.includes('Heat &lt;1&gt;') && page.includes('Comparison') && (page.match(/<article/g) ?? []).length === 2)
  const frames = readFileSync(join(folder, 'compared-person-1-frames.csv'), 'utf8').trimEnd().split('\n')
  assert.equal(frames.length, 1 + said.people[0].frames)
  assert.ok(readdirSync(folder).includes('compared-person-1-steps.csv'))
})

test('a report of a TRC file, and clear words for what cannot be reported', () => {
  const file = join(folder, 'trc.html')
  let r = run('track', 'report', join(out, 'person-1_raw.trc'), '--out', file, '--json')
  assert.equal(r.status, 0, r.stderr)
  assert.equal(JSON.parse(r.stdout).people[0].kind, 'running')
  const empty = join(folder, 'empty')
  mkdirSync(empty)
  const fails = (status, pattern, ...args) => {
    r = run('track', 'report', ...args)
    assert.equal(r.status, status, `${args.join(' ')}: ${r.stderr}`)
    assert.match(r.stderr, pattern)
  }
  fails(3, /points\.json/, empty, '--out', file)
  fails(3, /not there/, join(folder, 'nothing'), '--out', file)
  fails(2, /--lines/, out, '--out', file, '--lines', '10,5')
  fails(2, /--sex/, out, '--out', file, '--sex', 'x')
  fails(2, /--lang/, out, '--out', file, '--lang', 'fr')
  fails(2, /--ground/, out, '--out', file, '--ground', 'deep')
  fails(2, /report\.html/, out)
  const broken = join(folder, 'person-9.points.json')
  writeFileSync(broken, '{"format":"grandstand-points-1","rate":60,"frame_first":0,"frames":3,"joints":["LHip"],"points":[null]}')
  fails(1, /person-9\.points\.json/, broken, '--out', file)
  const strange = join(folder, 'strange.trc')
  writeFileSync(strange, readFileSync(join(out, 'person-1.trc'), 'utf8').replaceAll('LKnee', 'Thing'))
  fails(1, /LKnee/, strange, '--out', file)
})
