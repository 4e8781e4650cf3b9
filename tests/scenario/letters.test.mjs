// SPDX-License-Identifier: AGPL-3.0-or-later
//
// Letters leave the house: the server hands them to a mail server, here a small one of the test's own on loopback. It survives that one's absence and its own death.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { ending } from './lib/ending.mjs';
import { Person, password } from './lib/people.mjs';
import { folder, run, start } from './lib/server.mjs';

/** Takes letters; `refuses` = what it says to RCPT TO instead of yes. */
async function mailServer(t) {
    const box = { letters: [], refuses: null, waiting: [] };
    const server = createServer((socket) => {
        let text = '', inData = false, to = '';
        socket.on('error', () => {});
        socket.write('220 test\r\n');
        socket.on('data', (chunk) => {
            text += chunk.toString('utf8');
            for (let end; (end = text.indexOf(inData ? '\r\n.\r\n' : '\r\n')) >= 0;) {
                const line = text.slice(0, end);
                text = text.slice(end + (inData ? 5 : 2));
                if (inData) {
                    inData = false;
                    box.letters.push({ to, raw: line });
                    socket.write('250 taken\r\n');
                    box.waiting.splice(0).forEach((wake) => wake());
                } else if (line.startsWith('RCPT TO:')) {
                    to = line.slice(9, line.indexOf('>'));
                    socket.write(`${box.refuses ?? '250 fine'}\r\n`);
                    if (box.refuses) box.waiting.splice(0).forEach((wake) => wake());
                } else if (line === 'DATA') {
                    inData = true;
                    socket.write('354 go on\r\n');
                } else if (line === 'QUIT') socket.end('221 bye\r\n');
                else socket.write('250 fine\r\n');
            }
        });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    ending(t, () => server.close());
    box.url = `smtp://127.0.0.1:${server.address().port}`;
    box.news = () => new Promise((done) => box.waiting.push(done));
    return box;
}

const bodyOf = (raw) => {
    const [head, body] = [raw.slice(0, raw.indexOf('\r\n\r\n')), raw.slice(raw.indexOf('\r\n\r\n') + 4)];
    return /transfer-encoding: base64/i.test(head) ? Buffer.from(body, 'base64').toString('utf8') : body;
};
const subjectOf = (raw) => raw.replace(/\r\n /g, '').match(/^Subject: (.*)$/m)[1].trim()
    .replace(/=\?UTF-8\?B\?([^?]*)\?=/g, (_, text) => Buffer.from(text, 'base64').toString('utf8'));

const person = { email: 'erika@example.org', password, name: 'Erika Müller', country: 'DE', lang: 'de' };

test('a sign-up leads by letter to an account, over a mail server that is away at first and over a kill', { timeout: 60000 }, async (t) => {
    const mail = await mailServer(t);
    const args = ['--smtp', mail.url, '--mail-from', 'Fernsehen & Film <tv@example.org>', '--url', 'https://films.example.org'];
    const server = await start(t, { args });
    const erika = new Person(server);
    mail.refuses = '451 4.7.1 greylisted, come back later';
    let news = mail.news();
    await erika.ok('POST', '/sign-up', person, 202);
    await news;
    mail.refuses = null;
    await server.kill();
    await server.start();
    news = mail.letters.length ? Promise.resolve() : mail.news();
    await server.advance(3_600_000);
    await news;
    assert.equal(mail.letters.length, 1);
    const [letter] = mail.letters;
    assert.equal(letter.to, 'erika@example.org');
    assert.equal(subjectOf(letter.raw), 'Grandstand: Adresse bestätigen');
    const body = bodyOf(letter.raw);
    assert.match(body, /^Hallo Erika Müller,/);
    const code = body.match(/https:\/\/films\.example\.org\/confirm#code=([\w-]{43})/)[1];
    const me = await erika.ok('POST', '/confirm', { code });
    assert.equal(me.user.name, 'Erika Müller');

    // Sent is sent: the operator sees that it went, and no longer what it said.
    const operator = await server.enter();
    let item;
    do [item] = (await operator.get('/operator/mails')).json.items; while (item.state === 'waiting'); // the mail server has it a moment before the store knows
    assert.deepEqual([item.state, item.to, item.text], ['sent', 'erika@example.org', '']);
});

test('a mail server needs an address of the site and a sender', (t) => {
    const data = folder(t);
    const serve = (...args) => run(['serve', '--data', data, '--http', '127.0.0.1:0', ...args]);
    assert.match(serve('--smtp', 'smtp://localhost:1', '--mail-from', 'a@example.org').stderr, /--url/);
    assert.match(serve('--smtp', 'smtp://localhost:1', '--url', 'https://x.example').stderr, /name@host/);
    assert.match(serve('--smtp', 'http://localhost:1', '--url', 'https://x.example', '--mail-from', 'a@example.org').stderr, /smtp:\/\//);
});
