// SPDX-License-Identifier: AGPL-3.0-or-later
//
// The stand-in's box office: offers, quotes, orders, payments in the sandbox's manner, plans. It keeps the API's contract; its sums are those
// of two or three figures, what the real ledger does is tested against the real one.
const day_ms = 86_400_000;
const iso = (ms) => new Date(ms).toISOString();
const names = { en: 0, de: 1, zh: 2, th: 3 };
/** The cards of the sandbox, and what each does. */
export const cards = [['4242424242424242', 'succeeds'], ['4000000000000002', 'declined'], ['4000000000003220', 'second_step'], ['4000000000000259', 'charged_back']].map(([number, what]) => ({ number, what }));
const messages = { declined: 'The bank declined this card.', number: 'The bank does not know this number.', refused: 'The confirmation was refused.' };

export class ShopStandIn {
    isOpen = false;
    offers = [];
    orders = new Map(); // id -> the order, with `user`
    payments = new Map();
    houses = new Map(); // user id -> what the household has
    keys = new Map(); // Idempotency-Key -> {body, status, value}
    /** A provider besides the sandbox: {id, name, kind}. */
    others = [];
    /** Payments stay with the bank until this is false. */
    isBankSlow = false;
    credits = {}; // codes of gift cards -> minor units
    coupons = { SUMMER: 20 }; // per cent
    requests = []; // what was asked for by POST: "POST /orders"
    #made = 0;
    constructor(titleOf) {
        this.titleOf = titleOf;
    }
    #id(kind) {
        return `${kind}${String(++this.#made).padStart(16 - kind.length, '0')}`;
    }
    /** Two plans by the month and by the year, and for each title named a rental and a purchase. */
    open({ titles = [], currency = 'EUR', prices = [499, 999, 4790, 8990, 399, 1199], season = null } = {}) {
        const [basic, plus, basicYear, plusYear, rent, buy] = prices;
        const offer = (id, kind, texts, amount, more = {}) => ({ id, kind, names: texts, descriptions: ['', '', '', ''], price: { amount: String(amount), currency }, tax: { rate_ppm: 190_000, is_included: true }, period: null,
            trial_days: 0, vouchers: 0, rental: null, title: null, contains: null, ends_at: null, ...more });
        const plan = (id, texts, amount, unit, more) => offer(id, 'subscription', texts, amount, { period: { unit, count: 1 }, ...more });
        const some = { kind: 'collection', name: 'Harbour films', count: 24 };
        const all = { kind: 'all', name: '', count: 0 };
        this.isOpen = true;
        this.offers = [
            plan('planbasicmonth00', ['Basic', 'Basis', '基础套餐', 'เบสิก'], basic, 'month', { contains: some }),
            plan('planplusmonth000', ['Plus', 'Plus', '优享套餐', 'พลัส'], plus, 'month', { contains: all, vouchers: 2, trial_days: 14 }),
            plan('planbasicyear000', ['Basic', 'Basis', '基础套餐', 'เบสิก'], basicYear, 'year', { contains: some }),
            plan('planplusyear0000', ['Plus', 'Plus', '优享套餐', 'พลัส'], plusYear, 'year', { contains: all, vouchers: 48, trial_days: 14 }),
            ...titles.flatMap((id, i) => [
                offer(`rental000000000${i}`, 'rental', ['48-hour rental', 'Leihe für 48 Stunden', '48 小时租借', 'เช่าดู 48 ชั่วโมง'], rent, { rental: { start_within_days: 30, watch_hours: 48 }, of: id }),
                offer(`rentaldear00000${i}`, 'rental', ['Premium rental', 'Premium-Leihe', '高级租借', 'เช่าพรีเมียม'], rent * 2, { rental: { start_within_days: 30, watch_hours: 48 }, of: id }),
                offer(`purchase0000000${i}`, 'purchase', ['Purchase', 'Kauf', '购买', 'ซื้อ'], buy, { of: id })]),
            ...(season ? [offer('seasonpass000000', 'season_pass', ['Stadium Stories, whole season', 'Stadiongeschichten, ganze Staffel', '球场故事 全季', 'เรื่องเล่าจากสนาม ทั้งซีซัน'], 1499, { of: season, contains: { kind: 'series', name: 'Stadium Stories', count: 2 } })] : []),
            offer('giftcard25000000', 'gift_card', ['Gift card', 'Geschenkkarte', '礼品卡', 'บัตรของขวัญ'], 2500, {}),
        ];
    }
    close() {
        Object.assign(this, { isOpen: false, offers: [], others: [], isBankSlow: false, credits: {}, coupons: { SUMMER: 20 }, requests: [] });
        for (const map of [this.orders, this.payments, this.houses, this.keys]) map.clear();
    }
    houseOf(user) {
        if (!this.houses.has(user.id)) this.houses.set(user.id, { subscription: null, vouchers: 0, credit: 0, entitlements: [], hadTrial: false });
        return this.houses.get(user.id);
    }
    #in(url, texts) {
        return texts[names[url.searchParams.get('lang')] ?? 0];
    }
    #show({ names: texts, descriptions, of, ...offer }, url, session) {
        return { ...offer, name: this.#in(url, texts), description: this.#in(url, descriptions), title: of ? { id: of, name: this.titleOf(of, url) } : null,
            ...(session ? { was_trial_used: this.houseOf(session.user).hadTrial } : {}) };
    }
    #ofTitle(id) {
        return this.offers.filter((offer) => offer.of === id || (offer.kind === 'subscription' && this.offers.some((one) => one.of === id)));
    }
    /** What the household has of this title; null: nothing. */
    entitlementOf(id, session) {
        if (!session) return null;
        const house = this.houseOf(session.user);
        const isPlanned = house.subscription && house.subscription.state !== 'ended' && this.#ofTitle(id).length > 0;
        return house.entitlements.find((one) => one.title?.id === id) ?? (isPlanned ? { kind: 'subscription', title: null, offer: { id: house.subscription.offer.id, name: house.subscription.offer.names[0] }, medium: 'subscription', starts_at: house.subscription.period.from, ends_at: null, is_started: true, order: null } : null);
    }
    /** What a tile says. */
    sale(title, session) {
        if (!this.isOpen) return undefined;
        if (title.is_free !== false) return { badge: 'free', price: null, until: null };
        const offers = this.#ofTitle(title.id);
        const has = this.entitlementOf(title.id, session);
        if (has) return { badge: { rental: 'rented', purchase: 'owned', subscription: 'included' }[has.kind], price: null, until: has.ends_at };
        if (!offers.length) return { badge: 'none', price: null, until: null };
        const lowest = (kind) => offers.filter((one) => one.kind === kind).sort((a, b) => Number(a.price.amount) - Number(b.price.amount))[0]?.price ?? null;
        if (title.isByPlanOnly) return { badge: 'subscribe', price: lowest('subscription'), until: null };
        return lowest('rental') ? { badge: 'rent', price: lowest('rental'), until: null } : { badge: 'subscribe', price: lowest('subscription'), until: null };
    }
    titleOffers(title, url, session) {
        const house = session && this.houseOf(session.user);
        return { items: this.#ofTitle(title.id).filter((one) => !title.isByPlanOnly || one.kind === 'subscription').map((offer) => this.#show(offer, url, session)), entitlement: this.entitlementOf(title.id, session),
            vouchers: { balance: house?.vouchers ?? 0, is_usable: Boolean(house?.vouchers) } };
    }

    #quote(body, url, session) {
        const [line] = body.lines;
        const offer = this.offers.find((one) => one.id === line.offer);
        const house = this.houseOf(session.user);
        const money = (amount) => ({ amount: String(Math.round(amount)), currency: offer.price.currency });
        const isTrial = offer.trial_days > 0 && !house.hadTrial;
        const unit = Number(offer.price.amount);
        const usesVoucher = body.use_voucher === true && house.vouchers > 0 && offer.kind === 'rental';
        const percent = body.coupon ? this.coupons[body.coupon.toUpperCase()] : undefined;
        const discount = isTrial || usesVoucher ? unit : percent ? Math.floor((unit * percent) / 100) : 0;
        const total = unit - discount;
        const credit = body.use_credit ? Math.min(house.credit, total) : 0;
        const tax = Math.floor(total - total / 1.19);
        const renews = offer.kind === 'subscription' ? { at: iso(Date.now() + (isTrial ? offer.trial_days : offer.period.unit === 'year' ? 365 : 30) * day_ms), price: offer.price } : null;
        return { offer, quote: { lines: [{ offer: offer.id, kind: offer.kind, name: this.#in(url, offer.names), title: line.title ? { id: line.title, name: this.titleOf(line.title, url) } : null, quantity: 1, unit_price: money(unit), is_trial: isTrial,
            discount: money(discount), tax: money(tax), total: money(total) }], subtotal: money(unit), discount: money(discount), tax: money(tax), total: money(total), credit: money(credit), due: money(total - credit),
        vouchers: usesVoucher ? 1 : 0, renews, coupon: body.coupon ? { code: body.coupon, trouble: percent ? null : 'coupon.unknown', message: percent ? null : 'This code is not known here.' } : null, country: 'DE' } };
    }
    /** The order is paid: what it bought is the household's. */
    settle(order) {
        const house = this.houseOf(order.user);
        const { offer } = order;
        order.state = 'paid';
        order.invoice = { number: `2026-${order.number}`, url: `/api/v1/me/orders/${order.id}/invoice.pdf` };
        house.vouchers -= order.shown.vouchers;
        house.credit -= Number(order.shown.credit.amount);
        const title = order.shown.lines[0].title;
        const has = { title, offer: { id: offer.id, name: offer.names[0] }, starts_at: iso(Date.now()), is_started: false, order: order.id };
        if (offer.kind === 'subscription') {
            const isTrial = offer.trial_days > 0 && !house.hadTrial;
            const to = order.shown.renews.at;
            house.hadTrial = true;
            house.vouchers += offer.vouchers;
            house.subscription = { id: this.#id('sub'), offer, state: isTrial ? 'trial' : 'active', period: { from: iso(Date.now()), to }, renews_at: to, price: offer.price, method: order.payment?.method ?? null, next_offer: null, started_at: iso(Date.now()) };
        } else if (offer.kind === 'rental') house.entitlements.unshift({ kind: 'rental', medium: 'rental', ends_at: iso(Date.now() + 30 * day_ms), ...has });
        else if (offer.kind === 'gift_card') order.codes = ['GRND-7K2M-QX94'];
        else house.entitlements.unshift({ kind: 'purchase', medium: 'purchase', ends_at: null, ...has });
    }
    #payment(payment) {
        const { looks: _, will: __, ...shown } = payment;
        return shown;
    }
    #order({ user: _, offer: __, shown, ...order }) {
        return { refunded: null, ...order, ...shown, payment: order.payment && this.#payment(order.payment), codes: order.codes ?? [] };
    }
    /** What the bank says to a card. */
    #charge(payment, card) {
        const number = card?.number ?? '';
        payment.method = card ? `Visa ${number.slice(-4)}` : null;
        if (!card) Object.assign(payment, { state: 'requires_action', action: { kind: 'redirect', url: `/pay/step/${payment.id}` } });
        else if (!cards.some((one) => one.number === number)) Object.assign(payment, { state: 'failed', error: { code: 'card.number', message: messages.number } });
        else if (number === cards[1].number) Object.assign(payment, { state: 'failed', error: { code: 'pay.declined', message: messages.declined } });
        else if (number === cards[2].number) Object.assign(payment, { state: 'requires_action', action: { kind: 'confirm', url: `/pay/step/${payment.id}` } });
        else payment.state = 'processing';
    }

    /** True if the address was one of these. */
    async answer(request, at, url, session, read, json, fail) {
        const { method } = request;
        const post = method === 'POST';
        const [, area, id, verb] = at.split('/');
        if (at === '/plans') return json(200, { items: this.offers.filter((one) => !one.of && one.kind === (url.searchParams.get('kind') ?? 'subscription')).map((offer) => this.#show(offer, url, session)) });
        if (at === '/pay/providers') return json(200, { items: [{ id: 'sandbox', name: 'Card', kind: 'card', is_play_money: true, cards }, ...this.others] });
        if (!['orders', 'pay'].includes(area) && !/^\/me\/(plan|orders|gift-cards)/.test(at)) return false;
        if (!session) return fail(401, 'session.required');
        if (post && request.headers['x-grandstand'] !== '1') return fail(403, 'request.origin');
        const body = post ? await read() : {};
        if (post) this.requests.push(`${method} ${at.replace(/[a-z]+\d{10,}/, '{id}')}`);
        const house = this.houseOf(session.user);
        const key = request.headers['idempotency-key'];
        const known = post && key ? this.keys.get(key) : undefined;
        if (known && known.body !== JSON.stringify(body)) return fail(409, 'idempotency.mismatch');
        if (known) return json(201, known.value());
        const keep = (value) => {
            if (key) this.keys.set(key, { body: JSON.stringify(body), value });
            return json(201, value());
        };
        if (at === '/orders/quote') {
            const { quote } = this.#quote(body, url, session);
            return json(200, quote);
        }
        if (at === '/orders' && post) {
            if (!key) return fail(400, 'idempotency.missing');
            const { offer, quote } = this.#quote(body, url, session);
            const order = { id: this.#id('order'), number: String(1040 + this.orders.size), state: 'awaiting_payment', created_at: iso(Date.now()), expires_at: iso(Date.now() + 1_800_000), payment: null, invoice: null, user: session.user, offer, shown: quote };
            this.orders.set(order.id, order);
            if (quote.due.amount === '0') this.settle(order);
            return keep(() => this.#order(order));
        }
        const order = this.orders.get(area === 'orders' ? id : '');
        if (area === 'orders' && order?.user !== session.user) return fail(404, 'order.not_found');
        if (area === 'orders' && verb === 'cancel') {
            order.state = 'cancelled';
            return json(200, this.#order(order));
        }
        if (area === 'orders' && verb === 'payments') {
            const payment = { id: this.#id('pay'), order: order.id, provider: body.provider, state: 'created', amount: order.shown.due, action: null, error: null, method: null, created_at: iso(Date.now()), looks: 0 };
            this.#charge(payment, body.card);
            this.payments.set(payment.id, payment);
            order.payment = payment;
            return keep(() => this.#payment(payment));
        }
        if (area === 'orders') {
            const { payment } = order;
            // The provider's word comes between two looks at the order, as a webhook does.
            if (order.state === 'awaiting_payment' && payment?.state === 'processing' && !this.isBankSlow && ++payment.looks > 1) {
                payment.state = 'captured';
                this.settle(order);
            }
            return json(200, this.#order(order));
        }
        if (area === 'pay') {
            const payment = this.payments.get(at.split('/')[3]);
            if (!payment) return fail(404, 'payment.not_found');
            if (post && payment.state === 'requires_action') Object.assign(payment, { action: null }, body.is_confirmed ? { state: 'processing' } : { state: 'failed', error: { code: 'pay.refused', message: messages.refused } });
            return json(200, this.#payment(payment));
        }
        if (at === '/me/plan') {
            const { subscription } = house;
            return json(200, { subscription: subscription && { ...subscription, offer: this.#show(subscription.offer, url, session), next_offer: subscription.next_offer && this.#show(subscription.next_offer, url, session) },
                vouchers: { balance: house.vouchers, expires_at: house.vouchers ? iso(Date.now() + 60 * day_ms) : null }, credit: house.credit ? [{ amount: String(house.credit), currency: 'EUR' }] : [], entitlements: house.entitlements });
        }
        if (at === '/me/plan/cancel' || at === '/me/plan/resume') {
            Object.assign(house.subscription, at.endsWith('cancel') ? { state: 'cancelled', renews_at: null } : { state: 'active', renews_at: house.subscription.period.to });
            return json(200, { ...house.subscription, offer: this.#show(house.subscription.offer, url, session) });
        }
        if (at === '/me/plan/switch') {
            const next = this.offers.find((one) => one.id === body.offer);
            const rest = Math.floor(Number(house.subscription.price.amount) * 0.6);
            const isDearer = Number(next.price.amount) > Number(house.subscription.price.amount);
            const money = (amount) => ({ amount: String(amount), currency: next.price.currency });
            const due = isDearer ? Number(next.price.amount) - rest : 0;
            const quote = { lines: [{ offer: next.id, kind: next.kind, name: this.#in(url, next.names), title: null, quantity: 1, unit_price: next.price, discount: money(0), tax: money(0), total: next.price }], subtotal: next.price, discount: money(0), tax: money(0), total: next.price,
                proration: money(isDearer ? rest : 0), credit: money(isDearer ? rest : Number(next.price.amount)), due: money(due), vouchers: 0, renews: { at: isDearer ? iso(Date.now() + 30 * day_ms) : house.subscription.period.to, price: next.price }, coupon: null, country: 'DE' };
            if (body.dry_run) return json(200, { quote, at: isDearer ? 'now' : 'period_end', order: null });
            if (next === house.subscription.offer) house.subscription.next_offer = null;
            else if (isDearer) Object.assign(house.subscription, { offer: next, price: next.price, next_offer: null });
            else house.subscription.next_offer = next;
            return keep(() => ({ quote: { ...quote, due: money(0) }, at: isDearer ? 'now' : 'period_end', order: null }));
        }
        if (at === '/me/orders') return json(200, { items: [...this.orders.values()].filter((one) => one.user === session.user).reverse().map((one) => this.#order(one)) });
        if (at === '/me/gift-cards') {
            const worth = this.credits[body.code];
            if (!worth) return fail(404, 'gift_card.unknown');
            delete this.credits[body.code];
            house.credit += worth;
            return json(200, { credit: [{ amount: String(house.credit), currency: 'EUR' }], redeemed: { amount: String(worth), currency: 'EUR' } });
        }
        return fail(404, 'request.not_found');
    }
}
