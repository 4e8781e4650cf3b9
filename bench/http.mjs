// SPDX-License-Identifier: AGPL-3.0-or-later
// Server and load are pinned to a core each; rounds are interleaved, so that a noisy neighbour disturbs both alike. CPU time is
// what the kernel's scheduler has counted for the server's threads, divided by the requests answered.
import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync, existsSync, mkdirSync } from 'node:fs'
import { randomBytes } from 'node:crypto'
import { connect, createServer } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const options = { seconds: 2, rounds: 5, only: '16k,2m,tls,h2,idle' }
for (let i = 2; i < process.argv.length; i += 2) options[process.argv[i].replace(/^--/, '')] = process.argv[i + 1]
const wanted = new Set(options.only.split(','))
const folder = mkdtempSync(join(tmpdir(), 'grandstand-bench-'))
const started = []
const sleep = (ms) => new Promise((done) => setTimeout(done, ms))

function cleanUp() {
  for (const child of started) child.kill('SIGTERM')
  rmSync(folder, { recursive: true, force: true })
}
process.on('exit', cleanUp)
process.on('SIGINT', () => process.exit(130))

const freePort = () => new Promise((done) => {
  const probe = createServer().listen(0, '127.0.0.1', () => { const { port } = probe.address(); probe.close(() => done(port)) })
})
function threadsNs(pid) { // run time of all threads of a process
  let ns = 0
  for (const task of readdirSync(`/proc/${pid}/task`)) ns += Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')[0])
  return ns
}
const privateKb = (pid) => Number(/^Private_Dirty:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))[1])
const median = (list) => [...list].sort((a, b) => a - b)[list.length >> 1]

function run(load, url) { // -> { requests, seconds }
  const text = execFileSync('taskset', ['-c', '1', ...load, url], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
  const wrk = /(\d+) requests in ([\d.]+)(m?s)/.exec(text)
  if (/Non-2xx/.test(text)) throw new Error(`${url} answered with errors:\n${text}`)
  if (wrk) return { requests: Number(wrk[1]), seconds: Number(wrk[2]) * (wrk[3] === 'ms' ? 0.001 : 1) }
  const h2 = /finished in ([\d.]+)(m?s)[\s\S]*?requests: .*? (\d+) succeeded, (\d+) failed/.exec(text)
  if (!h2 || Number(h2[4])) throw new Error(`${load.join(' ')} ${url}:\n${text}`)
  return { requests: Number(h2[3]), seconds: Number(h2[1]) * (h2[2] === 'ms' ? 0.001 : 1) }
}

// servers: [{ name, pid, url }] -> medians over the rounds, in the same order
function compare(load, servers) {
  const runs = servers.map(() => ({ rate: [], us: [] }))
  for (let round = 0; round < options.rounds; round++) {
    servers.forEach((server, i) => {
      const before = threadsNs(server.pid)
      const { requests, seconds } = run(load, server.url)
      runs[i].rate.push(requests / seconds)
      runs[i].us.push((threadsNs(server.pid) - before) / 1000 / requests)
    })
  }
  return runs.map((one) => ({ rate: median(one.rate), us: median(one.us) }))
}

const rows = []
const row = (what, ours, peer, ratio, aim) => rows.push([what, ours, peer, ratio, aim])
const rate = (x) => `${Math.round(x)}/s`
const us = (x) => `${x.toFixed(x < 100 ? 2 : 0)} us`

// --- the servers ---
const files = join(folder, 'files')
mkdirSync(files)
writeFileSync(join(files, '16k.bin'), randomBytes(16384))
writeFileSync(join(files, '2m.bin'), randomBytes(2 << 20))

async function demonstration() {
  const child = spawn('taskset', ['-c', '0', 'build/tests/lib/http_server', files, '--loops', '1', '--tls', join(folder, 'tls'), '--many'],
    { env: { ...process.env, TEST_FILES: '16k.bin,2m.bin' }, stdio: ['pipe', 'pipe', 'inherit'] })
  started.push(child)
  const line = await new Promise((done) => child.stdout.once('data', (data) => done(String(data))))
  const [, plain, tls] = line.split(/\s+/)
  const path = 'media/0123456789abcdef0123456789abcdef/7zr3v9k2m8qd41xh/16k.bin'
  return { pid: child.pid, plain: `http://127.0.0.1:${plain}/${path}`, tls: `https://127.0.0.1:${tls}/${path}` }
}
const ours = options.pid ? { pid: Number(options.pid), plain: options.plain, tls: options.tls } : await demonstration()
const big = (url) => url.replace('16k.bin', '2m.bin')

async function nginx(name, extra) {
  const home = join(folder, name)
  mkdirSync(home)
  const plain = await freePort(), tls = await freePort()
  writeFileSync(join(home, 'nginx.conf'), `
${process.getuid() === 0 ? 'user root;' : ''} worker_processes 1; daemon off; pid ${home}/pid; error_log ${home}/error.log; worker_rlimit_nofile 30000;
events { worker_connections 20000; }
http {
  sendfile on; tcp_nopush ${extra.nopush ?? 'on'}; types_hash_max_size 2048; default_type application/octet-stream; access_log off;
  client_body_temp_path ${home}/a; proxy_temp_path ${home}/b; fastcgi_temp_path ${home}/c; uwsgi_temp_path ${home}/d; scgi_temp_path ${home}/e;
  server { listen 127.0.0.1:${plain} ${extra.listen ?? ''}; listen 127.0.0.1:${tls} ssl http2; root ${files};
    ssl_certificate ${folder}/tls/local.crt; ssl_certificate_key ${folder}/tls/local.key; }
}`)
  const child = spawn('taskset', ['-c', '0', 'build/peers/nginx/usr/sbin/nginx', '-p', home, '-c', join(home, 'nginx.conf')],
    { stdio: ['ignore', 'ignore', 'inherit'] })
  started.push(child)
  for (let i = 0; i < 50; i++) {
    await sleep(100)
    const children = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim()
    if (children) return { pid: Number(children.split(' ')[0]), plain: `http://127.0.0.1:${plain}/16k.bin`, tls: `https://127.0.0.1:${tls}/16k.bin` }
  }
  throw new Error('nginx did not start')
}
if (options.pid) { // somebody else's server: nginx needs a certificate of its own
  mkdirSync(join(folder, 'tls'))
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', '/CN=localhost',
    '-keyout', join(folder, 'tls/local.key'), '-out', join(folder, 'tls/local.crt')], { stdio: 'ignore' })
}
const hasPeer = existsSync('build/peers/nginx/usr/sbin/nginx')
const debian = hasPeer && await nginx('debian', {})
const tuned = hasPeer && await nginx('tuned', { nopush: 'off', listen: 'sndbuf=256k' })

// --- the runs ---
const wrk = (connections) => ['wrk', '-t', '1', '-c', String(connections), '-d', `${options.seconds}s`]
function pair(what, load, ourUrl, peer, peerUrl, aimRate, aimUs) {
  const servers = [{ pid: ours.pid, url: ourUrl }]
  if (peer) servers.push({ pid: peer.pid, url: peerUrl })
  const [a, b] = compare(load, servers)
  row(what, rate(a.rate), b ? rate(b.rate) : '-', b ? (a.rate / b.rate).toFixed(2) : '-', aimRate)
  row(`${what}, CPU a request`, us(a.us), b ? us(b.us) : '-', b ? (a.us / b.us).toFixed(2) : '-', aimUs)
}
if (wanted.has('16k')) pair('16 KB, keep-alive, 64 connections', wrk(64), ours.plain, debian, debian.plain, '>= 1.0', '<= 1.05')
if (wanted.has('tls') && ours.tls) pair('16 KB over TLS, 64 connections', wrk(64), ours.tls, debian, debian.tls, 'printed', 'printed')
if (wanted.has('h2') && ours.tls) {
  const load = ['h2load', '-t', '1', '-c', '16', '-m', '8', '-n', String(12000 * options.seconds)]
  pair('16 KB over HTTP/2 and TLS, 16 x 8 streams', load, ours.tls, debian, debian.tls, 'printed', 'printed')
}
if (wanted.has('2m')) {
  const servers = [{ pid: ours.pid, url: big(ours.plain) }]
  if (hasPeer) servers.push({ pid: debian.pid, url: big(debian.plain) }, { pid: tuned.pid, url: big(tuned.plain) })
  const [a, b, c] = compare(wrk(32), servers)
  row('2 MB, 32 connections', rate(a.rate), b ? rate(b.rate) : '-', b ? (a.rate / b.rate).toFixed(2) : '-', '>= 1.8')
  row('2 MB, CPU a request', us(a.us), b ? us(b.us) : '-', b ? (a.us / b.us).toFixed(2) : '-', 'printed')
  row('2 MB, against nginx tuned', rate(a.rate), c ? rate(c.rate) : '-', c ? (a.rate / c.rate).toFixed(2) : '-', 'printed')
  row('2 MB, CPU against nginx tuned', us(a.us), c ? us(c.us) : '-', c ? (a.us / c.us).toFixed(2) : '-', '<= 1.0')
}

// Connections that have asked once and then say nothing: what one more of them costs the server's own memory.
async function idle(what, pid, url, open, count, aim) {
  const { hostname, port, pathname } = new URL(url)
  const sockets = []
  const one = () => new Promise((done, fail) => {
    const socket = open({ host: hostname, port: Number(port), rejectUnauthorized: false, ALPNProtocols: ['http/1.1'] })
    sockets.push(socket)
    socket.on('error', fail)
    socket.write(`HEAD ${pathname} HTTP/1.1\r\nHost: bench\r\n\r\n`)
    socket.once('data', () => { socket.removeListener('error', fail); socket.on('error', () => {}); done() })
  })
  const openMany = async (n) => { for (let i = 0; i < n; i += 100) await Promise.all(Array.from({ length: Math.min(100, n - i) }, one)) }
  await openMany(100) // what the server allocates once is not counted
  await sleep(300)
  const before = privateKb(pid)
  await openMany(count)
  await sleep(500)
  const bytes = (privateKb(pid) - before) * 1024 / count
  for (const socket of sockets) socket.destroy()
  await sleep(300)
  row(what, `${Math.round(bytes)} bytes`, '', '', aim)
  return bytes
}
if (wanted.has('idle')) { // fresh servers: memory that a run has given back would hide what connections take
  const limit = Number(/open files\s+(\d+)/i.exec(readFileSync('/proc/self/limits', 'utf8'))[1])
  const count = Math.min(10000, limit - 500)
  const fresh = () => options.pid ? ours : demonstration()
  const one = await fresh()
  await idle(`${count} idle connections, each`, one.pid, one.plain, connect, count, '<= 1024')
  const two = await fresh()
  if (two.tls) await idle('2000 idle TLS connections, each', two.pid, two.tls, connectTls, Math.min(2000, count), 'printed')
}

const widths = [0, 1, 2, 3, 4].map((i) => Math.max(...rows.map((r) => r[i].length), ['what', 'ours', 'peer', 'ratio', 'aim'][i].length))
for (const r of [['what', 'ours', 'peer', 'ratio', 'aim'], ...rows]) console.log(r.map((cell, i) => cell.padEnd(widths[i])).join(' | '))
process.exit(0)
