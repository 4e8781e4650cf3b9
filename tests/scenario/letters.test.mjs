// SPDX-License-Identifier: AGPL-3.0-or-later
//
// Letters leave the house: the server hands them to a mail server, here a small one of the test's own on loopback. It survives that one's absence and its own death.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { TLSSocket } from 'node:tls';
import * as certificates from './lib/certificates.mjs';
import { ending } from './lib/ending.mjs';
import { Person, password } from './lib/people.mjs';
import { folder, run, start } from './lib/server.mjs';

/** Takes letters; `refuses` = what it says to RCPT TO instead of yes. With `tls` ({key, cert}) it offers STARTTLS; `strips`: somebody on the way takes the offer out. */
async function mailServer(t, { tls = null, strips = false } = {}) {
    const box = { letters: [], refuses: null, waiting: [], heard: [] }; // heard: [word, was it over TLS]
    const serve = (socket, isSecure) => {
        let text = '', inData = false, inAuth = false, to = '';
        const wake = () => box.waiting.splice(0).forEach((one) => one());
        const take = (chunk) => {
            text += chunk.toString('utf8');
            for (let end; (end = text.indexOf(inData ? '\r\n.\r\n' : '\r\n')) >= 0;) {
                const line = text.slice(0, end);
                text = text.slice(end + (inData ? 5 : 2));
                if (!inData) box.heard.push([line.split(/[ :]/)[0], isSecure]);
                if (inData) {
                    inData = false;
                    box.letters.push({ to, raw: line, isSecure });
                    socket.write('250 taken\r\n');
                    wake();
                } else if (line.startsWith('EHLO')) {
                    socket.write(tls && !isSecure && !strips ? '250-test\r\n250 STARTTLS\r\n' : '250-test\r\n250 AUTH PLAIN\r\n');
                } else if (line === 'STARTTLS' && tls && !isSecure) {
                    socket.off('data', take);
                    socket.write('220 go ahead\r\n');
                    serve(new TLSSocket(socket, { isServer: true, ...tls }), true);
                    return;
                } else if (line.startsWith('RCPT TO:')) {
                    to = line.slice(9, line.indexOf('>'));
                    socket.write(`${box.refuses ?? '250 fine'}\r\n`);
                    if (box.refuses) wake();
                } else if (line === 'DATA') {
                    inData = true;
                    socket.write('354 go on\r\n');
                } else if (line === 'QUIT') socket.end('221 bye\r\n');
                else if (line === 'AUTH PLAIN' || inAuth) {
                    if (inAuth) box.password = Buffer.from(line, 'base64').toString('utf8').split('\0').slice(1).join(' ');
                    inAuth = !inAuth;
                    socket.write(inAuth ? '334 \r\n' : '235 welcome\r\n');
                } else socket.write('250 fine\r\n');
            }
        };
        socket.on('error', () => {});
        socket.on('data', take);
    };
    const server = createServer((socket) => {
        serve(socket, false);
        socket.write('220 test\r\n');
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

/** The first letter of a sign-up, as the operator sees it, when it was tried once. */
async function tried(t, mail, { ca, query = '?tls', more = [] } = {}) {
    const trust = ca ? join(folder(t), 'ca.pem') : null;
    if (trust) writeFileSync(trust, ca);
    const server = await start(t, { args: ['--smtp', mail.url + query, '--mail-from', 'tv@example.org', '--url', 'https://films.example.org', ...(trust ? ['--smtp-ca', trust] : []), ...more] });
    const operator = await server.enter();
    await new Person(server).ok('POST', '/sign-up', person, 202);
    let item;
    do [item] = (await operator.get('/operator/mails')).json.items; while (item.state === 'waiting' && !item.trouble);
    return item;
}

test('letters and passwords go over TLS where the operator wants it, to the server that he means, or not at all', { timeout: 60000 }, async (t) => {
    const { ours, others } = certificates;
    await t.test('a server that offers STARTTLS, with a certificate that is trusted', async (t) => {
        const mail = await mailServer(t, { tls: ours });
        const item = await tried(t, mail, { ca: ours.cert, more: ['--smtp-user', 'films', '--smtp-password', 'geheim'] });
        assert.equal(item.state, 'sent', item.trouble);
        assert.deepEqual(mail.letters.map((one) => [one.to, one.isSecure]), [['erika@example.org', true]]);
        assert.deepEqual(mail.heard.filter(([, isSecure]) => !isSecure).map(([word]) => word), ['EHLO', 'STARTTLS'], 'in the clear nothing else is said');
        assert.equal(mail.password, 'films geheim');
    });
    await t.test('somebody takes the offer out', async (t) => {
        const mail = await mailServer(t, { tls: ours, strips: true });
        const item = await tried(t, mail, { ca: ours.cert, more: ['--smtp-user', 'films', '--smtp-password', 'geheim'] });
        assert.deepEqual([item.state, item.trouble], ['waiting', 'The mail server offers no TLS (STARTTLS), and nothing is sent without']);
        assert.deepEqual([mail.letters, mail.heard.filter(([word]) => !['EHLO', 'QUIT'].includes(word))], [[], []]);
    });
    for (const [what, tls, ca] of [['that nobody trusts', ours, undefined], ['of another server', others, others.cert], ['signed by another', ours, others.cert]])
        await t.test(`a certificate ${what}`, async (t) => {
            const mail = await mailServer(t, { tls });
            const item = await tried(t, mail, { ca });
            assert.equal(item.state, 'waiting');
            assert.match(item.trouble, /^The mail server's certificate is not trusted, or is another server's; nothing was sent \(.+\)$/);
            assert.deepEqual([mail.letters, mail.heard.filter(([word]) => !['EHLO', 'STARTTLS'].includes(word))], [[], []]);
        });
    await t.test('to this machine without `?tls` it is taken where it is offered, and done without where it is not', async (t) => {
        const mail = await mailServer(t);
        assert.equal((await tried(t, mail, { query: '' })).state, 'sent');
        assert.equal(mail.letters[0].isSecure, false);
    });
});

test('a mail server needs an address of the site and a sender', (t) => {
    const data = folder(t);
    const serve = (...args) => run(['serve', '--data', data, '--http', '127.0.0.1:0', ...args]);
    assert.match(serve('--smtp', 'smtp://localhost:1', '--mail-from', 'a@example.org').stderr, /--url/);
    assert.match(serve('--smtp', 'smtp://localhost:1', '--url', 'https://x.example').stderr, /name@host/);
    assert.match(serve('--smtp', 'http://localhost:1', '--url', 'https://x.example', '--mail-from', 'a@example.org').stderr, /smtp:\/\//);
});
