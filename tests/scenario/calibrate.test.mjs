// SPDX-License-Identifier: AGPL-3.0-or-later
// Calibration on the command line: pictures of the board are painted here, from the rectangles of the page that the program makes, by a
// camera that is known here; the program must find that camera again.
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'

const program = process.env.GRANDSTAND ?? join(import.meta.dirname ?? new URL('.', import.meta.url).pathname, '../../build/grandstand')
const folder = mkdtempSync(join(tmpdir(), 'grandstand-calibrate-'))
after(() => rmSync(folder, { recursive: true, force: true }))
const run = (...args) => execFileSync(program, ['calibrate', ...args], { encoding: 'utf8' })
const fail = (...args) => spawnSync(program, ['calibrate', ...args], { encoding: 'utf8' })
const hasFfmpeg = !spawnSync('ffmpeg', ['-version']).error

// The page: rectangles in points, painted by the even-odd rule. In millimetres from the board's upper left corner.
const page = join(folder, 'board.pdf')
run('board', '--out', page, '--squares', '8x5', '--square', '32', '--marker', '24')
const ink = readFileSync(page, 'latin1').split('0 g\n')[1].split('f*')[0].trim().split('\n').map((line) => line.split(' ').slice(0, 4).map((n) => (Number(n) * 25.4) / 72))
const left = Math.min(...ink.map((r) => r[0])), top = Math.max(...ink.map((r) => r[1] + r[3]))
const scale = 4, W = 8 * 32 * scale, H = 5 * 32 * scale
const paper = new Uint8Array(W * H).fill(1)
for (const [x, y, w, h] of ink) {
  const x0 = Math.round((x - left) * scale), y0 = Math.round((top - y - h) * scale)
  for (let j = y0; j < y0 + Math.round(h * scale); j++) for (let i = x0; i < x0 + Math.round(w * scale); i++) paper[j * W + i] ^= 1
}
const whiteAt = (x, y) => {
  const i = Math.floor(x * scale), j = Math.floor(y * scale)
  if (i >= 0 && j >= 0 && i < W && j < H) return paper[j * W + i] ? 215 : 35
  return x > -16 && y > -16 && x < 272 && y < 176 ? 215 : 90
}

const camera = { f: 600, cx: 322, cy: 236, width: 640, height: 480 }
const multiply = (a, b) => a.map((row) => b[0].map((_, j) => row.reduce((s, v, k) => s + v * b[k][j], 0)))
const about = (axis, t) => {
  const c = Math.cos(t), s = Math.sin(t)
  return { x: [[1, 0, 0], [0, c, -s], [0, s, c]], y: [[c, 0, s], [0, 1, 0], [-s, 0, c]], z: [[c, -s, 0], [s, c, 0], [0, 0, 1]] }[axis]
}
// One picture of the board at (x, y, z) mm, turned.
const paint = (R, x, y, z) => {
  const t = [0, 1, 2].map((k) => [x, y, z][k] - R[k][0] * 128 - R[k][1] * 80)
  const gray = Buffer.alloc(camera.width * camera.height)
  const d = R[0][2] * t[0] + R[1][2] * t[1] + R[2][2] * t[2]
  for (let v = 0; v < camera.height; v++) {
    for (let u = 0; u < camera.width; u++) {
      let sum = 0
      for (let k = 0; k < 9; k++) {
        const rx = (u + ((k % 3) - 1) / 3 - camera.cx) / camera.f, ry = (v + (Math.floor(k / 3) - 1) / 3 - camera.cy) / camera.f
        const s = d / (R[0][2] * rx + R[1][2] * ry + R[2][2]), p = [rx * s - t[0], ry * s - t[1], s - t[2]]
        sum += whiteAt(R[0][0] * p[0] + R[1][0] * p[1] + R[2][0] * p[2], R[0][1] * p[0] + R[1][1] * p[1] + R[2][1] * p[2])
      }
      gray[v * camera.width + u] = Math.round(sum / 9)
    }
  }
  return gray
}
const pictures = join(folder, 'pictures')
mkdirSync(pictures)
const board = ['--squares', '8x5', '--square', '32', '--marker', '24']
for (let i = 0; i < 9; i++) {
  const R = multiply(about('z', 0.3 * (i - 4)), multiply(about('x', i % 3 ? 0.5 : -0.5), about('y', 0.5 * ((i % 4) - 1.5))))
  const gray = paint(R, 60 * ((i % 3) - 1), 40 * (Math.floor(i / 3) - 1), 320 + 10 * i)
  writeFileSync(join(pictures, `p${i}.pgm`), Buffer.concat([Buffer.from(`P5\n${camera.width} ${camera.height}\n255\n`), gray]))
}
const near = (lens, tolerance) => {
  assert.ok(Math.abs(lens.fx - camera.f) < tolerance && Math.abs(lens.fy - camera.f) < tolerance, `f ${lens.fx} ${lens.fy}`)
  assert.ok(Math.abs(lens.cx - camera.cx) < tolerance && Math.abs(lens.cy - camera.cy) < tolerance, `axis ${lens.cx} ${lens.cy}`)
}

test('a lens from pictures of the printed board', () => {
  const out = join(folder, 'lenses.json')
  const report = JSON.parse(run('intrinsics', '--json', '--out', out, '--camera', 'cam01', ...board, pictures))
  near(report.lens, 2)
  assert.ok(report.rms_px < 0.15, String(report.rms_px))
  assert.equal(report.pictures.length, 9)
  assert.equal(report.coverage.length, 6)
  assert.ok(report.covered > 0.5 && report.deviations.fx < 2)
  const rig = JSON.parse(readFileSync(out))
  assert.equal(rig.cameras[0].name, 'cam01')
  // a second camera joins it
  run('intrinsics', '--calibration', out, '--out', out, '--camera', 'cam02', ...board, pictures)
  assert.deepEqual(JSON.parse(readFileSync(out)).cameras.map((c) => c.name), ['cam01', 'cam02'])
  const text = run('intrinsics', '--out', out, ...board, pictures)
  assert.match(text, /corners in each part of the picture/)
})

test('pictures and videos of other making are decoded by a child', { skip: !hasFfmpeg && 'no ffmpeg command here' }, () => {
  const video = join(folder, 'board.mp4'), mixed = join(folder, 'mixed')
  mkdirSync(mixed)
  execFileSync('ffmpeg', ['-v', 'error', '-framerate', '5', '-i', join(pictures, 'p%d.pgm'), '-c:v', 'libx264', '-crf', '8', '-pix_fmt', 'yuv420p', video])
  for (let i = 0; i < 9; i++) execFileSync('ffmpeg', ['-v', 'error', '-i', join(pictures, `p${i}.pgm`), '-q:v', '2', join(mixed, `p${i}.${i % 2 ? 'png' : 'jpg'}`)])
  for (const source of [[video, '--every', '1'], [mixed]]) {
    const report = JSON.parse(run('intrinsics', '--json', '--out', join(folder, 'x.json'), ...board, ...source))
    near(report.lens, 4)
    assert.ok(report.pictures.length >= 7)
  }
  writeFileSync(join(folder, 'broken.jpg'), readFileSync(join(mixed, 'p0.jpg')).subarray(0, 300))
  const broken = fail('intrinsics', '--out', join(folder, 'y.json'), ...board, join(folder, 'broken.jpg'))
  assert.equal(broken.status, 1)
  assert.match(broken.stderr, /broken\.jpg/)
  assert.ok(!existsSync(join(folder, 'y.json')))
})

test('two cameras that saw the board at once stand beside each other', () => {
  const lenses = join(folder, 'pair.json'), out = join(folder, 'pair-placed.json'), sides = [join(folder, 'left'), join(folder, 'right')]
  for (const name of ['left', 'right']) run('intrinsics', ...(name === 'right' ? ['--calibration', lenses] : []), '--out', lenses, '--camera', name, ...board, pictures)
  for (const [side, shift] of [[0, 0], [1, 130]]) {
    mkdirSync(sides[side])
    for (let i = 0; i < 4; i++) {
      const R = multiply(about('z', 0.2 * i), about('y', 0.4 * (i - 1.5)))
      const gray = paint(R, 60 - shift, 10 * i, 420 + 20 * i)
      writeFileSync(join(sides[side], `${i}.pgm`), Buffer.concat([Buffer.from(`P5\n${camera.width} ${camera.height}\n255\n`), gray]))
    }
  }
  const report = JSON.parse(run('extrinsics', '--json', '--calibration', lenses, '--out', out, ...board, ...sides))
  assert.ok(report.cameras.every((c) => c.is_placed && c.pictures === 4))
  const [a, b] = JSON.parse(readFileSync(out)).cameras
  const centre = (c) => [0, 1, 2].map((k) => -(c.rotation[k] * c.translation[0] + c.rotation[3 + k] * c.translation[1] + c.rotation[6 + k] * c.translation[2]))
  const apart = Math.hypot(...centre(a).map((v, k) => v - centre(b)[k]))
  assert.ok(Math.abs(apart - 0.13) < 0.003, String(apart))
})

test('a camera is placed by points and by lane lines', () => {
  const lenses = join(folder, 'lens.json')
  run('intrinsics', '--out', lenses, '--camera', 'side', ...board, pictures)
  const lens = JSON.parse(readFileSync(lenses)).cameras[0].lens
  // a camera at (40, -12, 4) that looks at (50, 3, 0)
  const at = [40, -12, 4], to = [10, 15, -4], n = Math.hypot(...to), z = to.map((v) => v / n)
  const x = [z[1], -z[0], 0].map((v) => v / Math.hypot(z[0], z[1])), y = [z[1] * x[2] - z[2] * x[1], z[2] * x[0] - z[0] * x[2], z[0] * x[1] - z[1] * x[0]]
  const project = (p) => {
    const d = p.map((v, k) => v - at[k]), c = [x, y, z].map((a) => a[0] * d[0] + a[1] * d[1] + a[2] * d[2]), u = c[0] / c[2], v = c[1] / c[2], r2 = u * u + v * v
    const [k1, k2, k3] = lens.radial, [p1, p2] = lens.tangential, g = 1 + k1 * r2 + k2 * r2 * r2 + k3 * r2 ** 3
    return [lens.fx * (u * g + 2 * p1 * u * v + p2 * (r2 + 2 * u * u)) + lens.cx, lens.fy * (v * g + p1 * (r2 + 2 * v * v) + 2 * p2 * u * v) + lens.cy]
  }
  const points = [[45, 0, 0], [55, 0, 0], [50, 6.1, 0], [58, 9.76, 0], [47, 4, 1.067], [52, 3, 2]]
  const table = join(folder, 'points.csv'), out = join(folder, 'placed.json')
  writeFileSync(table, 'camera,x,y,z,u,v\n' + points.map((p) => ['side', ...p, ...project(p)].join(',')).join('\n'))
  let report = JSON.parse(run('points', '--json', '--calibration', lenses, '--out', out, table)).cameras[0]
  report.at.forEach((v, k) => assert.ok(Math.abs(v - at[k]) < 1e-3))
  const lanes = join(folder, 'lanes.csv'), rows = []
  for (const lane of [0, 2, 4, 6]) for (const x of [46, 49, 52, 55]) rows.push(['side', `lane-${lane}`, ...project([x, lane * 1.22, 0])])
  for (const y of [1, 4, 7]) rows.push(['side', 'x=50', ...project([50, y, 0])])
  writeFileSync(lanes, rows.map((r) => r.join(',')).join('\n'))
  report = JSON.parse(run('lines', '--json', '--calibration', lenses, '--out', out, lanes)).cameras[0]
  report.at.forEach((v, k) => assert.ok(Math.abs(v - at[k]) < 1e-2))
  assert.equal(JSON.parse(readFileSync(out)).up, 'z')
  assert.match(run('check', out), /side/)
  // what is missing or wrong is named, with what to do
  writeFileSync(lanes, 'side,lane-1,1,2\nside,lane-77,3,4\n')
  const wrong = fail('lines', '--calibration', lenses, '--out', out, lanes)
  assert.equal(wrong.status, 1)
  assert.match(wrong.stderr, /lanes\.csv, line 2: .*lane-77/)
  assert.equal(fail('lines', '--out', out, lanes).status, 2)
  assert.equal(fail('board', '--out', page, '--squares', '40x40').status, 2)
  assert.equal(fail('nonsense').status, 2)
})
