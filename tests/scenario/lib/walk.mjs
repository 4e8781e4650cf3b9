// SPDX-License-Identifier: AGPL-3.0-or-later
//
// Who may take which route: routes.test.mjs walks all of openapi.yaml by this table. Who adds a route adds its line.
//
// who      public, user (an account), operator, editor, rights, finance, live, households
// at       what stands in the path, from the world w of the test (ids of ours); with it the operator of another organisation must meet 404
// query    the same for GET: its answer must then show nothing of ours
// body     of a request that is let through. Better one that is refused further in as malformed, or changes nothing; `raw` and `headers` likewise
// marked   public, but only from our own pages
// guarded  public, and where a session's cookie is brought only from our own pages
// last     ends what others need: called after them, once
// refusal  what another organisation's operator meets instead of 404
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { password } from './people.mjs';
import { root } from './server.mjs';

/** 'GET /api/v1/site' ... as openapi.yaml has them. */
export function operations() {
    const found = [];
    let path;
    for (const line of readFileSync(join(root, 'openapi.yaml'), 'utf8').split('\n')) {
        let m;
        if (line === 'components:') break;
        if ((m = /^  (\/[^:]*):$/.exec(line))) path = m[1];
        else if ((m = /^    (get|post|put|patch|delete):$/.exec(line))) found.push(`${m[1].toUpperCase()} ${path}`);
    }
    return found;
}

export const scopesOf = {
    editor: { read: ['catalog:read', 'catalog:write'], write: ['catalog:write'] },
    rights: { read: ['rights:read', 'rights:write'], write: ['rights:write'] },
    live: { read: ['live:write'], write: ['live:write'] },
    finance: { read: ['finance:read', 'finance:write'], write: ['finance:write'] },
    households: { read: ['households:read', 'households:write'], write: ['households:write'] },
};
export const rolesOf = { editor: ['editor'], rights: ['rights'], finance: ['finance'] }; // beside operators
export const allScopes = ['catalog:read', 'catalog:write', 'rights:read', 'rights:write', 'households:read', 'households:write', 'live:write', 'finance:read', 'finance:write'];

const title = (w) => ({ id: w.title, title: w.title });
const channel = (w) => ({ title: w.channel });
export const walk = {
    'GET /api/v1/site': { who: 'public' },
    'GET /api/v1/titles': { who: 'public', query: () => '?q=Verborgen' },
    'GET /api/v1/titles/{id}': { who: 'public', at: title },
    'POST /api/v1/titles/{id}/playback': { who: 'public', guarded: true, at: title },
    'POST /api/v1/playback/{session}/renew': { who: 'public', guarded: true, at: (w) => ({ session: w.playback }) },
    'DELETE /api/v1/playback/{session}': { who: 'public', guarded: true, at: (w) => ({ session: w.playback }) },
    'POST /api/v1/session': { who: 'public', marked: true, body: { code: 'wrong' } },
    'DELETE /api/v1/session': { who: 'public', marked: true, last: true },

    'GET /api/v1/me': { who: 'public' },
    'PATCH /api/v1/me': { who: 'user', body: { name: 'Erika' } },
    'PATCH /api/v1/me/household': { who: 'user', body: { name: 'Familie Geheim' } },
    'GET /api/v1/me/household': { who: 'user' },
    'POST /api/v1/me/household/invitations': { who: 'user', body: { email: 'nonsense', password: 'wrong' } },
    'DELETE /api/v1/me/household/invitations/{id}': { who: 'user', at: (w) => ({ id: w.joining }), last: true },
    'DELETE /api/v1/me/household/adults/{id}': { who: 'user', at: (w) => ({ id: w.user }), body: { password } },
    'POST /api/v1/me/household/adults/{id}/owner': { who: 'user', at: (w) => ({ id: w.user }), body: { password } },
    'POST /api/v1/me/household/leave': { who: 'user', body: { password: 'wrong' } },
    'POST /api/v1/me/totp': { who: 'user', body: {} },
    'POST /api/v1/me/totp/confirm': { who: 'user', body: { code: '000000' } },
    'DELETE /api/v1/me/totp': { who: 'user', body: { password: 'wrong' } },
    'GET /api/v1/me/sessions': { who: 'user' },
    'DELETE /api/v1/me/sessions/{id}': { who: 'user', at: (w) => ({ id: w.session }), last: true },
    'GET /api/v1/me/export': { who: 'user' },
    'POST /api/v1/me/erase': { who: 'user', body: { password: 'wrong' } },
    'GET /api/v1/me/consents': { who: 'user' },
    'POST /api/v1/me/consents': { who: 'user', body: { purpose: 'news', is_granted: true } },
    'POST /api/v1/profiles': { who: 'user', body: { name: '' } },
    'PATCH /api/v1/profiles/{id}': { who: 'user', at: (w) => ({ id: w.profile }), body: { picture: 'a3' } },
    'POST /api/v1/profiles/{id}/choose': { who: 'user', at: (w) => ({ id: w.profile }), body: {} },
    'DELETE /api/v1/profiles/{id}': { who: 'user', at: (w) => ({ id: w.profile }), body: {}, last: true },

    'POST /api/v1/sign-up': { who: 'public', marked: true, body: {} },
    'POST /api/v1/confirm': { who: 'public', marked: true, body: { code: 'wrong' } },
    'POST /api/v1/sign-in': { who: 'public', marked: true, body: { email: 'x', password: 'y' } },
    'POST /api/v1/password/forgot': { who: 'public', marked: true, body: {} },
    'POST /api/v1/password/reset': { who: 'public', marked: true, body: { code: 'wrong', password: 'another long one' } },
    'POST /api/v1/invitation': { who: 'public', marked: true, body: { code: 'wrong' } },
    'POST /api/v1/invitation/accept': { who: 'public', marked: true, body: { code: 'wrong', name: 'X', password: 'another long one' } },

    'GET /api/v1/operator/members': { who: 'operator' },
    'POST /api/v1/operator/members': { who: 'operator', body: {} },
    'PATCH /api/v1/operator/members/{id}': { who: 'operator', at: (w) => ({ id: w.member }), body: { roles: ['finance'] } },
    'DELETE /api/v1/operator/members/{id}': { who: 'operator', at: (w) => ({ id: w.member }), last: true },
    'GET /api/v1/operator/tokens': { who: 'operator' },
    'POST /api/v1/operator/tokens': { who: 'operator', body: {} },
    'DELETE /api/v1/operator/tokens/{id}': { who: 'operator', at: (w) => ({ id: w.token }), last: true },
    'GET /api/v1/operator/mails': { who: 'operator' },
    'GET /api/v1/operator/organisation': { who: 'households' },
    'PATCH /api/v1/operator/organisation': { who: 'households', body: { portability: 'eu' } },
    'GET /api/v1/operator/households': { who: 'households', query: () => '?q=Geheim' },
    'GET /api/v1/operator/households/{id}': { who: 'households', at: (w) => ({ id: w.household }) },
    'PATCH /api/v1/operator/households/{id}': { who: 'households', at: (w) => ({ id: w.household }), body: { streams_max: 3 } },

    'GET /api/v1/operator/titles': { who: 'editor' },
    'POST /api/v1/operator/titles': { who: 'editor', body: { names: {} } },
    'GET /api/v1/operator/titles/{id}': { who: 'editor', at: title },
    'PATCH /api/v1/operator/titles/{id}': { who: 'editor', at: title, body: { year: 2026 } },
    'DELETE /api/v1/operator/titles/{id}': { who: 'editor', at: title, last: true },
    'GET /api/v1/operator/channels': { who: 'live' },
    'POST /api/v1/operator/channels': { who: 'live', body: { names: {} } },
    'GET /api/v1/operator/channels/{title}': { who: 'live', at: channel },
    'PATCH /api/v1/operator/channels/{title}': { who: 'live', at: channel, body: { dvr_ms: 60000 } },
    'POST /api/v1/operator/channels/{title}/start': { who: 'live', at: channel },
    'POST /api/v1/operator/channels/{title}/key': { who: 'live', at: channel },
    'GET /api/v1/operator/channels/{title}/preview.jpg': { who: 'live', at: channel },
    'GET /api/v1/operator/channels/{title}/quality': { who: 'live', at: channel },
    'POST /api/v1/operator/channels/{title}/end': { who: 'live', at: channel, last: true },
    'DELETE /api/v1/operator/channels/{title}': { who: 'live', at: channel, last: true },
    'POST /api/v1/uploads': { who: 'editor', body: {} },
    'GET /api/v1/uploads/{id}': { who: 'editor', at: (w) => ({ id: w.upload }) },
    'PATCH /api/v1/uploads/{id}': { who: 'editor', at: (w) => ({ id: w.upload }), raw: Buffer.from('x'), headers: { 'upload-offset': '0' } },
    'POST /api/v1/uploads/{id}/import': { who: 'editor', at: (w) => ({ id: w.upload }), body: {} },
    'DELETE /api/v1/uploads/{id}': { who: 'editor', at: (w) => ({ id: w.upload }), last: true },
    'GET /api/v1/jobs': { who: 'editor' },
    'DELETE /api/v1/jobs/{id}': { who: 'editor', at: (w) => ({ id: w.job }) },
    'GET /api/v1/events': { who: 'operator', isEndless: true },

    'GET /api/v1/search': { who: 'public', query: () => '?q=Verborgen' },
    'PUT /api/v1/operator/titles/{id}/art/{file}': { who: 'editor', at: (w) => ({ id: w.title, file: 'portrait.jpg' }), raw: Buffer.from([0xff, 0xd8, 0xff, 0xd9]), headers: { 'content-type': 'image/jpeg' } },
    'DELETE /api/v1/operator/titles/{id}/art/{file}': { who: 'editor', at: (w) => ({ id: w.title, file: 'portrait.jpg' }) },
    'GET /api/v1/operator/rows': { who: 'editor' },
    'PUT /api/v1/operator/rows': { who: 'editor', body: { items: 'none' } },
    'GET /api/v1/operator/catalogue': { who: 'editor', query: () => '?format=json' },
    'POST /api/v1/operator/catalogue': { who: 'editor', raw: Buffer.from('no,such,columns\n'), headers: { 'content-type': 'text/csv' } },
    'GET /api/v1/operator/people': { who: 'editor' },
    'POST /api/v1/operator/people': { who: 'editor', body: {} },
    'PATCH /api/v1/operator/people/{id}': { who: 'editor', at: (w) => ({ id: w.person }), body: { names: { en: 'Geheime Person' } } },
    'DELETE /api/v1/operator/people/{id}': { who: 'editor', at: (w) => ({ id: w.person }), last: true },

    'GET /api/v1/rights/parties': { who: 'rights' },
    'POST /api/v1/rights/parties': { who: 'rights', body: {} },
    'PATCH /api/v1/rights/parties/{id}': { who: 'rights', at: (w) => ({ id: w.party }), body: { country: 'AT' } },
    'GET /api/v1/rights/deals': { who: 'rights' },
    'POST /api/v1/rights/deals': { who: 'rights', body: {} },
    'GET /api/v1/rights/deals/{id}': { who: 'rights', at: (w) => ({ id: w.deal }) },
    'GET /api/v1/rights/deals/{id}/conflicts': { who: 'rights', at: (w) => ({ id: w.deal }) },
    'PATCH /api/v1/rights/deals/{id}': { who: 'rights', at: (w) => ({ id: w.deal }), body: { reference: 'Geheim 1' } },
    'POST /api/v1/rights/deals/{id}/lines': { who: 'rights', at: (w) => ({ id: w.deal }), body: { lines: 'none' } },
    'DELETE /api/v1/rights/lines/{id}': { who: 'rights', at: (w) => ({ id: w.line }), last: true },
    'GET /api/v1/rights/conflicts': { who: 'rights' },
    'POST /api/v1/rights/conflicts': { who: 'rights', body: {} },
    'GET /api/v1/rights/titles/{id}': { who: 'rights', at: title },
    'GET /api/v1/rights/map': { who: 'rights', query: (w) => `?title=${w.title}&medium=free` },
    'GET /api/v1/rights/avails': { who: 'rights', query: (w) => `?title=${w.title}` },
    'GET /api/v1/rights/why': { who: 'rights', query: (w) => `?title=${w.title}&territory=DE&medium=free&household=${w.household}` },
    'POST /api/v1/rights/import': { who: 'rights', raw: Buffer.from('no,such,columns\n'), headers: { 'content-type': 'text/csv' } },
    'POST /api/v1/operator/households/{id}/grants': { who: 'households', at: (w) => ({ id: w.household }), body: { medium: 'none' } },
    'DELETE /api/v1/operator/households/{id}/grants/{grant}': { who: 'households', at: (w) => ({ id: w.household, grant: w.grant }), last: true },

    'GET /api/v1/plans': { who: 'public' },
    'GET /api/v1/titles/{id}/offers': { who: 'public', at: title },
    'POST /api/v1/orders/quote': { who: 'user', body: { lines: 'none' } },
    'POST /api/v1/orders': { who: 'user', body: { lines: 'none' } },
    'GET /api/v1/orders/{id}': { who: 'user', at: (w) => ({ id: w.order }) },
    'POST /api/v1/orders/{id}/payments': { who: 'user', at: (w) => ({ id: w.order }), body: { provider: 'sandbox', card: {} } },
    'POST /api/v1/orders/{id}/cancel': { who: 'user', at: (w) => ({ id: w.order }), body: {}, last: true },
    'GET /api/v1/pay/providers': { who: 'public' },
    'GET /api/v1/pay/sandbox/{payment}': { who: 'user', at: (w) => ({ payment: w.payment }) },
    'POST /api/v1/pay/sandbox/{payment}/confirm': { who: 'user', at: (w) => ({ payment: w.payment }), body: { is_confirmed: 'perhaps' } },
    'POST /api/v1/pay/webhooks/{provider}': { who: 'public', at: () => ({ provider: 'nobody' }), body: { id: 'evt_1' } },
    'GET /api/v1/me/plan': { who: 'user' },
    'POST /api/v1/me/plan/cancel': { who: 'user', body: {} },
    'POST /api/v1/me/plan/resume': { who: 'user', body: {} },
    'POST /api/v1/me/plan/switch': { who: 'user', body: { offer: 'none' } },
    'GET /api/v1/me/orders': { who: 'user' },
    'GET /api/v1/me/orders/{id}/invoice.pdf': { who: 'user', at: (w) => ({ id: w.order }) },
    'POST /api/v1/me/gift-cards': { who: 'user', body: { code: 'XXXX-XXXX-XXXX-XXXX' } },

    'GET /api/v1/finance/overview': { who: 'finance' },
    'GET /api/v1/finance/offers': { who: 'finance' },
    'POST /api/v1/finance/offers': { who: 'finance', body: { names: 'none' } },
    'GET /api/v1/finance/offers/{id}': { who: 'finance', at: (w) => ({ id: w.offer }) },
    'PATCH /api/v1/finance/offers/{id}': { who: 'finance', at: (w) => ({ id: w.offer }), body: { names: { en: 'Geheimes Angebot' } } },
    'POST /api/v1/finance/offers/check': { who: 'finance', body: { names: {} } },
    'POST /api/v1/finance/offers/{id}/check': { who: 'finance', at: (w) => ({ id: w.offer }), body: { names: {} } },
    'GET /api/v1/finance/coupons': { who: 'finance' },
    'POST /api/v1/finance/coupons': { who: 'finance', body: { code: '!' } },
    'PATCH /api/v1/finance/coupons/{id}': { who: 'finance', at: (w) => ({ id: w.coupon }), body: { is_active: true } },
    'GET /api/v1/finance/gift-cards': { who: 'finance' },
    'POST /api/v1/finance/gift-cards': { who: 'finance', body: { amount: 'much' } },
    'GET /api/v1/finance/orders': { who: 'finance', query: () => '?q=Geheim' },
    'GET /api/v1/finance/orders/{id}': { who: 'finance', at: (w) => ({ id: w.order }) },
    'GET /api/v1/finance/orders/{id}/invoice.pdf': { who: 'finance', at: (w) => ({ id: w.order }) },
    'POST /api/v1/finance/orders/{id}/refunds': { who: 'finance', at: (w) => ({ id: w.order }), body: { lines: 'all' } },
    'POST /api/v1/finance/orders/{id}/refunds/preview': { who: 'finance', at: (w) => ({ id: w.order }), body: { lines: 'all' } },
    'GET /api/v1/finance/refunds': { who: 'finance' },
    'GET /api/v1/finance/payments': { who: 'finance' },
    'GET /api/v1/finance/payments/{id}': { who: 'finance', at: (w) => ({ id: w.payment }) },
    'GET /api/v1/finance/payments/{id}/events/{event}/raw': { who: 'finance', at: (w) => ({ id: w.payment, event: w.event }) },
    'GET /api/v1/finance/chargebacks': { who: 'finance' },
    'GET /api/v1/finance/parked': { who: 'finance' },
    'GET /api/v1/finance/parked/{id}/raw': { who: 'finance', at: (w) => ({ id: w.parked }) },
    'POST /api/v1/finance/parked/{id}/settle': { who: 'finance', at: (w) => ({ id: w.parked }), body: { note: 'looked after' } },
    'GET /api/v1/finance/revenue': { who: 'finance', query: () => '?by=title' },
    'GET /api/v1/finance/accounts': { who: 'finance', query: () => '?owned=1' },
    'GET /api/v1/finance/accounts/{id}/statement': { who: 'finance', at: (w) => ({ id: w.book }) },
    'POST /api/v1/finance/verify': { who: 'finance', body: {} },
    'GET /api/v1/finance/settings': { who: 'finance' },
    'PUT /api/v1/finance/settings': { who: 'finance', body: { taxes: 'none' } },

    'GET /art/{title}/{file}': { who: 'public', at: (w) => ({ title: w.title, file: 'poster.jpg' }) },
    'GET /media/{title}/{file}': { who: 'public', at: (w) => ({ title: w.title, file: 'master.m3u8' }), refusal: 403 },
    'GET /media/{token}/{title}/{file}': { who: 'public', at: (w) => ({ token: 'x', title: w.title, file: 'master.m3u8' }), refusal: 403 },
    'GET /healthz': { who: 'public' },
    'GET /metrics': { who: 'public' },
};
