// SPDX-License-Identifier: AGPL-3.0-or-later
//
// Starts tests/fake_provider, a payment provider of the tests' own, and holds the settings that a shop needs to pay by it.
//
//   const fake = await fakeProvider(t, { seed: 1, badness: 0 });
//   fake.settings.stripe                       // {publishable_key, secret_key, webhook_secret, base_url}
//   await fake.control('buyers', { urls });    // see fake_provider.mjs
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { ending } from './ending.mjs';
import { root } from './server.mjs';

/** A program that answers each line with a line of JSON. */
export class Lines {
    constructor(command, args, env = {}) {
        this.child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'], env: { ...process.env, ...env } });
        this.child.stdin.on('error', () => {});
        this.ended = new Promise((done) => this.child.once('exit', (code, signal) => done({ code, signal })));
        this.lines = createInterface({ input: this.child.stdout })[Symbol.asyncIterator]();
    }
    /** Undefined: it has died. */
    async read() {
        const { value, done } = await this.lines.next();
        return done ? undefined : JSON.parse(value);
    }
    ask(line) {
        this.child.stdin.write(`${line}\n`);
        return this.read();
    }
    end() {
        this.child.stdin.end();
        return this.ended;
    }
}

export async function fakeProvider(t, { seed, badness }) {
    const app = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const options = { seed, badness, secretKey: 'sk_test_storm', webhookSecret: 'whsec_storm', appId: '2021000000000000', sellerId: '2088000000000000', appPublicKey: app.publicKey.export({ type: 'spki', format: 'pem' }) };
    const program = new Lines(process.execPath, [join(root, 'tests/fake_provider/fake_provider.mjs'), JSON.stringify(options)]);
    ending(t, () => program.end());
    const { port, alipayPublicKey } = await program.read();
    const base = `http://127.0.0.1:${port}`;
    return {
        settings: {
            stripe: { publishable_key: 'pk', secret_key: options.secretKey, webhook_secret: options.webhookSecret, base_url: base },
            alipay: { app_id: options.appId, seller_id: options.sellerId, private_key: app.privateKey.export({ type: 'pkcs8', format: 'pem' }), alipay_public_key: alipayPublicKey, base_url: `${base}/gateway.do` },
        },
        async control(what, body = {}) {
            const answer = await fetch(`${base}/control/${what}`, { method: 'POST', body: JSON.stringify(body) });
            assert.equal(answer.status, 200, await answer.clone().text());
            return answer.json();
        },
        book: async () => (await fetch(`${base}/book`)).json(),
    };
}
