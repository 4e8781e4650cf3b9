// SPDX-License-Identifier: AGPL-3.0-or-later
//
// A payment provider that is none: speaks enough of Stripe and of Alipay over HTTP on loopback, keeps a book of its own, and behaves as badly as a network allows. It signs and verifies by
// node:crypto, not by the server's code. What goes wrong follows from a seed.
//
//   node fake_provider.mjs '{"seed":1,"secretKey":"sk","webhookSecret":"whsec","appId":"2021","sellerId":"2088","appPublicKey":"PEM","badness":0.3}'
//   prints {"port":N,"alipayPublicKey":"PEM"} and serves until its standard input ends.
//
// POST /control/clock {now_s}      the time that is in its signatures
// POST /control/webhooks {base}    where webhooks go: base + "/stripe", base + "/alipay"
// POST /control/buyers {urls}      buyers do what they came for: intents that wait are paid or declined, the pages of Alipay in `urls` are visited
// POST /control/bank               banks take money back, and decide about what they took back
// POST /control/deliver {all}      sends what waits to be sent; all: also what was delayed
// POST /control/calm               from now on everything works, and nothing more is lost
// GET  /book                       its book
import { createHmac, createSign, createVerify, generateKeyPairSync, randomBytes } from 'node:crypto';
import { createServer, request } from 'node:http';

const options = { badness: 0.3, ...JSON.parse(process.argv[2] ?? '{}') };
let state = options.seed >>> 0;
/** mulberry32: the same numbers for one seed. */
function random() {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
}
const debts = new Map();
/** True in a share `p` of all times it is asked, evenly: what is to happen does happen, however the calls come in. Where it begins is the seed's. */
function happens(kind, p) {
    const debt = (debts.get(kind) ?? random()) + p;
    debts.set(kind, debt >= 1 ? debt - 1 : debt);
    return debt >= 1;
}
const turns = new Map();
/** One after another. */
function next(kind, list) {
    const turn = turns.get(kind) ?? Math.floor(random() * list.length);
    turns.set(kind, turn + 1);
    return list[turn % list.length];
}
const pick = (list) => list[Math.floor(random() * list.length)];
let serial = 0;
const name = (prefix) => `${prefix}_${(++serial).toString(36)}${randomBytes(6).toString('hex')}`;

const own = generateKeyPairSync('rsa', { modulusLength: 2048 });
let nowS = Math.floor(Date.now() / 1000), webhookBase = '', badness = options.badness;
const counts = { calls: 0, failedBefore: 0, failedAfter: 0, dropped: 0, delayed: 0, duplicated: 0, altered: 0, misSigned: 0, sent: 0, beforeAnswer: 0, replayed: 0, captures: 0 };

// --- its book ---

const intents = new Map(), refunds = new Map(), disputes = new Map(), customers = new Map(), trades = new Map(), keys = new Map();

// --- webhooks ---

/** Waiting to be sent: {provider, body, headers}. */
const queue = [], later = [];

function stripeSigned(body, { secret = options.webhookSecret, at = nowS } = {}) {
    const mac = createHmac('sha256', secret).update(`${at}.${body}`).digest('hex');
    return { 'content-type': 'application/json', 'stripe-signature': `t=${at},v1=${'0'.repeat(64)},v1=${mac}` };
}
const stripeMessage = (body, signing) => ({ provider: 'stripe', body, headers: stripeSigned(body, signing) });

function joined(fields) {
    return Object.keys(fields).filter((one) => fields[one] !== '').sort().map((one) => `${one}=${fields[one]}`).join('&');
}
function alipayMessage(fields, key = own.privateKey) {
    const sign = createSign('RSA-SHA256').update(joined(fields), 'utf8').sign(key, 'base64');
    return { provider: 'alipay', body: new URLSearchParams({ ...fields, sign_type: 'RSA2', sign }).toString(), headers: { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' } };
}
const strangers = generateKeyPairSync('rsa', { modulusLength: 1024 }); // quick to make; whose it is matters, not how long

/** A genuine message and what the network and others make of it. `forge(how)` makes one that is not genuine. */
function enqueue(message, forge) {
    if (happens('altered', badness * 0.3)) counts.altered++, queue.push(forge('altered'));
    if (happens('misSigned', badness * 0.3)) counts.misSigned++, queue.push(forge('misSigned'));
    if (happens('dropped', badness * 0.5)) return void counts.dropped++;
    const list = happens('delayed', badness) ? (counts.delayed++, later) : queue;
    list.push(message);
    for (let i = 0; i < 3 && happens('duplicated', badness); i++) counts.duplicated++, pick([queue, later]).push(message);
}

function stripeEvent(type, object) {
    const body = JSON.stringify({ id: name('evt'), object: 'event', type, created: nowS, data: { object } });
    enqueue(stripeMessage(body), (how) => {
        const forged = JSON.stringify({ id: name('evt'), object: 'event', type: 'payment_intent.succeeded', data: { object: { ...object, object: 'payment_intent', status: 'succeeded', amount_received: 1 } } });
        if (how === 'misSigned') return stripeMessage(forged, { secret: 'whsec_of_a_stranger' });
        return { ...stripeMessage(body), body: forged }; // another's signature over other bytes
    });
}
function alipayNotify(trade) {
    const fields = { notify_id: name('n'), notify_type: 'trade_status_sync', app_id: options.appId, seller_id: options.sellerId, out_trade_no: trade.number, trade_no: trade.id, trade_status: trade.status,
        total_amount: trade.paid, subject: trade.subject, gmt_create: '2026-11-21 14:00:00' };
    if (trade.refunded) fields.refund_fee = yuan(trade.refunded);
    enqueue(alipayMessage(fields), (how) => {
        const forged = { ...fields, notify_id: name('n'), trade_status: 'TRADE_SUCCESS', total_amount: '0.01' };
        if (how === 'misSigned') return alipayMessage(forged, strangers.privateKey);
        const message = alipayMessage(fields);
        return { ...message, body: message.body.replace(/total_amount=[^&]*/, 'total_amount=0.01') };
    });
}

function send(message) {
    counts.sent++;
    return new Promise((done) => {
        const out = request(`${webhookBase}/${message.provider}`, { method: 'POST', headers: { ...message.headers, 'content-length': Buffer.byteLength(message.body) } }, (answer) => {
            let text = '';
            answer.setEncoding('utf8').on('data', (part) => (text += part)).on('end', () => done({ status: answer.statusCode, text }));
        });
        // A server that has just been killed: kept for the next time, as providers do.
        out.on('error', () => (later.push(message), done({ status: 0 })));
        out.end(message.body);
    });
}
async function deliver(list) {
    const messages = list.splice(0);
    for (let i = messages.length - 1; i > 0; i--) { // in any order
        const k = Math.floor(random() * (i + 1));
        [messages[i], messages[k]] = [messages[k], messages[i]];
    }
    const answers = await Promise.all(messages.map(send));
    for (const [i, answer] of answers.entries())
        if (answer.status === 200 && messages[i].provider === 'alipay' && answer.text !== 'success') throw new Error(`Alipay is answered "success", not ${answer.text}`);
    return messages.length;
}

// --- Stripe ---

const scale = { eur: 1, usd: 1, jpy: 1, kwd: 1 };
function intentJson(one, expanded) {
    const json = { id: one.id, object: 'payment_intent', amount: one.amount, currency: one.currency, status: one.status, metadata: one.metadata, client_secret: `${one.id}_secret`, customer: one.customer ?? null,
        payment_method: one.method ?? null, amount_received: one.received, amount_capturable: one.status === 'requires_capture' ? one.amount : 0, last_payment_error: one.error ?? null, latest_charge: one.received ? `ch_${one.id}` : null };
    if (expanded && one.received) json.latest_charge = { id: `ch_${one.id}`, payment_method_details: { card: { brand: 'visa', last4: '4242' } } };
    return json;
}
const refundJson = (one) => ({ id: one.id, object: 'refund', payment_intent: one.intent, amount: one.amount, currency: intents.get(one.intent).currency, status: one.status, metadata: one.metadata });
const disputeJson = (one) => ({ id: one.id, object: 'dispute', payment_intent: one.intent, amount: one.amount, currency: intents.get(one.intent).currency, status: one.status, reason: 'fraudulent',
    created: one.created, evidence_details: { due_by: one.created + 7 * 86400 } });

/** What its buyer will do, once he is let. */
const plans = ['pays', 'pays', 'pays', 'pays', 'pays', 'pays', 'pays', 'declined', 'leaves', 'slow', 'authorizes', 'pays_other_amount'];
function intentSettle(one, received) {
    one.status = 'succeeded';
    one.received = received;
    if (one.customer) one.method ??= name('pm');
    stripeEvent('payment_intent.succeeded', intentJson(one));
}
const declined = { code: 'card_declined', decline_code: 'insufficient_funds' };
function intentDecline(one) {
    one.status = 'requires_payment_method';
    one.error = declined;
    stripeEvent('payment_intent.payment_failed', intentJson(one));
}
function intentAct(one) {
    if (one.status === 'processing') return intentSettle(one, one.amount);
    if (one.status !== 'requires_payment_method' || one.error || one.plan === 'leaves') return;
    if (one.plan === 'declined') return intentDecline(one);
    if (one.plan === 'authorizes') { // held on the card until the shop takes it
        one.status = 'requires_capture';
        return stripeEvent('payment_intent.amount_capturable_updated', intentJson(one));
    }
    if (one.plan === 'slow') {
        one.status = 'processing';
        return stripeEvent('payment_intent.processing', intentJson(one));
    }
    intentSettle(one, one.plan === 'pays_other_amount' ? one.amount - 10 : one.amount);
}

const problem = (status, code, more = {}) => ({ status, json: { error: { type: status === 402 ? 'card_error' : 'invalid_request_error', code, ...more } } });
const metadataOf = (form) => Object.fromEntries([...form].filter(([key]) => key.startsWith('metadata[')).map(([key, value]) => [key.slice(9, -1), value]));

/** Short pages, so that there are several. */
function page(all, url, count = 5) {
    const after = url.searchParams.get('starting_after'), from = after ? all.findIndex((one) => one.id === after) + 1 : 0;
    return { object: 'list', has_more: all.length > from + count, data: all.slice(from, from + count) };
}

function stripeCall(method, url, form) {
    const [, , kind, id, verb] = url.pathname.split('/');
    if (method === 'POST' && kind === 'customers') {
        const one = { id: name('cus').replace(/[^a-z0-9_]/gi, ''), object: 'customer', metadata: metadataOf(form) };
        customers.set(one.id, one);
        return { status: 200, json: one };
    }
    if (method === 'POST' && kind === 'payment_intents' && !id) {
        const currency = form.get('currency'), amount = Number(form.get('amount'));
        if (!(currency in scale) || !Number.isInteger(amount) || amount <= 0) return problem(400, 'amount_invalid');
        if (form.get('customer') && !customers.has(form.get('customer'))) return problem(404, 'resource_missing');
        const one = { id: name('pi'), amount, currency, status: 'requires_payment_method', metadata: metadataOf(form), received: 0, refunded: 0, disputed: 0, customer: form.get('customer') ?? undefined,
            method: form.get('payment_method') ?? undefined, plan: next('stripe', plans) };
        intents.set(one.id, one);
        if (form.get('confirm') === 'true') {
            if (happens('renewal', 0.2)) {
                intentDecline(one);
                return problem(402, 'card_declined', { decline_code: 'insufficient_funds', payment_intent: intentJson(one) });
            }
            one.plan = 'pays';
            intentSettle(one, one.amount);
        }
        return { status: 200, json: intentJson(one) };
    }
    if (kind === 'payment_intents' && id === 'search') {
        const wanted = /metadata\['payment'\]:'([^']*)'/.exec(url.searchParams.get('query'))?.[1];
        return { status: 200, json: { object: 'search_result', data: [...intents.values()].filter((one) => one.metadata.payment === wanted).map((one) => intentJson(one)) } };
    }
    if (kind === 'payment_intents') {
        const one = intents.get(id);
        if (!one) return problem(404, 'resource_missing');
        if (method === 'GET') return { status: 200, json: intentJson(one, url.searchParams.get('expand[]') === 'latest_charge') };
        if (verb === 'capture') {
            if (one.status !== 'requires_capture') return problem(400, 'payment_intent_unexpected_state', { payment_intent: intentJson(one) });
            counts.captures++;
            intentSettle(one, one.amount);
            return { status: 200, json: intentJson(one) };
        }
        if (verb !== 'cancel') return problem(400, 'unknown');
        if (one.status === 'succeeded' || one.status === 'processing') return problem(400, 'payment_intent_unexpected_state', { payment_intent: intentJson(one) });
        one.status = 'canceled';
        stripeEvent('payment_intent.canceled', intentJson(one));
        return { status: 200, json: intentJson(one) };
    }
    if (method === 'POST' && kind === 'refunds') {
        const one = intents.get(form.get('payment_intent')), amount = Number(form.get('amount'));
        if (!one || one.status !== 'succeeded' || !Number.isInteger(amount) || amount <= 0 || amount > one.received - one.refunded - one.disputed) return problem(400, 'charge_already_refunded');
        const refund = { id: name('re'), intent: one.id, amount, status: next('refund', ['succeeded', 'succeeded', 'pending', 'bounces']), metadata: metadataOf(form), created: nowS };
        refund.bounces = refund.status === 'bounces'; // done at first, and sent back by the bank later
        if (refund.bounces) refund.status = 'succeeded';
        one.refunded += amount;
        refunds.set(refund.id, refund);
        stripeEvent('refund.created', refundJson(refund));
        return { status: 200, json: refundJson(refund) };
    }
    if (kind === 'refunds') {
        if (id) return refunds.has(id) ? { status: 200, json: refundJson(refunds.get(id)) } : problem(404, 'resource_missing');
        const since = Number(url.searchParams.get('created[gte]') ?? 0), of = url.searchParams.get('payment_intent');
        return { status: 200, json: page([...refunds.values()].filter((one) => (!of || one.intent === of) && one.created >= since).map(refundJson), url) };
    }
    if (kind === 'disputes') {
        return { status: 200, json: page([...disputes.values()].filter((one) => one.created >= Number(url.searchParams.get('created[gte]'))).map(disputeJson), url) };
    }
    return problem(404, 'resource_missing');
}

// --- Alipay ---

const yuan = (fen) => `${Math.floor(fen / 100)}.${String(fen % 100).padStart(2, '0')}`;
const fenOf = (text) => {
    const match = /^(\d+)\.(\d\d)$/.exec(text);
    if (!match) throw new Error(`amount ${text}`);
    return Number(match[1]) * 100 + Number(match[2]);
};
function alipayVerified(form) {
    const fields = Object.fromEntries(form);
    const { sign, ...rest } = fields; // sign_type is signed too
    if (!sign || !createVerify('RSA-SHA256').update(joined(rest), 'utf8').verify(options.appPublicKey, sign, 'base64')) return undefined;
    return rest.app_id === options.appId ? { ...rest, content: JSON.parse(rest.biz_content) } : undefined;
}
/** A buyer opens the page. */
function tradeVisit(form) {
    const ask = alipayVerified(form);
    if (!ask) throw new Error('a page pay whose signature does not fit');
    const total = fenOf(ask.content.total_amount), number = ask.content.out_trade_no;
    if (trades.has(number)) return;
    const trade = { id: name('20261121'), number, total, received: 0, refunded: 0, paid: yuan(total), subject: ask.content.subject, status: 'WAIT_BUYER_PAY', requests: new Map(), plan: next('alipay', plans) };
    trades.set(number, trade);
    alipayNotify(trade);
    if (trade.plan === 'declined' || trade.plan === 'leaves') return;
    trade.received = trade.plan === 'pays_other_amount' ? total - 1 : total;
    trade.paid = yuan(trade.received);
    trade.status = 'TRADE_SUCCESS';
    alipayNotify(trade);
}
function alipayCall(form) {
    const ask = alipayVerified(form);
    if (!ask) return ['error', { code: '40002', sub_code: 'isv.invalid-signature' }];
    const { content, method } = ask, trade = trades.get(content.out_trade_no), member = method.replaceAll('.', '_');
    if (!trade) return [member, { code: '40004', msg: 'Business Failed', sub_code: 'ACQ.TRADE_NOT_EXIST' }];
    const base = { code: '10000', msg: 'Success', out_trade_no: trade.number, trade_no: trade.id };
    if (method === 'alipay.trade.query') return [member, { ...base, trade_status: trade.status, total_amount: trade.paid, subject: 'a "quoted" } brace 你好' }];
    if (method === 'alipay.trade.close') {
        if (trade.status !== 'WAIT_BUYER_PAY') return [member, { code: '40004', msg: 'Business Failed', sub_code: 'ACQ.TRADE_STATUS_ERROR' }];
        trade.status = 'TRADE_CLOSED';
        alipayNotify(trade);
        return [member, base];
    }
    if (method === 'alipay.trade.refund') {
        const known = trade.requests.get(content.out_request_no), amount = fenOf(content.refund_amount);
        if (known) return [member, { ...base, fund_change: 'N', refund_fee: yuan(trade.refunded) }];
        if (trade.status !== 'TRADE_SUCCESS' || amount > trade.received - trade.refunded) return [member, { code: '40004', msg: 'Business Failed', sub_code: 'ACQ.REFUND_AMT_NOT_EQUAL_TOTAL' }];
        trade.requests.set(content.out_request_no, amount);
        trade.refunded += amount;
        if (trade.refunded === trade.received) trade.status = 'TRADE_CLOSED';
        alipayNotify(trade);
        return [member, { ...base, fund_change: 'Y', refund_fee: yuan(trade.refunded) }];
    }
    if (method === 'alipay.trade.fastpay.refund.query') {
        const amount = trade.requests.get(content.out_request_no);
        return [member, amount === undefined ? base : { ...base, out_request_no: content.out_request_no, refund_status: 'REFUND_SUCCESS', refund_amount: yuan(amount) }];
    }
    return [member, { code: '40001', sub_code: 'isv.missing-method' }];
}
function alipayAnswer([member, inner]) {
    const raw = JSON.stringify(inner, null, happens('blanks', 0.5) ? 1 : 0); // blanks are signed as they stand
    const sign = createSign('RSA-SHA256').update(raw, 'utf8').sign(happens('sync', badness * 0.2) ? strangers.privateKey : own.privateKey, 'base64');
    return `{"${member}_response":${raw},"sign":"${sign}"}`;
}

// --- banks ---

function banksAct() {
    for (const one of refunds.values()) {
        if (one.status === 'pending' || one.bounces) {
            const fails = one.bounces || happens('refund fails', 0.3);
            one.bounces = false;
            one.status = fails ? 'failed' : 'succeeded';
            if (fails) intents.get(one.intent).refunded -= one.amount;
            stripeEvent('refund.updated', refundJson(one));
        }
    }
    for (const one of disputes.values()) {
        if (one.status !== 'needs_response') continue;
        one.status = next('dispute', ['won', 'lost']);
        if (one.status === 'won') intents.get(one.intent).disputed -= one.amount;
        stripeEvent('charge.dispute.closed', disputeJson(one));
    }
    for (const one of intents.values()) {
        const left = one.received - one.refunded;
        const pending = [...refunds.values()].some((refund) => refund.intent === one.id && (refund.status === 'pending' || refund.bounces));
        if (one.wasDisputed || one.plan === 'pays_other_amount' || left <= 0 || pending || !badness || !happens('dispute', 0.15)) continue;
        one.wasDisputed = true;
        one.disputed = left;
        const dispute = { id: name('dp'), intent: one.id, amount: left, status: 'needs_response', created: nowS };
        disputes.set(dispute.id, dispute);
        stripeEvent('charge.dispute.created', disputeJson(dispute));
    }
}

// --- the server ---

const book = () => ({
    stripe: [...intents.values()].map((one) => ({ id: one.id, payment: one.metadata.payment, currency: one.currency.toUpperCase(), status: one.status, amount: one.amount, received: one.received, refunded: one.refunded, disputed: one.disputed })),
    alipay: [...trades.values()].map((one) => ({ id: one.id, payment: one.number, currency: 'CNY', status: one.status, amount: one.total, received: one.received, refunded: one.refunded, disputed: 0 })),
    refunds: [...refunds.values()].map((one) => ({ refund: one.metadata.refund, amount: one.amount, status: one.status })).concat(
        [...trades.values()].flatMap((one) => [...one.requests].map(([refund, amount]) => ({ refund, amount, status: 'succeeded' })))),
    disputes: [...disputes.values()].map((one) => ({ id: one.id, amount: one.amount, status: one.status })), counts,
});

async function control(path, body) {
    if (path === '/control/clock') nowS = body.now_s;
    else if (path === '/control/webhooks') webhookBase = body.base;
    else if (path === '/control/buyers') {
        for (const one of intents.values()) intentAct(one);
        for (const url of body.urls ?? []) tradeVisit(new URL(url).searchParams);
    } else if (path === '/control/bank') banksAct();
    else if (path === '/control/deliver') return { sent: (await deliver(queue)) + (body.all ? await deliver(later) : 0), waiting: queue.length + later.length };
    else if (path === '/control/calm') badness = 0;
    else return undefined;
    return {};
}

const server = createServer(async (ask, answer) => {
    let text = '';
    for await (const part of ask.setEncoding('utf8')) text += part;
    const url = new URL(ask.url, 'http://fake'), reply = (status, body, type = 'application/json') => answer.writeHead(status, { 'content-type': type }).end(body);
    try {
        if (url.pathname === '/book') return reply(200, JSON.stringify(book()));
        if (url.pathname.startsWith('/control/')) return reply(200, JSON.stringify(await control(url.pathname, text ? JSON.parse(text) : {})));
        counts.calls++;
        const fate = happens('before', badness * 0.15) ? 'before' : happens('after', badness * 0.15) ? 'after' : happens('cut', badness * 0.1) ? 'cut' : happens('late', badness * 0.2) ? 'late' : '';
        if (fate === 'before') return counts.failedBefore++, reply(500, '{"error":{"type":"api_error"}}');
        let result;
        if (url.pathname === '/gateway.do') result = { status: 200, text: alipayAnswer(alipayCall(new URLSearchParams(text))) };
        else if (ask.headers.authorization !== `Bearer ${options.secretKey}`) result = { status: 401, text: '{"error":{"type":"invalid_request_error"}}' };
        else {
            const key = ask.headers['idempotency-key'], known = key && keys.get(key);
            if (known && known.text !== url.pathname + text) result = { status: 400, text: '{"error":{"type":"idempotency_error"}}' };
            else if (known) counts.replayed++, (result = known.result);
            else {
                const { status, json } = stripeCall(ask.method, url, new URLSearchParams(text));
                result = { status, text: JSON.stringify(json) };
                if (ask.method === 'POST' && key) keys.set(key, { text: url.pathname + text, result });
            }
        }
        if (fate === 'late' && webhookBase) counts.beforeAnswer++, await deliver(queue); // its webhooks are there before its answer
        if (fate === 'after') return counts.failedAfter++, reply(500, '{"error":{"type":"api_error"}}');
        if (fate === 'cut') return counts.failedAfter++, answer.destroy();
        reply(result.status, result.text);
    } catch (error) {
        console.error(error);
        if (!answer.headersSent) reply(555, String(error));
    }
});
server.listen(0, '127.0.0.1', () => console.log(JSON.stringify({ port: server.address().port, alipayPublicKey: own.publicKey.export({ type: 'spki', format: 'pem' }) })));
process.stdin.resume().on('end', () => process.exit(0));
