// SPDX-License-Identifier: AGPL-3.0-or-later
//
// node bench/lib/rights_batch.mjs FOLDER LINES QUESTIONS [POSTGRES-URL]
//
// The oracle knows nothing of sets, indexes or intervals: for each question it looks whether a row allows and whether a row forbids, and which territories a text
// means is worked out here.
import { spawn, spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';

const [folder, lineText, questionText, postgres] = process.argv.slice(2);
const lines = Number(lineText), questions = Number(questionText), titles = Math.max(100, Math.round(lines / 50));
const program = 'build/grandstand';
const countries = 'DE AT CH FR IT ES US CA GB TH CN JP KR BR MX IN AU NZ ZA SE'.split(' ');
const media = 'free advertising subscription rental purchase live catch_up clip download linear theatrical venue'.split(' ');
let seed = Number(process.env.SEED ?? 1) >>> 0;
const random = (below) => { // mulberry32
    seed = (seed + 0x6d2b79f5) >>> 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
};
const pick = (list) => list[random(list.length)];
const day = (from, years) => new Date(Date.UTC(from, 0, 1) + random(years * 365) * 86400_000).toISOString().slice(0, 10);

function write(name, header, count, row) {
    const fd = openSync(join(folder, name), 'w');
    let text = `${header}\n`;
    for (let i = 0; i < count; i++) {
        text += `${row(i)}\n`;
        if (text.length > 1 << 20) { writeSync(fd, text); text = ''; }
    }
    writeSync(fd, text);
    closeSync(fd);
    return join(folder, name);
}
const territories = () => (random(6) ? [...new Set([pick(countries), pick(countries), pick(countries)])].join() : `WORLD,-${pick(countries)}`);
const lineFile = write('lines.csv', 'deal,party,direction,title,effect,territories,media,starts,ends', lines, () => {
    const deal = random(2000), starts = day(2020, 8), ends = random(8) ? new Date(Date.parse(starts) + (1 + random(900)) * 86400_000).toISOString().slice(0, 10) : '';
    return `D-${deal},Studio,in,t${random(titles)},${random(8) ? 'allow' : pick(['holdback', 'blackout'])},"${territories()}","${[...new Set([pick(media), pick(media)])].join()}",${starts},${ends}`;
});
const asked = [];
const questionFile = write('questions.csv', 'title,territory,medium,at', questions, () => {
    const at = Math.floor(Date.UTC(2020, 0, 1) / 1000) + random(9 * 365 * 86400);
    const q = [`t${random(titles)}`, pick(countries), pick(media), at];
    asked.push(q);
    return `${q[0]},${q[1]},${q[2]},${new Date(at * 1000).toISOString().replace('.000Z', 'Z')}`;
});

function grandstand(args) {
    const began = process.hrtime.bigint();
    const done = spawnSync(program, args, { encoding: 'utf8', maxBuffer: 1 << 30 });
    if (done.error || ![0, 3].includes(done.status)) throw new Error(`${args.slice(0, 2).join(' ')}: ${done.status} ${done.stderr}`);
    return { out: done.stdout, s: Number(process.hrtime.bigint() - began) / 1e9 };
}

/** Titles, and no house lines in the way. */
async function prepare(data, more) {
    const server = spawn(program, ['serve', '--data', data, '--http', '127.0.0.1:0', '--json', ...more], { stdio: ['ignore', 'pipe', 'ignore'] });
    const said = JSON.parse(await new Promise((done) => server.stdout.once('data', (text) => done(String(text)))));
    const url = `http://127.0.0.1:${said.port}/api/v1`;
    let headers = { 'x-grandstand': '1' };
    const call = async (method, path, body, type = 'application/json') => {
        const answer = await fetch(url + path, { method, body, headers: { ...headers, ...(body ? { 'content-type': type } : {}) } });
        if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
        return answer;
    };
    headers.cookie = (await call('POST', '/session', JSON.stringify({ code: said.operator }))).headers.get('set-cookie').split(';')[0];
    let text = 'external_id,kind,name_en\n';
    for (let i = 0; i < titles; i++) text += `t${i},film,Title ${i}\n`;
    await call('POST', '/operator/catalogue', text, 'text/csv');
    const house = (await (await call('GET', '/rights/deals')).json()).items.find((one) => one.direction === 'own');
    if (house) await call('PATCH', `/rights/deals/${house.id}`, JSON.stringify({ status: 'suspended' }));
    const ended = new Promise((done) => server.once('exit', done));
    server.kill('SIGTERM');
    await ended;
}

function holds(text, country) {
    let is = false;
    for (const part of text.split(',')) if (part === 'WORLD' || part === country) is = true;
    return is && !text.split(',').includes(`-${country}`);
}

const oracle = `
CREATE TEMP TABLE verdict AS SELECT q.id, q.allowed, q.reason,
  EXISTS(SELECT 1 FROM rights_line l JOIN rights_deal d ON d.id = l.deal_id JOIN place p ON p.set_id = l.territories_id AND p.country = q.country
         WHERE l.title_id = t.id AND l.effect = 0 AND d.status = 1 AND (l.media >> q.medium) & 1 = 1 AND l.starts_s <= q.at AND q.at < l.ends_s) AS grants,
  COALESCE((SELECT MAX(l.effect) FROM rights_line l JOIN rights_deal d ON d.id = l.deal_id JOIN place p ON p.set_id = l.territories_id AND p.country = q.country
         WHERE l.title_id = t.id AND l.effect > 0 AND d.status = 1 AND (l.media >> q.medium) & 1 = 1 AND l.starts_s <= q.at AND q.at < l.ends_s), 0) AS block
  FROM question q JOIN title t ON t.external_id = q.title;`;
const CAST = (postgresCast, name) => (postgresCast ? `(CASE WHEN ${name} THEN 1 ELSE 0 END)` : name);
const verdict = (isPostgres) => `SELECT COUNT(*), SUM(allowed), SUM(CASE
  WHEN allowed <> (CASE WHEN ${CAST(isPostgres, 'grants')} = 1 AND block = 0 THEN 1 ELSE 0 END) THEN 1
  WHEN block = 2 AND reason <> 'rights.blackout' THEN 1 WHEN block = 1 AND reason <> 'rights.holdback' THEN 1 ELSE 0 END) FROM verdict;`;

async function compare(name, data, more, sql) {
    mkdirSync(data, { recursive: true });
    await prepare(data, more);
    const imported = grandstand(['rights', 'import', lineFile, '--data', data, '--json', ...more]);
    const one = grandstand(['rights', 'check', '--data', data, '--title', 't1', '--territory', 'DE', '--medium', 'free', ...more]);
    const batch = grandstand(['rights', 'check', '--batch', questionFile, '--data', data, ...more]);
    const answers = batch.out.trimEnd().split('\n').slice(1).map((line) => line.split(','));
    if (answers.length !== questions) throw new Error(`${answers.length} answers to ${questions} questions`);
    const table = join(folder, 'answered.csv');
    writeFileSync(table, asked.map((q, i) => `${i},${q[0]},${q[1]},${media.indexOf(q[2])},${q[3]},${answers[i][0] === 'yes' ? 1 : 0},${answers[i][1]}`).join('\n') + '\n');
    const places = join(folder, 'places.csv');
    const texts = sql('SELECT id, text FROM rights_set WHERE kind = 0;').trimEnd().split('\n').map((line) => [line.slice(0, line.indexOf('|')), line.slice(line.indexOf('|') + 1)]);
    writeFileSync(places, texts.flatMap(([id, text]) => countries.filter((one_) => holds(text, one_)).map((one_) => `${id},${one_}`)).join('\n') + '\n');
    const began = process.hrtime.bigint();
    const isPostgres = name === 'PostgreSQL';
    const load = isPostgres ? `\\copy question FROM '${table}' CSV\n\\copy place FROM '${places}' CSV\nANALYZE question; ANALYZE place; ANALYZE rights_line; ANALYZE rights_deal; ANALYZE title; SET jit = off;`
        : `.mode csv\n.import ${table} question\n.import ${places} place\n.mode list`;
    const [count, yes, wrong] = sql(`CREATE TEMP TABLE question(id BIGINT, title TEXT, country TEXT, medium INTEGER, at BIGINT, allowed INTEGER, reason TEXT);
CREATE TEMP TABLE place(set_id BIGINT, country TEXT, PRIMARY KEY(set_id, country));
${load}
${oracle}
${verdict(isPostgres)}`).trim().split('\n').pop().split('|').map(Number);
    const s = Number(process.hrtime.bigint() - began) / 1e9;
    console.log(`${name.padEnd(11)} import ${lines} lines ${imported.s.toFixed(1)} s; open and compile from the store ${one.s.toFixed(2)} s; ${questions} questions in ${batch.s.toFixed(1)} s; `
        + `SQL the same in ${s.toFixed(1)} s; ${yes} yes; ${count - wrong} of ${questions} agree`);
    if (count !== questions || wrong !== 0) process.exitCode = 1;
}

const shell = (command, args) => (text) => {
    const done = spawnSync(command, args, { encoding: 'utf8', input: text, maxBuffer: 1 << 30 });
    if (done.status !== 0 || /error/i.test(done.stderr)) throw new Error(`${command}: ${done.stderr}`);
    return done.stdout;
};
const data = join(folder, 'sqlite');
await compare('SQLite', data, [], shell('sqlite3', ['-list', join(data, 'grandstand.db')]));
if (postgres) await compare('PostgreSQL', join(folder, 'postgres'), ['--database', postgres], shell('psql', [postgres, '-qAtX', '-v', 'ON_ERROR_STOP=1']));
