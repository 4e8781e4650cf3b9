// SPDX-License-Identifier: AGPL-3.0-or-later
//
// node bench/lib/rights_batch.mjs FOLDER LINES QUESTIONS [POSTGRES-URL]
//
// What is drawn: films, and series with seasons and episodes, with lines on all of them; countries and areas within them, put in and taken out; languages with scripts and
// regions; contracts in and out, holdbacks and blackouts of both, exclusive sales to several licensees; questions of our own service and of each licensee.
//
// The oracle knows nothing of sets, indexes or intervals: for each question it looks whether a row allows and which row forbids. Which places and languages a text means is
// worked out here, from the text alone; what stands above a title is asked of the catalogue's table.
import { spawn, spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';

const [folder, lineText, questionText, postgres] = process.argv.slice(2);
const lines = Number(lineText), questions = Number(questionText), titles = Math.max(100, Math.round(lines / 25));
const program = 'build/grandstand';
const countries = 'DE AT CH FR IT ES US CA GB TH CN JP KR BR MX IN AU NZ ZA SE'.split(' ');
const areas = 'DE-BY DE-BE DE-HH US-CA US-NY US-TX CA-QC CA-ON CH-ZH GB-SCT ES-CT'.split(' ');
const media = 'free advertising subscription rental purchase live catch_up clip download linear theatrical venue'.split(' ');
const buyers = ['Nordlicht', 'Southern Screens', 'Cinéma 3', 'Kino Bangkok'];
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

/** Two in five are films; each series has two seasons of three episodes. [external id, kind, parent, season, episode] */
const catalogue = [];
while (catalogue.length < titles) {
    const n = catalogue.length;
    if (random(12) < 8) { catalogue.push([`t${n}`, 'film', '', '', '']); continue; }
    catalogue.push([`t${n}`, 'series', '', '', '']);
    for (const season of [1, 2]) {
        catalogue.push([`t${n}s${season}`, 'season', `t${n}`, season, '']);
        for (const episode of [1, 2, 3]) catalogue.push([`t${n}s${season}e${episode}`, 'episode', `t${n}`, season, episode]);
    }
}
const names = catalogue.map((one) => one[0]);

/** Countries, areas in and areas out, the world without some; now and then all at once. */
function territories() {
    const parts = random(5) ? [pick(countries), ...(random(2) ? [pick(countries)] : [])] : ['WORLD', `-${pick(countries)}`];
    if (!random(4)) parts.push(pick(areas));
    if (!random(3)) {
        const out = pick(areas), country = out.slice(0, 2);
        if (!parts.includes(country) && !parts.includes('WORLD')) parts.push(country);
        parts.push(`-${out}`);
    }
    return [...new Set(parts)].join();
}
const languages = () => (random(5) < 3 ? '' : [...new Set([pick(['en', 'de', 'fr', 'zh-Hant', 'pt-BR', 'en-GB', 'es']), pick(['en', 'de', 'th', 'zh'])])].join());
const lineFile = write('lines.csv', 'deal,party,direction,title,effect,territories,media,languages,starts,ends,exclusive', lines, () => {
    const isOut = !random(4), deal = random(500), buyer = deal % buyers.length, starts = day(2020, 8);
    const ends = random(8) ? new Date(Date.parse(starts) + (1 + random(900)) * 86400_000).toISOString().slice(0, 10) : '';
    const effect = random(9) ? 'allow' : pick(['holdback', 'blackout']);
    const exclusive = effect === 'allow' && isOut && !random(3) ? 'yes' : '';
    return `${isOut ? `O-${deal}` : `D-${deal}`},${isOut ? buyers[buyer] : 'Studio'},${isOut ? 'out' : 'in'},${pick(names)},${effect},"${territories()}","${[...new Set([pick(media), pick(media), pick(media)])].join()}","${languages()}",${starts},${ends},${exclusive}`;
});
const tags = ['en', 'en-GB', 'de', 'de-AT', 'zh', 'zh-Hant', 'zh-Hant-TW', 'pt', 'pt-BR', 'fr', 'th'];
const asked = [];
const questionFile = write('questions.csv', 'title,territory,medium,at,party,lang', questions, () => {
    const at = Math.floor(Date.UTC(2020, 0, 1) / 1000) + random(9 * 365 * 86400);
    const q = [pick(names), random(3) ? pick(countries) : pick(areas), pick(media), at, random(3) ? '' : pick(buyers), random(5) < 2 ? '' : pick(tags)];
    asked.push(q);
    return `${q[0]},${q[1]},${q[2]},${new Date(at * 1000).toISOString().replace('.000Z', 'Z')},${q[4]},${q[5]}`;
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
    const text = `external_id,kind,parent,season,episode,name_en\n${catalogue.map((one) => `${one.join()},Title ${one[0]}`).join('\n')}\n`;
    await call('POST', '/operator/catalogue', text, 'text/csv');
    const house = (await (await call('GET', '/rights/deals')).json()).items.find((one) => one.direction === 'own');
    if (house) await call('PATCH', `/rights/deals/${house.id}`, JSON.stringify({ status: 'suspended' }));
    const ended = new Promise((done) => server.once('exit', done));
    server.kill('SIGTERM');
    await ended;
}

/** What the server says of compiling the book as it starts, in seconds. */
async function compileSeconds(data, more) {
    const server = spawn(program, ['serve', '--data', data, '--http', '127.0.0.1:0', '--json', '--log-json', ...more], { stdio: ['ignore', 'ignore', 'pipe'] });
    const ended = new Promise((done) => server.once('exit', done));
    let said = '';
    for await (const text of server.stderr) {
        said += text;
        const line = said.split('\n').find((one) => one.includes('"compiled"'));
        if (!line) continue;
        server.kill('SIGTERM');
        await ended;
        return JSON.parse(line).ms / 1000;
    }
    throw new Error(`the server ended: ${said}`);
}

/** Does this text hold a place ("DE", "DE-BY")? Where the area is not known and the text names one of the country, what allows does not, and what forbids does. */
function placeIs(parts, place) {
    const country = place.slice(0, 2), isOut = parts.has(`-${place}`);
    const has = (parts.has('WORLD') || parts.has(country)) && !parts.has(`-${country}`);
    if (place.length > 2) {
        const is = !isOut && (has || parts.has(place));
        return [is, is];
    }
    const namesArea = [...parts].some((part) => part.startsWith(has ? `-${country}-` : `${country}-`));
    return namesArea ? [false, true] : [has, has];
}
const subtags = (tag) => ({ language: tag.split('-')[0], script: tag.split('-').find((one) => one.length === 4), region: tag.split('-').slice(1).find((one) => one.length === 2) });
/** A tag holds each that says the same and more. Without a language in the question any grant will do, and no block that names languages applies. */
function tongueIs(text, tag) {
    if (!text) return [true, true];
    if (!tag) return [true, false];
    const narrow = subtags(tag);
    const is = text.split(',').some((one) => Object.entries(subtags(one)).every(([what, value]) => value === undefined || narrow[what] === value));
    return [is, is];
}
const bit = (is) => (is ? 1 : 0);

// Which row is what to whom: docs/rights.md. What a deal out holds back it holds back from all but its party; what it blacks out, from its party alone.
const oracle = `
CREATE TEMP TABLE above AS
  SELECT external_id AS title, id AS holder FROM title WHERE external_id IS NOT NULL
  UNION SELECT e.external_id, e.parent_id FROM title e WHERE e.kind IN (3, 4) AND e.parent_id IS NOT NULL
  UNION SELECT e.external_id, s.id FROM title e JOIN title s ON s.parent_id = e.parent_id AND s.kind = 3 AND s.season = e.season WHERE e.kind = 4;
CREATE INDEX above_by_title ON above(title);
CREATE TEMP TABLE terms AS SELECT l.title_id AS holder, l.effect, l.is_exclusive, l.media, l.territories_id, l.languages_id, l.starts_s, l.ends_s, d.direction, p.name AS party
  FROM rights_line l JOIN rights_deal d ON d.id = l.deal_id JOIN rights_party p ON p.id = d.party_id WHERE d.status = 1;
CREATE INDEX terms_by_holder ON terms(holder);
ANALYZE;
CREATE TEMP TABLE verdict AS SELECT q.id, q.allowed, q.reason,
  COALESCE(MAX(CASE WHEN l.effect = 0 AND p.allows = 1 AND t.allows = 1 AND ((q.party = '' AND l.direction <> 1) OR (l.direction = 1 AND l.party = q.party)) THEN 1 ELSE 0 END), 0) AS grants,
  COALESCE(MAX(CASE WHEN p.blocks = 0 OR t.blocks = 0 THEN 0
    WHEN l.effect = 2 AND (l.direction <> 1 OR l.party = q.party) THEN 3
    WHEN l.effect = 1 AND (l.direction <> 1 OR l.party <> q.party) THEN 2
    WHEN l.effect = 0 AND l.is_exclusive = 1 AND l.direction = 1 AND l.party <> q.party THEN 1 ELSE 0 END), 0) AS block
  FROM question q JOIN above a ON a.title = q.title
    LEFT JOIN terms l ON l.holder = a.holder AND (l.media >> q.medium) & 1 = 1 AND l.starts_s <= q.at AND q.at < l.ends_s
    LEFT JOIN place p ON p.set_id = l.territories_id AND p.place = q.place
    LEFT JOIN tongue t ON t.set_id = l.languages_id AND t.tag = q.tag
  GROUP BY q.id, q.allowed, q.reason;`;
const verdict = `SELECT COUNT(*), SUM(allowed), SUM(CASE WHEN block > 0 THEN 1 ELSE 0 END), SUM(CASE WHEN block = 1 THEN 1 ELSE 0 END), SUM(CASE
  WHEN allowed <> (CASE WHEN grants = 1 AND block = 0 THEN 1 ELSE 0 END) THEN 1
  WHEN reason <> 'rights.blackout' AND block = 3 OR reason <> 'rights.holdback' AND block = 2 OR reason <> 'rights.exclusive' AND block = 1 THEN 1
  WHEN block = 0 AND reason IN ('rights.blackout', 'rights.holdback', 'rights.exclusive') THEN 1 ELSE 0 END) FROM verdict;`;

async function compare(name, data, more, sql) {
    mkdirSync(data, { recursive: true });
    await prepare(data, more);
    const imported = grandstand(['rights', 'import', lineFile, '--data', data, '--json', '--accept-conflicts', '--limit', '0', ...more]); // drawn at random, they contradict each other
    const compile = await compileSeconds(data, more);
    const one = grandstand(['rights', 'check', '--data', data, '--title', names[0], '--territory', 'DE', '--medium', 'free', ...more]);
    const batch = grandstand(['rights', 'check', '--batch', questionFile, '--data', data, ...more]);
    const answers = batch.out.trimEnd().split('\n').slice(1).map((line) => line.split(','));
    if (answers.length !== questions) throw new Error(`${answers.length} answers to ${questions} questions`);
    const table = join(folder, 'answered.csv');
    writeFileSync(table, asked.map((q, i) => `${i},${q[0]},${q[1]},${media.indexOf(q[2])},${q[3]},"${q[4]}","${q[5]}",${answers[i][0] === 'yes' ? 1 : 0},${answers[i][1]}`).join('\n') + '\n');
    const places = join(folder, 'places.csv'), tongues = join(folder, 'tongues.csv');
    const sets = (kind) => sql(`SELECT id, text FROM rights_set WHERE kind = ${kind};`).trimEnd().split('\n').map((line) => [line.slice(0, line.indexOf('|')), line.slice(line.indexOf('|') + 1)]);
    const table_of = (path, rows) => writeFileSync(path, rows.map(([id, key, is]) => `${id},"${key}",${is.map(bit).join()}`).join('\n') + '\n');
    table_of(places, sets(0).flatMap(([id, text]) => { const parts = new Set(text.split(',')); return [...countries, ...areas].map((place) => [id, place, placeIs(parts, place)]); }));
    table_of(tongues, sets(1).flatMap(([id, text]) => ['', ...tags].map((tag) => [id, tag, tongueIs(text, tag)])));
    const began = process.hrtime.bigint();
    const isPostgres = name === 'PostgreSQL';
    const loaded = [['question', table], ['place', places], ['tongue', tongues]];
    const load = isPostgres ? `${loaded.map(([to, path]) => `\\copy ${to} FROM '${path}' WITH (FORMAT csv, FORCE_NOT_NULL(${to === 'question' ? 'party, tag' : to === 'place' ? 'place' : 'tag'}))`).join('\n')}\nSET jit = off;`
        : `.mode csv\n${loaded.map(([to, path]) => `.import ${path} ${to}`).join('\n')}\n.mode list`;
    const [count, yes, blocked, sold, wrong] = sql(`CREATE TEMP TABLE question(id BIGINT, title TEXT, place TEXT, medium INTEGER, at BIGINT, party TEXT, tag TEXT, allowed INTEGER, reason TEXT);
CREATE TEMP TABLE place(set_id BIGINT, place TEXT, allows INTEGER, blocks INTEGER, PRIMARY KEY(set_id, place));
CREATE TEMP TABLE tongue(set_id BIGINT, tag TEXT, allows INTEGER, blocks INTEGER, PRIMARY KEY(set_id, tag));
${load}
${oracle}
${verdict}`).trim().split('\n').pop().split('|').map(Number);
    const s = Number(process.hrtime.bigint() - began) / 1e9;
    console.log(`${name.padEnd(11)} import ${lines} lines ${imported.s.toFixed(1)} s; compile from the store ${compile.toFixed(2)} s, with process and opening ${one.s.toFixed(2)} s; ${questions} questions in ${batch.s.toFixed(1)} s; `
        + `SQL the same in ${s.toFixed(1)} s; ${yes} yes, ${blocked} blocked (${sold} of them sold to others alone); ${count - wrong} of ${questions} agree`);
    if (count !== questions || wrong !== 0 || !sold) process.exitCode = 1;
}

const shell = (command, args) => (text) => {
    const done = spawnSync(command, args, { encoding: 'utf8', input: text, maxBuffer: 1 << 30 });
    if (done.status !== 0 || /error/i.test(done.stderr)) throw new Error(`${command}: ${done.stderr}`);
    return done.stdout;
};
const data = join(folder, 'sqlite');
await compare('SQLite', data, [], shell('sqlite3', ['-list', join(data, 'grandstand.db')]));
if (postgres) await compare('PostgreSQL', join(folder, 'postgres'), ['--database', postgres], shell('psql', [postgres, '-qAtX', '-v', 'ON_ERROR_STOP=1']));
