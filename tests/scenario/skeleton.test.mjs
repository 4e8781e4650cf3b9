// SPDX-License-Identifier: AGPL-3.0-or-later
// The skeleton on the command line: what the program writes of a meeting that never took place is read here by other code than its own, format by format,
// and says the same everywhere.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'

const here = import.meta.dirname ?? new URL('.', import.meta.url).pathname
const program = process.env.GRANDSTAND ?? join(here, '../../build/grandstand')
const folder = mkdtempSync(join(tmpdir(), 'grandstand-skeleton-'))
after(() => rmSync(folder, { recursive: true, force: true }))
const run = (...args) => spawnSync(program, args, { encoding: 'utf8' })
const FRAMES = 48

const meeting = join(folder, 'meeting')
const out = join(folder, 'out')
const keypoints = () => readdirSync(meeting).filter((n) => n.endsWith('_json')).sort().map((n) => join(meeting, n))
let report

before(() => {
  const scene = JSON.parse(readFileSync(join(here, '../../bench/scenes/ring.json'), 'utf8'))
  writeFileSync(join(folder, 'scene.json'), JSON.stringify({ ...scene, athletes: 2, seconds: FRAMES / 60 }))
  const made = run('track', 'synth', join(folder, 'scene.json'), '--out', meeting)
  assert.equal(made.status, 0, made.stderr)
  const r = run('track', '--calibration', join(meeting, 'calibration.json'), '--keypoints', ...keypoints(), '--out', out, '--format', 'all', '--json')
  assert.equal(r.status, 0, r.stderr)
  report = JSON.parse(r.stdout)
})

// ---- readers ----

const sub = (a, b) => a.map((x, i) => x - b[i])
const dot = (a, b) => a.reduce((s, x, i) => s + x * b[i], 0)
const distance = (a, b) => Math.hypot(...sub(a, b))

function readTrc(path) {
  const lines = readFileSync(path, 'utf8').trimEnd().split('\n').map((l) => l.split('\t'))
  const head = Object.fromEntries(lines[1].map((k, i) => [k, lines[2][i]]))
  const names = lines[3].slice(2).filter(Boolean)
  assert.equal(Number(head.NumMarkers), names.length)
  assert.equal(head.Units, 'm')
  const frames = lines.slice(5).map((row) => names.map((_, k) => row.slice(2 + 3 * k, 5 + 3 * k).map((x) => (x === '' ? NaN : Number(x)))))
  assert.equal(Number(head.NumFrames), frames.length)
  return { names, frames, rate: Number(head.DataRate) }
}

function readC3d(path) {
  const bytes = readFileSync(path)
  assert.equal(bytes.length % 512, 0)
  assert.deepEqual([bytes[0], bytes[1]], [2, 0x50])
  const points = bytes.readUInt16LE(2)
  const count = bytes.readUInt16LE(8) - bytes.readUInt16LE(6) + 1
  assert.equal(bytes.readUInt16LE(4), 0, 'no analog data')
  assert.ok(bytes.readFloatLE(12) < 0, 'real numbers')
  const start = (bytes.readUInt16LE(16) - 1) * 512
  // parameters: groups first, then by name
  assert.equal(bytes[512 + 3], 84)
  const groups = {}, parameters = []
  for (let at = 516; bytes[at]; ) {
    const letters = Math.abs(bytes.readInt8(at)), id = bytes.readInt8(at + 1), name = bytes.toString('latin1', at + 2, at + 2 + letters), link = at + 2 + letters
    if (id < 0) groups[-id] = name
    else {
      const type = bytes.readInt8(link + 2), sizes = [...bytes.subarray(link + 4, link + 4 + bytes[link + 3])], data = link + 4 + sizes.length
      parameters.push({ id, name, type, sizes, data })
    }
    const step = bytes.readUInt16LE(link)
    if (!step) break
    at = link + step
  }
  const parameter = (group, name) => parameters.find((p) => groups[p.id] === group && p.name === name)
  const text = (p) => bytes.toString('latin1', p.data, p.data + p.sizes[0])
  assert.equal(text(parameter('POINT', 'UNITS')), 'mm')
  assert.equal(bytes.readUInt16LE(parameter('POINT', 'DATA_START').data), bytes.readUInt16LE(16))
  assert.equal(bytes.readUInt16LE(parameter('POINT', 'USED').data), points)
  const labels = parameter('POINT', 'LABELS')
  const names = Array.from({ length: labels.sizes[1] }, (_, i) => bytes.toString('latin1', labels.data + i * labels.sizes[0], labels.data + (i + 1) * labels.sizes[0]).trimEnd())
  const frames = Array.from({ length: count }, (_, f) => Array.from({ length: points }, (_, k) => {
    const at = start + (f * points + k) * 16
    return bytes.readFloatLE(at + 12) < 0 ? [NaN, NaN, NaN] : [0, 4, 8].map((o) => bytes.readFloatLE(at + o) / 1000)
  }))
  return { names, frames, rate: bytes.readFloatLE(20) }
}

function readMot(path) {
  const lines = readFileSync(path, 'utf8').trimEnd().split('\n')
  const end = lines.indexOf('endheader')
  const head = Object.fromEntries(lines.slice(0, end).filter((l) => l.includes('=')).map((l) => l.split('=')))
  const names = lines[end + 1].split('\t'), rows = lines.slice(end + 2).map((l) => l.split('\t').map(Number))
  assert.equal(lines[0], 'Coordinates')
  assert.equal(names[0], 'time')
  assert.equal(Number(head.nRows), rows.length)
  assert.equal(Number(head.nColumns), names.length)
  assert.equal(head.inDegrees, 'yes')
  return { names, rows, column: (name) => rows.map((r) => r[names.indexOf(name)]) }
}

const product = (a, b) => [0, 1, 2].map((i) => [0, 1, 2].map((j) => a[i][0] * b[0][j] + a[i][1] * b[1][j] + a[i][2] * b[2][j]))
const apply = (m, v) => m.map((r) => dot(r, v))
const add = (a, b) => a.map((x, i) => x + b[i])
function axisTurn(axis, degrees) {
  const a = (degrees * Math.PI) / 180, c = Math.cos(a), s = Math.sin(a)
  return { X: [[1, 0, 0], [0, c, -s], [0, s, c]], Y: [[c, 0, s], [0, 1, 0], [-s, 0, c]], Z: [[c, -s, 0], [s, c, 0], [0, 0, 1]] }[axis]
}

// Plays a BVH: places of all joints in each frame, metres.
function playBvh(path) {
  const words = readFileSync(path, 'utf8').split(/\s+/).filter(Boolean)
  let at = 1
  const joints = []
  const channels = []
  function joint(parent) {
    const index = joints.length
    const me = { name: words[at + 1], parent, offset: [0, 0, 0] }
    joints.push(me)
    assert.equal(words[at + 2], '{')
    at += 3
    for (;;) {
      if (words[at] === 'OFFSET') me.offset = words.slice(at + 1, at + 4).map(Number), at += 4
      else if (words[at] === 'CHANNELS') {
        const n = Number(words[at + 1])
        for (let i = 0; i < n; i++) channels.push([index, words[at + 2 + i]])
        at += 2 + n
      } else if (words[at] === 'JOINT') joint(index)
      else if (words[at] === 'End') at += 8 // Site { OFFSET x y z }
      else {
        assert.equal(words[at++], '}')
        return
      }
    }
  }
  assert.equal(words[0], 'HIERARCHY')
  joint(-1)
  assert.equal(words[at], 'MOTION')
  const count = Number(words[at + 2]), seconds = Number(words[at + 5])
  at += 6
  const frames = []
  for (let f = 0; f < count; f++) {
    const turn = joints.map(() => [[1, 0, 0], [0, 1, 0], [0, 0, 1]]), place = joints.map((j) => j.offset)
    const root = [0, 0, 0]
    for (const [index, name] of channels) {
      const value = Number(words[at++])
      if (name.endsWith('position')) root['XYZ'.indexOf(name[0])] = value
      else turn[index] = product(turn[index], axisTurn(name[0], value))
    }
    const world = [], points = []
    joints.forEach((j, i) => {
      world[i] = j.parent < 0 ? turn[i] : product(world[j.parent], turn[i])
      points[i] = j.parent < 0 ? root : add(points[j.parent], apply(world[j.parent], place[i]))
    })
    frames.push(points.map((p) => p.map((x) => x / 100)))
  }
  assert.equal(at, words.length)
  return { names: joints.map((j) => j.name), frames, rate: 1 / seconds }
}

// Plays a GLB at its own key frames.
function playGlb(path) {
  const bytes = readFileSync(path)
  assert.equal(bytes.toString('latin1', 0, 4), 'glTF')
  assert.equal(bytes.readUInt32LE(8), bytes.length)
  const length = bytes.readUInt32LE(12), gltf = JSON.parse(bytes.toString('utf8', 20, 20 + length)), bin = bytes.subarray(28 + length)
  const read = (index) => {
    const a = gltf.accessors[index], v = gltf.bufferViews[a.bufferView], n = { SCALAR: 1, VEC3: 3, VEC4: 4 }[a.type]
    return Array.from({ length: a.count }, (_, i) => Array.from({ length: n }, (_, k) => bin.readFloatLE(v.byteOffset + 4 * (i * n + k))))
  }
  const animation = gltf.animations[0], by = {}
  for (const c of animation.channels) by[`${c.target.node} ${c.target.path}`] = read(animation.samplers[c.sampler].output)
  const times = read(animation.samplers[0].input).map((t) => t[0])
  const matrix = ([x, y, z, w]) => [[1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)], [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)], [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)]]
  const frames = times.map((_, f) => {
    const places = {}
    const visit = (i, parentTurn, parentPlace) => {
      const node = gltf.nodes[i]
      const at = by[`${i} translation`]?.[f] ?? node.translation ?? [0, 0, 0], turn = matrix(by[`${i} rotation`]?.[f] ?? node.rotation ?? [0, 0, 0, 1])
      const place = add(parentPlace, apply(parentTurn, at)), world = product(parentTurn, turn)
      if (node.name) places[node.name] = place
      for (const c of node.children ?? []) visit(c, world, place)
    }
    visit(gltf.scenes[0].nodes[0], [[1, 0, 0], [0, 1, 0], [0, 0, 1]], [0, 0, 0])
    return places
  })
  return { frames, times, gltf }
}

const people = () => readdirSync(out).filter((n) => /^person-\d+\.trc$/.test(n)).map((n) => join(out, n.slice(0, -4)))

// ---- tests ----

test('each athlete is nearer than 7 mm, on bones that do not change', () => {
  assert.equal(people().length, 2)
  const truths = [1, 2].map((i) => readTrc(join(meeting, `truth-${i}.trc`)))
  for (const person of people()) {
    const mine = readTrc(`${person}.trc`)
    assert.equal(mine.names.length, 26)
    assert.equal(mine.frames.length, FRAMES)
    const means = truths.map((t) => {
      let sum = 0
      for (let f = 0; f < FRAMES; f++) mine.names.forEach((n, k) => { sum += distance(mine.frames[f][k], t.frames[f][t.names.indexOf(n)]) })
      return sum / FRAMES / 26
    })
    assert.ok(Math.min(...means) < 0.007, `${Math.min(...means)}`)
    for (const [a, b] of [['LHip', 'LKnee'], ['RKnee', 'RAnkle'], ['LShoulder', 'LElbow'], ['RElbow', 'RWrist'], ['LAnkle', 'LHeel']]) {
      const lengths = mine.frames.map((p) => distance(p[mine.names.indexOf(a)], p[mine.names.indexOf(b)]))
      assert.ok(Math.max(...lengths) - Math.min(...lengths) < 1e-5)
    }
  }
  for (const p of report.people) {
    assert.ok(p.skeleton.height_m > 1.4 && p.skeleton.height_m < 2.1)
    assert.ok(p.skeleton.reprojection_px < 4)
  }
})

test('C3D, CSV and JSON hold the points of the TRC', () => {
  for (const person of people()) {
    const trc = readTrc(`${person}.trc`), c3d = readC3d(`${person}.c3d`)
    assert.deepEqual(c3d.names, trc.names)
    assert.equal(c3d.frames.length, FRAMES)
    assert.equal(c3d.rate, 60)
    const csv = readFileSync(`${person}.csv`, 'utf8').trimEnd().split('\n').map((l) => l.split(','))
    const json = JSON.parse(readFileSync(`${person}.json`, 'utf8'))
    assert.deepEqual(json.points, trc.names)
    for (let f = 0; f < FRAMES; f++) {
      trc.names.forEach((n, k) => {
        assert.ok(distance(trc.frames[f][k], c3d.frames[f][k]) < 1e-5)
        assert.ok(distance(trc.frames[f][k], csv[f + 1].slice(2 + 3 * k, 5 + 3 * k).map(Number)) < 1e-9)
        assert.ok(distance(trc.frames[f][k], json.frames[f][k]) < 1e-9)
      })
    }
  }
})

test('MOT has the angles that the points show, STO the same rows', () => {
  for (const person of people()) {
    const trc = readTrc(`${person}.trc`), mot = readMot(`${person}.mot`)
    const at = (f, name) => trc.frames[f][trc.names.indexOf(name)]
    assert.equal(mot.rows.length, FRAMES)
    for (const name of ['pelvis_tilt', 'pelvis_list', 'pelvis_rotation', 'pelvis_tx', 'hip_flexion_r', 'hip_adduction_l', 'knee_angle_l', 'ankle_angle_r', 'subtalar_angle_r', 'mtp_angle_l', 'lumbar_extension', 'arm_flex_r', 'elbow_flex_l']) {
      assert.ok(mot.names.includes(name), name)
    }
    const bend = (f, a, b, c) => {
      const u = sub(at(f, b), at(f, a)), v = sub(at(f, c), at(f, b))
      return (Math.acos(dot(u, v) / Math.hypot(...u) / Math.hypot(...v)) * 180) / Math.PI
    }
    for (let f = 0; f < FRAMES; f++) {
      for (const [side, l] of [['l', 'L'], ['r', 'R']]) {
        assert.ok(Math.abs(Math.abs(mot.column(`knee_angle_${side}`)[f]) - bend(f, `${l}Hip`, `${l}Knee`, `${l}Ankle`)) < 0.01)
        assert.ok(Math.abs(Math.abs(mot.column(`elbow_flex_${side}`)[f]) - bend(f, `${l}Shoulder`, `${l}Elbow`, `${l}Wrist`)) < 0.01)
      }
      const middle = at(f, 'LHip').map((x, i) => (x + at(f, 'RHip')[i]) / 2)
      assert.ok(distance(middle, ['pelvis_tx', 'pelvis_ty', 'pelvis_tz'].map((n) => mot.column(n)[f])) < 1e-4)
    }
    // the runner moves the legs against each other: right forward when left is back
    const r = mot.column('hip_flexion_r'), l = mot.column('hip_flexion_l')
    assert.ok(Math.max(...r) - Math.min(...r) > 40 && Math.max(...mot.column('knee_angle_r')) > 60 && Math.min(...mot.column('knee_angle_r')) > -10)
    const mean = (a) => a.reduce((s, x) => s + x, 0) / a.length
    assert.ok(r.reduce((s, x, i) => s + (x - mean(r)) * (l[i] - mean(l)), 0) < 0)
    assert.deepEqual(readMot(`${person}.sto`).rows, mot.rows)
  }
})

// OpenSim's rules: Z, X, Y in turn, on the left X and Y the other way round; knees bend about -Z.
test('MOT plays back by the rules of OpenSim to the places of the TRC', () => {
  for (const person of people()) {
    const trc = readTrc(`${person}.trc`), mot = readMot(`${person}.mot`), skeleton = JSON.parse(readFileSync(`${person}_skeleton.json`, 'utf8'))
    const origin = Object.fromEntries(skeleton.segments.map((g) => [g.name, g.origin])), place = Object.fromEntries(skeleton.joints.map((j) => [j.name, j.at]))
    for (let f = 0; f < FRAMES; f += 7) {
      const at = (name) => trc.frames[f][trc.names.indexOf(name)], angle = (name) => mot.rows[f][mot.names.indexOf(name)]
      const zxy = (z, x, y, side = 1) => product(product(axisTurn('Z', angle(z)), axisTurn('X', side * angle(x))), axisTurn('Y', side * angle(y)))
      const near = (p, name) => assert.ok(distance(p, at(name)) < 2e-4, `${name} ${distance(p, at(name))}`)
      const pelvis = zxy('pelvis_tilt', 'pelvis_list', 'pelvis_rotation'), root = ['pelvis_tx', 'pelvis_ty', 'pelvis_tz'].map(angle)
      const torso = product(pelvis, zxy('lumbar_extension', 'lumbar_bending', 'lumbar_rotation')), chest = add(root, apply(pelvis, origin.torso)), neck = add(chest, apply(torso, place.Neck))
      near(neck, 'Neck')
      const head = product(torso, zxy('neck_extension', 'neck_bending', 'neck_rotation'))
      near(add(neck, apply(head, place.Nose)), 'Nose')
      for (const [s, l, side] of [['r', 'R', 1], ['l', 'L', -1]]) {
        const thigh = product(pelvis, zxy(`hip_flexion_${s}`, `hip_adduction_${s}`, `hip_rotation_${s}`, side)), hip = add(root, apply(pelvis, origin[`femur_${s}`]))
        const shank = product(thigh, axisTurn('Z', -angle(`knee_angle_${s}`))), knee = add(hip, apply(thigh, origin[`tibia_${s}`])), ankle = add(knee, apply(shank, origin[`calcn_${s}`]))
        const foot = product(shank, zxy(`ankle_angle_${s}`, `subtalar_angle_${s}`, `ankle_rotation_${s}`, side)), toes = product(foot, axisTurn('Z', angle(`mtp_angle_${s}`)))
        near(hip, `${l}Hip`), near(knee, `${l}Knee`), near(ankle, `${l}Ankle`), near(add(ankle, apply(foot, place[`${l}Heel`])), `${l}Heel`)
        near(add(add(ankle, apply(foot, origin[`toes_${s}`])), apply(toes, place[`${l}BigToe`])), `${l}BigToe`)
        const clavicle = product(torso, product(axisTurn('Y', side * angle(`clavicle_protraction_${s}`)), axisTurn('X', -side * angle(`clavicle_elevation_${s}`))))
        const girdle = add(chest, apply(torso, origin[`clavicle_${s}`])), shoulder = add(girdle, apply(clavicle, place[`${l}Shoulder`]))
        const arm = product(clavicle, zxy(`arm_flex_${s}`, `arm_add_${s}`, `arm_rot_${s}`, side)), elbow = add(shoulder, apply(arm, place[`${l}Elbow`]))
        near(shoulder, `${l}Shoulder`), near(elbow, `${l}Elbow`)
        near(add(elbow, apply(product(arm, axisTurn('Z', angle(`elbow_flex_${s}`))), place[`${l}Wrist`])), `${l}Wrist`)
      }
    }
  }
})

test('BVH and glTF play back to the same places', () => {
  for (const person of people()) {
    const trc = readTrc(`${person}.trc`), bvh = playBvh(`${person}.bvh`), glb = playGlb(`${person}.glb`)
    assert.equal(bvh.frames.length, FRAMES)
    assert.ok(Math.abs(bvh.rate - 60) < 0.001)
    assert.equal(glb.frames.length, FRAMES)
    for (let f = 0; f < FRAMES; f++) {
      assert.ok(Math.abs(glb.times[f] - f / 60) < 1e-5)
      trc.names.forEach((n, k) => {
        if (n === 'Hip') return // the root is the middle between the hips
        assert.ok(distance(trc.frames[f][k], bvh.frames[f][bvh.names.indexOf(n)]) < 2e-5, n)
        assert.ok(distance(trc.frames[f][k], glb.frames[f][n]) < 2e-5, n)
      })
    }
  }
})

test('the glTF passes the validator of its standard', async (t) => {
  const require = createRequire(join(here, '../../web/package.json'))
  let validator
  try {
    validator = require('gltf-validator')
  } catch {
    return t.skip('gltf-validator is not installed in web/')
  }
  for (const person of people()) {
    const result = await validator.validateBytes(new Uint8Array(readFileSync(`${person}.glb`)))
    assert.equal(result.issues.numErrors, 0, JSON.stringify(result.issues.messages.slice(0, 3)))
    assert.equal(result.issues.numWarnings, 0, JSON.stringify(result.issues.messages.slice(0, 3)))
    assert.equal(result.info.animationCount, 1)
  }
})

test('evaluate reads all of them, and finds no difference', () => {
  const [person] = people()
  for (const [ending, tolerance] of [['c3d', 1e-3], ['csv', 1e-6], ['json', 1e-6], ['bvh', 0.02], ['glb', 0.02]]) {
    const r = run('track', 'evaluate', `${person}.trc`, `${person}.${ending}`, '--json')
    assert.equal(r.status, 0, r.stderr)
    const said = JSON.parse(r.stdout)
    const joints = said.joints.filter((j) => j.name !== 'Hip')
    assert.ok(joints.length >= 25 && joints.every((j) => j.max_mm <= tolerance), ending)
    assert.ok(said.bones.length >= 10 && said.bones.every((b) => b.name === 'shoulders' || b.a_deviation_mm < 1))
  }
  const wrong = run('track', 'evaluate', `${person}.trc`, `${person}.mot`)
  assert.notEqual(wrong.status, 0)
  assert.match(wrong.stderr, /none of TRC, C3D/)
})

test('without the skeleton, and what is refused', () => {
  const plain = join(folder, 'plain'), calibration = join(meeting, 'calibration.json')
  const r = run('track', '--calibration', calibration, '--keypoints', ...keypoints(), '--out', plain, '--no-skeleton', '--format', 'trc,mot')
  assert.equal(r.status, 0, r.stderr)
  assert.deepEqual(readdirSync(plain).filter((n) => !n.endsWith('.points.json')).sort(), ['person-1.trc', 'person-1_raw.trc', 'person-2.trc', 'person-2_raw.trc'])
  const odd = run('track', '--calibration', calibration, '--keypoints', ...keypoints(), '--out', plain, '--format', 'trc,fbx')
  assert.notEqual(odd.status, 0)
  assert.match(odd.stderr, /--format knows/)
  assert.ok(existsSync(join(out, 'person-1_skeleton.json')))
  const skeleton = JSON.parse(readFileSync(join(out, 'person-1_skeleton.json'), 'utf8'))
  assert.equal(skeleton.segments.length, 17)
  assert.equal(skeleton.frames.length, FRAMES)
  assert.equal(skeleton.frames[5].degrees.length, skeleton.angles.length)
})
