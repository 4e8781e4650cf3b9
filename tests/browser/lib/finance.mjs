// SPDX-License-Identifier: AGPL-3.0-or-later
//
// The money of the stand-in: offers, codes, orders, payments, a ledger that really adds up, and settings. It keeps the shapes of
// openapi.yaml (/finance/*) and as much of the rules as the pages lean on: a price for each territory once, refunds never beyond what
// is left, the same key the same answer.
import { countries } from './rights.mjs';

const day_ms = 86_400_000;
const iso = (ms) => new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');
const dayKey = (ms) => new Date(ms).toISOString().slice(0, 10);
/** The same numbers in each run (mulberry32). */
function dice(seed) {
    let state = seed >>> 0;
    return () => {
        state = (state + 0x6d2b79f5) >>> 0;
        let t = Math.imul(state ^ (state >>> 15), 1 | state);
        t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
        return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
    };
}
const names4 = (en, de, zh, th) => ({ en, de, zh, th });
const money = (amount, currency) => ({ amount: String(amount), currency });
const ratesOf = { DE: 190_000, AT: 200_000, FR: 200_000, US: 0, CN: 60_000, TH: 70_000 };
const currencyOf = { DE: 'EUR', AT: 'EUR', FR: 'EUR', US: 'USD', CN: 'CNY', TH: 'THB' };
/** The tax inside an amount, rounded half up, in whole numbers. */
const taxInside = (amount, ppm) => (BigInt(amount) * BigInt(ppm) * 2n + BigInt(1_000_000 + ppm)) / (2n * BigInt(1_000_000 + ppm));

function holds(text) {
    const words = text.split(',');
    const out = new Set(words.includes('WORLD') ? countries : []);
    for (const word of words) if (!word.startsWith('-') && word !== 'WORLD') out.add(word.slice(0, 2));
    for (const word of words) if (word.startsWith('-')) out.delete(word.slice(1));
    return out;
}

export class Finance {
    offers = [];
    coupons = [];
    cards = [];
    orders = [];
    payments = [];
    refunds = [];
    chargebacks = [];
    accounts = [];
    transfers = [];
    raws = new Map();
    answers = new Map(); // what was answered to an Idempotency-Key
    settings = {
        seller: { name: 'Grandstand Studios GmbH', address: 'Hafenstraße 12\n20457 Hamburg', tax_id: 'DE812345678', country: 'DE' }, invoice_prefix: 'GS-2026-', is_tax_included: true,
        taxes: [{ country: 'DE', rate_ppm: 190_000 }, { country: 'AT', rate_ppm: 200_000 }, { country: 'FR', rate_ppm: 200_000 }, { country: 'TH', rate_ppm: 70_000 }, { country: 'CN', rate_ppm: 60_000 }],
        providers: [
            { id: 'sandbox', name: 'Sandbox', is_enabled: true, is_play_money: true, webhook_url: 'https://studio.example/api/v1/pay/webhooks/sandbox', fields: [] },
            { id: 'stripe', name: 'Stripe', is_enabled: false, is_ready: false, is_play_money: false, webhook_url: 'https://studio.example/api/v1/pay/webhooks/stripe', fields: [
                { name: 'publishable_key', label: 'Publishable key', is_secret: false, is_set: true, value: 'pk_live_51NzQ2k' }, { name: 'secret_key', label: 'Secret key', is_secret: true, is_set: true, value: null },
                { name: 'webhook_secret', label: 'Webhook signing secret', is_secret: true, is_set: false, value: null }] },
            { id: 'alipay', name: 'Alipay', is_enabled: false, is_play_money: false, webhook_url: 'https://studio.example/api/v1/pay/webhooks/alipay', fields: [
                { name: 'app_id', label: 'App ID', is_secret: false, is_set: false, value: null }, { name: 'private_key', label: 'Private key', is_secret: true, is_set: false, value: null }] }],
    };
    parked = [];
    attention = [];
    isExample = false;
    lostRights = new Map(); // title -> territories in which it may not be sold
    differences = []; // what the next verification finds
    beforeRefund = null; // what somebody else does between the look and the refund
    subscriptions = { active: 0, trial: 0, grace: 0, new: 0, ended: 0 };
    #made = 0;
    #days = new Map(); // currency -> [{day, gross, tax, refunded, orders}]

    constructor(titleName) {
        this.titleName = titleName;
    }
    #id(kind) {
        return `${kind}${String(++this.#made).padStart(16 - kind.length, '0')}`;
    }

    // --- making ---------------------------------------------------------------------------------------------------------
    addOffer(kind, names, prices, more = {}) {
        const offer = { id: this.#id('offer'), kind, names, descriptions: {}, is_on_sale: true, starts_at: null, ends_at: null, prices, period: null, trial_days: 0, grace_days: 0, vouchers: 0, rental: null,
            contains: { kind: 'all' }, sold: 0, subscribers: 0, ...more };
        this.offers.push(offer);
        return offer;
    }
    #account(code, name, ledger, owner = null) {
        const found = this.accounts.find((one) => one.code === code && one.ledger === ledger && one.owner?.id === owner?.id);
        if (found) return found;
        const made = { id: this.#id('acct'), code, name, owner, ledger, debits_pending: 0n, debits_posted: 0n, credits_pending: 0n, credits_posted: 0n };
        this.accounts.push(made);
        return made;
    }
    #transfer(at, code, text, debit, credit, amount, order, state = 'posted') {
        if (BigInt(amount) === 0n) return;
        const made = { id: this.#id('xfer'), at, code, text, debit, credit, amount: BigInt(amount), order, state };
        this.transfers.push(made);
        debit[`debits_${state}`] += made.amount;
        credit[`credits_${state}`] += made.amount;
    }
    /** An order as it stands after so much of its way. */
    addOrder({ household, country, offer, title = null, state = 'paid', at, provider = 'sandbox', method = 'Visa 4242', coupon = null }) {
        const currency = currencyOf[country];
        const price = offer.prices.find((one) => one.currency === currency) ?? offer.prices[0];
        const unit = BigInt(price.amount);
        const discount = coupon ? (unit * BigInt(coupon.percent)) / 100n : 0n;
        const total = unit - discount;
        const tax = taxInside(total, ratesOf[country] ?? 0);
        const number = `GS-2026-${String(10_000 + this.orders.length + 1)}`;
        const m = (amount) => money(amount, price.currency);
        const order = { id: this.#id('order'), number, state, created_at: iso(at), household, country,
            lines: [{ offer: offer.id, name: offer.names.en, title: title ? { id: title, name: this.titleName(title) } : null, quantity: 1, unit_price: m(unit), discount: m(discount), tax: m(tax), total: m(total) }],
            subtotal: m(unit), discount: m(discount), tax: m(tax), total: m(total), credit: m(0), due: m(total), refunded: m(0), vouchers: 0, coupon: coupon ? { code: coupon.code, message: null } : null, invoice: null };
        this.orders.push(order);
        const payment = { id: this.#id('pay'), provider, provider_ref: `sbx_${number.slice(-5)}`, state: 'created', amount: m(total), method, error: null, created_at: iso(at + 20_000), order: { id: order.id, number }, household, events: [] };
        const event = (ms, source, kind, judgement, message, raw = null) => {
            payment.events.push({ id: this.#id('evt'), at: iso(at + ms), source, kind, judgement, message, has_raw: raw !== null });
            if (raw) this.raws.set(payment.events.at(-1).id, raw);
        };
        if (state === 'expired' || state === 'cancelled') return order;
        this.payments.push(payment);
        event(20_000, 'us', 'payment.create', 'applied', 'Sent to the provider.');
        if (state === 'awaiting_payment') {
            Object.assign(payment, { state: 'failed', error: { code: 'card_declined', message: 'The bank declined the card.' } });
            event(22_000, 'webhook', 'payment.failed', 'applied', 'The attempt failed: the bank declined the card.', JSON.stringify({ id: 'evt_9', type: 'payment.failed', payment: payment.provider_ref, reason: 'card_declined' }));
            return order;
        }
        const raw = JSON.stringify({ id: `evt_${number.slice(-5)}`, type: 'payment.captured', payment: payment.provider_ref, amount: Number(total), currency: price.currency }, null, 2);
        event(21_000, 'answer', 'payment.requires_action', 'applied', 'A second step was asked for.');
        event(43_000, 'webhook', 'payment.captured', 'applied', `Captured ${total} ${price.currency}: amount and currency are those of the order.`, raw);
        event(44_500, 'webhook', 'payment.captured', 'duplicate', 'The same event once more: nothing moved.', raw);
        payment.state = 'captured';
        order.invoice = { number: `R-${number.slice(3)}`, url: `/api/v1/finance/orders/${order.id}/invoice.pdf` };
        const ledger = price.currency;
        const clearing = this.#account(100, 'Clearing', ledger, { id: provider, name: provider });
        const progress = this.#account(300, 'Order in progress', ledger, { id: order.id, name: number });
        const when = iso(at + 43_000);
        this.#transfer(when, 1, 'Payment captured', clearing, progress, total, order);
        this.#transfer(when, 2, 'Revenue of the order', progress, this.#account(400, 'Revenue', ledger), total - tax, order);
        this.#transfer(when, 3, 'Tax of the order', progress, this.#account(500, 'Tax owed', ledger), tax, order);
        offer.sold++;
        if (state === 'part_refunded') this.#refund(order, total / 2n, 'Half of the match was dark', at + 3_600_000);
        if (state === 'refunded') this.#refund(order, total, 'Bought twice by mistake', at + 3_600_000);
        if (state === 'charged_back') {
            payment.state = 'charged_back';
            event(4 * day_ms, 'webhook', 'dispute.created', 'applied', 'The bank took the money back.', JSON.stringify({ id: 'evt_cb', type: 'dispute.created', payment: payment.provider_ref }));
            this.#transfer(iso(at + 4 * day_ms), 9, 'Charge-back', this.#account(420, 'Lost to charge-backs', ledger), clearing, total, order);
            this.chargebacks.push({ id: this.#id('cb'), at: iso(at + 4 * day_ms), state: 'open', amount: m(total), reason: 'fraudulent', due_at: iso(Date.now() + 6 * day_ms), order: { id: order.id, number }, household, payment: { id: payment.id, provider } });
        }
        order.state = state;
        return order;
    }
    #refund(order, amount, reason, at, state = 'done', by = { name: 'Rosa Keller' }) {
        const { currency } = order.total;
        const tax = BigInt(order.total.amount) === 0n ? 0n : (BigInt(order.tax.amount) * amount) / BigInt(order.total.amount);
        const account = (code, name, owner) => this.#account(code, name, currency, owner);
        const progress = account(300, 'Order in progress', { id: order.id, name: order.number });
        const payment = this.payments.findLast((one) => one.order?.id === order.id);
        const clearing = account(100, 'Clearing', { id: payment.provider, name: payment.provider });
        this.#transfer(iso(at), 5, 'Revenue refunded', account(410, 'Revenue refunded'), progress, amount - tax, order);
        this.#transfer(iso(at), 6, 'Tax refunded', account(500, 'Tax owed'), progress, tax, order);
        this.#transfer(iso(at), 7, 'Refund to the provider', progress, clearing, amount, order, state === 'done' ? 'posted' : 'pending');
        const made = { id: this.#id('ref'), kind: 'finance', state, amount: money(amount, currency), reason, note: null, message: state === 'failed' ? 'The payment provider refused this refund.' : '', created_at: iso(at), by, order: { id: order.id, number: order.number }, household: order.household };
        this.refunds.push(made);
        order.refunded = money(BigInt(order.refunded.amount) + amount, currency);
        order.state = order.refunded.amount === order.total.amount ? 'refunded' : 'part_refunded';
        payment.state = order.state;
        payment.events.push({ id: this.#id('evt'), at: iso(at), source: 'us', kind: 'refund.create', judgement: 'applied', message: `Refund of ${amount} ${currency} sent.`, has_raw: false });
        return made;
    }
    refundable(order) {
        const paid = ['paid', 'part_refunded'].includes(order.state) ? BigInt(order.total.amount) - BigInt(order.refunded.amount) : 0n;
        return money(paid, order.total.currency);
    }

    /** A house that has sold for a year. */
    fill(titles, now = Date.now()) {
        const roll = dice(2026);
        const pick = (list) => list[Math.floor(roll() * list.length)];
        const prices = (eur, usd, cny, thb) => [{ amount: String(eur), currency: 'EUR', territories: 'AT,BE,DE,ES,FI,FR,IE,IT,LU,NL,PT' }, { amount: String(usd), currency: 'USD', territories: 'US,CA' },
            { amount: String(cny), currency: 'CNY', territories: 'CN' }, { amount: String(thb), currency: 'THB', territories: 'TH' }];
        const month = this.addOffer('subscription', names4('Season ticket, monthly', 'Dauerkarte, monatlich', '季票月卡', 'ตั๋วซีซันรายเดือน'), prices(999, 1099, 3900, 19900),
            { period: { unit: 'month', count: 1 }, trial_days: 7, grace_days: 3, vouchers: 2, subscribers: 1284, sold: 9312, descriptions: { en: 'Everything we may show, and two film vouchers a month.', de: 'Alles, was wir zeigen dürfen, und zwei Filmgutscheine im Monat.' } });
        const year = this.addOffer('subscription', names4('Season ticket, yearly', 'Dauerkarte, jährlich', '季票年卡', 'ตั๋วซีซันรายปี'), prices(8990, 9900, 36500, 179000),
            { period: { unit: 'year', count: 1 }, grace_days: 7, vouchers: 48, subscribers: 402, sold: 611 });
        const rent = this.addOffer('rental', names4('Film evening', 'Filmabend', '电影之夜', 'คืนดูหนัง'), prices(399, 399, 1200, 7900), { rental: { start_within_days: 30, watch_hours: 48 }, contains: { kind: 'titles', titles: titles.slice(0, 4) }, sold: 4188 });
        const buy = this.addOffer('purchase', names4('To keep', 'Zum Behalten', '永久购买', 'ซื้อเก็บไว้'), prices(1299, 1399, 3800, 29900), { contains: { kind: 'titles', titles: titles.slice(0, 3) }, sold: 972 });
        const pass = this.addOffer('season_pass', names4('Stadium Stories, whole season', 'Stadiongeschichten, ganze Staffel', '球场故事全季', 'เรื่องเล่าจากสนาม ทั้งซีซัน'), prices(1999, 2199, 6800, 39900), { contains: { kind: 'series', id: 'series0000000001' }, sold: 233 });
        const live = this.addOffer('live_pass', names4('Derby night', 'Derbyabend', '德比之夜', 'คืนดาร์บี้'), prices(699, 799, 2500, 12900), { contains: { kind: 'titles', titles: [titles[3]] }, is_on_sale: false, starts_at: iso(now + 6 * day_ms), sold: 0 });
        this.addOffer('gift_card', names4('Gift card', 'Geschenkkarte', '礼品卡', 'บัตรของขวัญ'), prices(2500, 2500, 10000, 50000), { sold: 148 });
        this.lostRights.set(titles[1], 'FR,LU');
        this.coupons.push({ id: this.#id('coup'), code: 'HARBOUR25', percent: 25, amount: null, offers: null, starts_at: iso(now - 40 * day_ms), ends_at: iso(now + 20 * day_ms), uses_max: 500, uses: 312, per_household_max: 1, is_active: true },
            { id: this.#id('coup'), code: 'DERBY5', percent: null, amount: money(500, 'EUR'), offers: [live.id], starts_at: null, ends_at: null, uses_max: null, uses: 41, per_household_max: 1, is_active: true },
            { id: this.#id('coup'), code: 'SPRING26', percent: 10, amount: null, offers: null, starts_at: iso(now - 250 * day_ms), ends_at: iso(now - 200 * day_ms), uses_max: 1000, uses: 1000, per_household_max: null, is_active: false });
        for (let i = 0; i < 6; i++) this.cards.push({ id: this.#id('gift'), last4: pick(['K7QX', 'M2TB', 'W9RD', 'H4PN', 'C8VZ', 'F3LG']), amount: money(pick([2500, 5000]), 'EUR'), state: i % 3 ? 'open' : 'redeemed', created_at: iso(now - (i * 9 + 2) * day_ms), redeemed_at: i % 3 ? null : iso(now - i * 4 * day_ms) });

        const homes = [['household0000001', 'Familie Brandt', 'DE'], ['household0000002', 'ครอบครัววงศ์ไทย', 'TH'], ['household0000003', '林家', 'CN'], ['household0000004', 'The Okafors', 'US'], ['household0000005', 'Famille Morel', 'FR'], ['household0000006', 'Familie Huber', 'AT']];
        const states = ['paid', 'paid', 'paid', 'paid', 'paid', 'paid', 'paid', 'part_refunded', 'refunded', 'charged_back', 'awaiting_payment', 'expired', 'cancelled'];
        for (let i = 0; i < 90; i++) {
            const [id, name, country] = pick(homes);
            const offer = pick([month, month, month, rent, rent, buy, pass, year]);
            this.addOrder({ household: { id, name }, country, offer, title: offer === rent || offer === buy ? pick(titles.slice(0, 3)) : null, state: i === 0 || i > 86 ? 'paid' : pick(states), at: now - (90 - i) * 7.3 * 3_600_000,
                method: pick(['Visa 4242', 'Visa 4242', 'Mastercard 5454', 'Amex 0005']), coupon: roll() < 0.12 ? this.coupons[0] : null });
        }
        const [last] = this.orders.slice(-1);
        this.payments.push({ id: this.#id('pay'), provider: 'stripe', provider_ref: 'pi_3QZx81', state: 'parked', amount: money(1299, 'EUR'), method: 'Visa 4242', error: { code: 'pay.unknown_order', message: 'The provider says that this was paid, but no order knows it.' },
            created_at: iso(now - 5 * 3_600_000), order: null, household: null, events: [{ id: 'evtparked0000001', at: iso(now - 5 * 3_600_000), source: 'webhook', kind: 'payment_intent.succeeded', judgement: 'parked', message: 'No payment of ours has this reference. Nothing was moved; it waits for somebody to look.', has_raw: true }] });
        this.raws.set('evtparked0000001', JSON.stringify({ id: 'evt_1', type: 'payment_intent.succeeded', data: { object: { id: 'pi_3QZx81', amount_received: 1299, currency: 'eur' } } }, null, 2));
        this.parked.push({ id: '71', at: iso(now - 5 * 3_600_000), provider: 'stripe', provider_ref: 'pi_3QZx81', code: 'parked.payment', message: 'The provider knows a payment that is not ours, or one of ours twice.', ours: null, theirs: money(1299, 'EUR'), payment: null, has_raw: true, settled_at: null, note: '' });
        this.attention.push({ code: 'payments.parked', message: 'The provider reports a payment that fits no order.', count: 1 }, { code: 'renewals.failed', message: 'Renewals failed; the viewers still watch and are tried again.', count: 4 },
            { code: 'chargebacks.open', message: 'Charge-backs wait for an answer.', count: this.chargebacks.length }, { code: 'offers.rights', message: 'Offers contain titles that may not be sold everywhere.', count: 2 });
        this.subscriptions = { active: 1686, trial: 74, grace: 4, new: 213, ended: 88 };
        this.verifiedAt = iso(now - 9 * 3_600_000);
        this.last = last;

        for (const [currency, base, ppm] of [['EUR', 61_000, 190_000], ['CNY', 148_000, 60_000], ['THB', 390_000, 70_000], ['USD', 24_000, 0]]) {
            const days = [];
            for (let i = 760; i >= 0; i--) {
                const at = now - i * day_ms;
                const week = [1.15, 0.72, 0.7, 0.78, 0.9, 1.25, 1.5][new Date(at).getUTCDay()];
                const season = 1 + 0.28 * Math.sin((at / day_ms / 365.25) * 2 * Math.PI + 1) + (760 - i) / 1400;
                const spike = roll() < 0.02 ? 1.9 : 1;
                const part = i === 0 ? 0.45 : 1;
                const gross = BigInt(Math.round(base * week * season * spike * part * (0.85 + roll() * 0.3)));
                const refunded = roll() < 0.35 ? BigInt(Math.round(Number(gross) * roll() * 0.09)) : 0n;
                days.push({ day: dayKey(at), gross, tax: taxInside(gross, ppm), refunded, orders: Math.max(1, Math.round(Number(gross) / (base / 52))) });
            }
            this.#days.set(currency, days);
        }
        return this;
    }

    // --- answering ------------------------------------------------------------------------------------------------------
    #shownOffer(offer, lang, url) {
        const contains = { kind: offer.contains.kind, id: offer.contains.id ?? null, name: offer.contains.id ? this.titleName(offer.contains.id, url) : '', count: offer.contains.titles?.length ?? (offer.contains.kind === 'all' ? 38 : 2),
            ...(offer.contains.titles ? { titles: offer.contains.titles.map((id) => ({ id, name: this.titleName(id, url) })) } : {}) };
        return { ...offer, name: offer.names[lang] || offer.names.en, description: offer.descriptions[lang] ?? '', price: money(offer.prices[0].amount, offer.prices[0].currency), tax: { rate_ppm: 190_000, is_included: this.settings.is_tax_included },
            title: null, contains, warnings: this.#warnings(offer, url) };
    }
    #warnings(offer, url) {
        const out = [];
        for (const title of offer.contains?.titles ?? []) {
            const lost = this.lostRights.get(title);
            if (!lost) continue;
            const sold = new Set(offer.prices.flatMap((one) => [...holds(one.territories ?? '')]));
            const where = lost.split(',').filter((code) => sold.has(code));
            if (where.length) out.push({ code: 'offer.right_lost', message: `“${this.titleName(title, url)}” may not be sold this way in ${where.join(', ')}.`, title: { id: title, name: this.titleName(title, url) }, territories: where.join(',') });
        }
        return out;
    }
    #problems(offer) {
        const out = [];
        const wrong = (field, code, message) => out.push({ field, code, message });
        if (!Object.values(offer.names ?? {}).some((name) => name?.trim())) wrong('names.en', 'offer.name', 'Give it a name in at least one language.');
        if (!offer.prices?.length) wrong('prices', 'offer.price_missing', 'Give it at least one price.');
        const taken = new Map();
        for (const [i, one] of (offer.prices ?? []).entries()) {
            if (!/^\d+$/.test(one.amount ?? '') || BigInt(one.amount) <= 0n) wrong(`prices[${i}].amount`, 'offer.price_amount', 'A price is more than nothing.');
            if (!one.territories) wrong(`prices[${i}].territories`, 'offer.price_nowhere', 'Say where this price holds.');
            const twice = [...holds(one.territories ?? '')].filter((code) => taken.has(code));
            if (twice.length) wrong(`prices[${i}].territories`, 'offer.price_twice', `${twice.slice(0, 3).join(', ')} has a price already: price ${taken.get(twice[0]) + 1}.`);
            for (const code of holds(one.territories ?? '')) if (!taken.has(code)) taken.set(code, i);
        }
        if (['collection', 'series'].includes(offer.contains?.kind) && !offer.contains.id) wrong('contains.id', 'offer.contains', 'Choose what it contains.');
        if (offer.contains?.kind === 'titles' && !offer.contains.titles?.length) wrong('contains.titles', 'offer.contains', 'Choose at least one title.');
        if (offer.starts_at && offer.ends_at && offer.starts_at >= offer.ends_at) wrong('ends_at', 'offer.window', 'It must end after it begins.');
        if (offer.kind === 'rental' && !(offer.rental?.watch_hours > 0)) wrong('rental.watch_hours', 'offer.rental', 'Say how many hours it can be watched.');
        return out;
    }
    #effects(offer, next) {
        const was = new Map((offer?.prices ?? []).map((one) => [`${one.currency} ${one.territories}`, one.amount]));
        const isDearer = (next.prices ?? []).some((one) => was.has(`${one.currency} ${one.territories}`) && was.get(`${one.currency} ${one.territories}`) !== one.amount);
        return offer && isDearer && offer.subscribers ? [{ code: 'offer.price_renewals', message: `${offer.subscribers} running subscriptions renew at the new price, the first on 1 Dec 2026. They are told by mail.`, count: offer.subscribers }] : [];
    }
    #page(list, q, size = 25) {
        const limit = Math.min(Number(q.get('limit') ?? size), 200);
        const from = q.get('after') ? list.findIndex((one) => one.id === q.get('after')) + 1 : 0;
        const items = list.slice(from, from + limit);
        return { items, next: from + limit < list.length ? items.at(-1).id : null };
    }
    #balance(account) {
        const isDebit = [100, 410, 420].includes(account.code);
        const [debits, credits] = [account.debits_posted, account.credits_posted];
        return isDebit ? debits - credits : credits - debits;
    }
    #shownAccount(account) {
        const { debits_pending, debits_posted, credits_pending, credits_posted, ...rest } = account;
        return { ...rest, ...Object.fromEntries(Object.entries({ debits_pending, debits_posted, credits_pending, credits_posted, balance: this.#balance(account) }).map(([key, value]) => [key, String(value)])) };
    }
    #label = (account) => ({ id: account.id, name: account.owner ? `${account.name}: ${account.owner.name}` : account.name });
    #shownOrder(order) {
        const payment = this.payments.findLast((one) => one.order?.id === order.id) ?? null;
        return { ...order, payment };
    }
    #wholeOrder(order) {
        return { ...this.#shownOrder(order), refundable: this.refundable(order), payments: this.payments.filter((one) => one.order?.id === order.id), refunds: this.refunds.filter((one) => one.order.id === order.id),
            transfers: this.transfers.filter((one) => one.order === order).map((one) => ({ id: one.id, at: one.at, code: one.code, text: one.text, debit: this.#label(one.debit), credit: this.#label(one.credit), amount: money(one.amount, one.debit.ledger), state: one.state })) };
    }
    #revenue(q) {
        const currency = q.get('currency') ?? 'EUR';
        const m = (amount) => money(amount, currency);
        const days = (this.#days.get(currency) ?? []).filter((one) => (!q.get('from') || one.day >= q.get('from').slice(0, 10)) && (!q.get('to') || one.day < q.get('to').slice(0, 10)));
        const shown = (key, name, { gross, tax, refunded, orders }) => ({ key, name, gross: m(gross), tax: m(tax), refunded: m(refunded), lost: m(0), net: m(gross - tax - refunded), orders });
        const currencies = [...this.#days.keys()];
        if ((q.get('by') ?? 'day') === 'day') return { currencies: q.get('currency') ? [currency] : currencies, items: days.map((one) => shown(one.day, one.day, one)) };
        const whole = days.reduce((sum, one) => ({ gross: sum.gross + one.gross, tax: sum.tax + one.tax, refunded: sum.refunded + one.refunded, orders: sum.orders + one.orders }), { gross: 0n, tax: 0n, refunded: 0n, orders: 0 });
        const lists = { title: this.titlesSold ?? [], offer: this.offers.filter((one) => one.sold).map((one) => [one.id, one.names.en]),
            territory: { EUR: ['DE', 'FR', 'AT', 'NL', 'IT', 'ES', 'BE'], USD: ['US', 'CA'], CNY: ['CN'], THB: ['TH'] }[currency]?.map((code) => [code, code]) ?? [] };
        const list = lists[q.get('by')] ?? [];
        const parts = list.map((_, i) => BigInt(Math.round(1000 / (i + 1.6))));
        const all = parts.reduce((a, b) => a + b, 0n) || 1n;
        const cut = (value, i) => (value * parts[i]) / all;
        return { currencies, items: list.map(([key, name], i) => shown(key, name, { gross: cut(whole.gross, i), tax: cut(whole.tax, i), refunded: cut(whole.refunded, i), orders: Number(cut(BigInt(whole.orders), i)) })) };
    }

    /** [status, body] of what belongs here; a body that is a text goes out as it is, with the type in the third place. */
    answer(method, url, at, body, headers) {
        const q = url.searchParams;
        const [, , kind, id, verb, sub, tail] = at.split('/');
        const lang = q.get('lang') ?? 'en';
        const fail = (status, code, message, more = {}) => [status, { error: { code, message }, ...more }];
        const missing = () => fail(404, 'request.not_found', 'It is not here (any more).');
        const is = (wish) => wish === `${method} ${[kind, id && ':id', verb].filter(Boolean).join('/')}`;
        if (is('GET overview')) return [200, { is_example: this.isExample, currencies: [...this.#days.keys()], subscriptions: this.subscriptions, attention: this.attention, verified: this.verifiedAt ? { at: this.verifiedAt, transfers: this.transfers.length, accounts: this.accounts.length, differences: 0 } : null }];
        if (is('GET revenue')) return [200, this.#revenue(q)];
        if (kind === 'offers') {
            const isCheck = method === 'POST' && (id === 'check' || verb === 'check');
            const offer = this.offers.find((one) => one.id === id);
            if (id && id !== 'check' && !offer) return missing();
            if (method === 'GET') return [200, offer ? this.#shownOffer(offer, lang, url) : { items: this.offers.map((one) => this.#shownOffer(one, lang, url)) }];
            const next = { ...offer, ...body };
            const problems = this.#problems(next);
            if (isCheck) return [200, { problems, warnings: this.#warnings(next, url), effects: this.#effects(offer, next) }];
            if (problems.length) return fail(400, problems[0].code, problems[0].message, { problems });
            if (offer) Object.assign(offer, body);
            const saved = offer ?? this.addOffer(body.kind, body.names, body.prices, body);
            return [offer ? 200 : 201, this.#shownOffer(saved, lang, url)];
        }
        if (kind === 'coupons') {
            if (method === 'GET') return [200, { items: this.coupons }];
            const coupon = this.coupons.find((one) => one.id === id);
            if (method === 'PATCH' && coupon) return [200, Object.assign(coupon, body)];
            if (this.coupons.some((one) => one.code === body.code)) return fail(409, 'coupon.taken', 'This code exists already.', { problems: [{ field: 'code', code: 'coupon.taken', message: 'This code exists already.' }] });
            this.coupons.unshift({ id: this.#id('coup'), percent: null, amount: null, offers: null, starts_at: null, ends_at: null, uses_max: null, uses: 0, per_household_max: null, is_active: true, ...body });
            return [201, this.coupons[0]];
        }
        if (kind === 'gift-cards') {
            if (method === 'GET') return [200, this.#page(this.cards, q)];
            const codes = Array.from({ length: body.count }, (_, i) => `GIFT-7QX${i}-M2TB-${String(1000 + this.cards.length + i)}`);
            for (const code of codes) this.cards.unshift({ id: this.#id('gift'), last4: code.slice(-4), amount: body.amount, state: 'open', created_at: iso(Date.now()), redeemed_at: null });
            return [201, { codes }];
        }
        if (kind === 'orders') {
            const order = this.orders.find((one) => one.id === id);
            if (!id) {
                const words = (q.get('q') ?? '').toLowerCase();
                const found = [...this.orders].reverse().filter((one) => (!q.get('state') || one.state === q.get('state')) && (!words || `${one.number} ${one.household.name}`.toLowerCase().includes(words))
                    && (!q.get('from') || one.created_at >= q.get('from')) && (!q.get('to') || one.created_at < q.get('to')));
                const page = this.#page(found, q);
                return [200, { ...page, items: page.items.map((one) => this.#shownOrder(one)) }];
            }
            if (!order) return missing();
            if (is('GET orders/:id')) return [200, this.#wholeOrder(order)];
            if (is('GET orders/:id/invoice.pdf')) return [200, '%PDF-1.4 invoice', 'application/pdf'];
            if (verb === 'refunds') {
                const { amount: left, currency } = this.refundable(order);
                const chosen = body.amount ? BigInt(body.amount.amount) : body.lines ? body.lines.reduce((sum, i) => sum + BigInt(order.lines[i].total.amount), 0n) : BigInt(left);
                if (body.amount && body.amount.currency !== currency) return fail(400, 'refund.currency', 'The order was paid in another currency.');
                if (sub === 'preview') {
                    if (chosen <= 0n || chosen > BigInt(left)) return fail(409, 'refund.too_much', 'More than is left cannot be given back.');
                    return [200, { amount: money(chosen, currency), tax: money((BigInt(order.tax.amount) * chosen) / BigInt(order.total.amount), currency), left: money(BigInt(left) - chosen, currency), ends: chosen === BigInt(left) ? [{ name: order.lines[0].name }] : [] }];
                }
                const key = headers['idempotency-key'];
                if (!key) return fail(400, 'idempotency.missing', 'Idempotency-Key is missing.');
                const text = JSON.stringify(body);
                const before = this.answers.get(key);
                if (before) return before.text === text ? before.answer : fail(409, 'idempotency.mismatch', 'This key was used for another request.');
                this.beforeRefund?.(order);
                const now = this.refundable(order).amount;
                if (chosen <= 0n || chosen > BigInt(now)) return fail(409, 'refund.too_much', 'Meanwhile somebody else gave money back on this order: less is left than you wanted to refund.');
                const answer = [201, this.#refund(order, chosen, body.reason, Date.now(), 'pending')];
                this.answers.set(key, { text, answer });
                return answer;
            }
        }
        if (kind === 'payments') {
            const payment = this.payments.find((one) => one.id === id);
            if (!id) return [200, this.#page([...this.payments].reverse().filter((one) => (!q.get('state') || one.state === q.get('state')) && (!q.get('provider') || one.provider === q.get('provider'))), q)];
            if (!payment) return missing();
            if (verb === 'events' && tail === 'raw') return this.raws.has(sub) ? [200, this.raws.get(sub), 'text/plain'] : missing();
            return [200, payment];
        }
        if (kind === 'parked') {
            const word = this.parked.find((one) => one.id === id);
            if (!id) return [200, this.#page(this.parked.filter((one) => q.get('open') !== '1' || one.settled_at === null), q)];
            if (!word) return missing();
            if (verb === 'raw') return [200, this.raws.get('evtparked0000001'), 'text/plain'];
            return [200, Object.assign(word, { settled_at: iso(Date.now()), note: body.note })];
        }
        if (is('GET refunds')) return [200, this.#page([...this.refunds].reverse().filter((one) => !q.get('state') || one.state === q.get('state')), q)];
        if (is('GET chargebacks')) return [200, this.#page([...this.chargebacks].reverse(), q)];
        if (kind === 'accounts') {
            if (!id) return [200, { items: this.accounts.filter((one) => one.code !== 300 || this.#balance(one) !== 0n).map((one) => this.#shownAccount(one)) }];
            const account = this.accounts.find((one) => one.id === id);
            if (!account) return missing();
            const isDebit = [100, 410, 420].includes(account.code);
            let balance = 0n;
            let opening = 0n;
            const items = [];
            for (const one of [...this.transfers].sort((a, b) => (a.at < b.at ? -1 : 1))) {
                if (one.state !== 'posted' || (one.debit !== account && one.credit !== account)) continue;
                balance += (one.debit === account) === isDebit ? one.amount : -one.amount;
                if (q.get('to') && one.at >= q.get('to')) break;
                if (q.get('from') && one.at < q.get('from')) {
                    opening = balance;
                    continue;
                }
                items.push({ id: one.id, at: one.at, code: one.code, text: one.text, counter: this.#label(one.debit === account ? one.credit : one.debit), debit: one.debit === account ? String(one.amount) : null, credit: one.credit === account ? String(one.amount) : null,
                    balance: String(balance), order: { id: one.order.id, number: one.order.number } });
            }
            if (q.get('format') === 'csv') return [200, `at,text,debit,credit,balance\r\n${items.map((one) => [one.at, one.text, one.debit ?? '', one.credit ?? '', one.balance].join(',')).join('\r\n')}\r\n`, 'text/csv'];
            if (q.get('format') === 'pdf') return [200, '%PDF-1.4 statement', 'application/pdf'];
            return [200, { account: this.#shownAccount(account), opening: String(opening), closing: items.at(-1)?.balance ?? String(opening), ...this.#page(items, q, 50) }];
        }
        if (is('POST verify')) {
            const found = { transfers: this.transfers.length, accounts: this.accounts.length, differences_total: this.differences.length, differences: this.differences };
            this.verifiedAt = iso(Date.now());
            return [200, found];
        }
        if (kind === 'settings') {
            if (method === 'PUT') {
                const bad = (body.taxes ?? []).findIndex((one, i) => body.taxes.findIndex((other) => other.country === one.country) !== i);
                if (bad >= 0) return fail(400, 'settings.tax_twice', 'A country has one rate.', { problems: [{ field: `taxes[${bad}].country`, code: 'settings.tax_twice', message: 'This country has a rate already.' }] });
                const { providers, ...rest } = body;
                Object.assign(this.settings, rest);
                for (const one of providers ?? []) {
                    const provider = this.settings.providers.find((other) => other.id === one.id);
                    provider.is_enabled = one.is_enabled;
                    for (const [name, value] of Object.entries(one.fields ?? {})) {
                        const field = provider.fields.find((other) => other.name === name);
                        Object.assign(field, { is_set: value !== '', value: field.is_secret ? null : value });
                        if (field.is_secret) this.secrets = { ...this.secrets, [name]: value };
                    }
                }
            }
            return [200, this.settings];
        }
        return null;
    }
}
