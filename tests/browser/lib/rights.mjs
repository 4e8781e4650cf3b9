// SPDX-License-Identifier: AGPL-3.0-or-later
//
// Contracts and the rest of the control room for the stand-in: a small book of deals and lines that is really decided upon, households, members,
// tokens, mails, people and the rows of the home page. Slow and short where the server is fast and careful; the shapes are the server's.
const media = ['free', 'advertising', 'subscription', 'rental', 'purchase', 'live', 'catch_up', 'clip', 'download', 'linear', 'theatrical', 'venue'];
export const countries = ('AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY '
    + 'CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG '
    + 'KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK '
    + 'PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI '
    + 'VN VU WF WS YE YT ZA ZM ZW').split(' ');
const iso = (ms) => new Date(ms).toISOString().replace('.000Z', 'Z');
const endless = 8.64e15;
const endOf = (line) => (line.ends_at === null ? endless : Date.parse(line.ends_at));

/** The countries of "WORLD,-US"; areas belong to their country. */
function holds(text) {
    const words = text.split(',');
    const out = new Set(words.includes('WORLD') ? countries : []);
    for (const word of words) if (!word.startsWith('-') && word !== 'WORLD') out.add(word.slice(0, 2));
    for (const word of words) if (word.startsWith('-') && word.length === 3) out.delete(word.slice(1));
    return out;
}
const both = (a, b) => [...a].filter((one) => b.has(one));

export class Room {
    parties = [];
    deals = [];
    lines = [];
    people = [];
    rows = [];
    households = [];
    isHouseholdsWhole = true; // false: the first answer holds back the last household that fits, and leads on to it
    organisation = { country: 'DE', portability: 'off' };
    members = [];
    tokens = [];
    mails = [];
    imports = []; // what came by CSV
    count = 0;

    constructor(titleName) {
        this.titleName = titleName;
    }
    #id(prefix) {
        return `${prefix}${String(++this.count).padStart(15 - prefix.length, '0')}`;
    }
    addParty(name, country) {
        this.parties.push({ id: this.#id('party'), name, country, kind: 'organisation' });
        return this.parties.at(-1);
    }
    addDeal(reference, direction, party, more = {}) {
        const deal = { id: this.#id('deal'), reference, direction, party, status: 'active', may_sublicense: false, parent: null, version: 1, created_at: '2026-03-02T09:00:00Z', ...more };
        this.deals.push(deal);
        return deal;
    }
    addLine(deal, title, more = {}) {
        const line = { id: this.#id('line'), deal: deal.id, title, effect: 'allow', territories: 'WORLD', media: [...media], languages: [], starts_at: '2026-01-01T00:00:00Z', ends_at: null,
            is_exclusive: false, may_sublicense: false, plays_max: null, note: '', known_at: '2026-03-02T09:00:00Z', withdrawn_at: null, ...more };
        this.lines.push(line);
        return line;
    }
    #shown(line, url, withDeal = true) {
        const deal = this.deals.find((one) => one.id === line.deal);
        return { ...line, title: { id: line.title, name: this.titleName(line.title, url) }, territory_count: holds(line.territories).size, deal: withDeal ? deal : { id: line.deal } };
    }
    #standing(title) {
        return this.lines.filter((line) => line.withdrawn_at === null && (!title || line.title === title));
    }

    /** Two exclusives, or an exclusive against a grant, of different deals that are running. */
    conflicts(dealId, line, url, replaced = []) {
        const deal = this.deals.find((one) => one.id === dealId);
        const found = [];
        for (const other of this.#standing(line.title)) {
            const against = this.deals.find((one) => one.id === other.deal);
            if (other.deal === dealId || replaced.includes(other.id) || against.status !== 'active' || against.direction !== deal.direction || line.effect !== 'allow' || other.effect !== 'allow') continue;
            if (!line.is_exclusive && !other.is_exclusive) continue;
            const where = both(holds(line.territories), holds(other.territories));
            const how = both(new Set(line.media), new Set(other.media));
            const from = Math.max(Date.parse(line.starts_at), Date.parse(other.starts_at));
            const to = Math.min(endOf(line), endOf(other));
            if (!where.length || !how.length || from >= to) continue;
            found.push({ kind: line.is_exclusive && other.is_exclusive ? 'exclusive_exclusive' : 'exclusive_allow', message: `${against.party.name} holds this already by ${against.reference}.`, line: this.#shown(other, url),
                overlap: { territories: where.length === countries.length ? 'WORLD' : where.join(','), media: how, languages: [], from: iso(from), to: to === endless ? null : iso(to) } });
        }
        return found;
    }
    /** What a title's lines say in one country at one moment: {state, line, until}. */
    decide(title, country, medium, at, knownAt = endless) {
        const known = this.lines.filter((line) => line.title === title && Date.parse(line.known_at) <= knownAt && (line.withdrawn_at === null || Date.parse(line.withdrawn_at) > knownAt));
        const here = known.filter((line) => holds(line.territories).has(country) && line.media.includes(medium));
        const runs = (line) => Date.parse(line.starts_at) <= at && at < endOf(line) && this.deals.find((deal) => deal.id === line.deal).status === 'active';
        const dealOf = (line) => this.deals.find((deal) => deal.id === line.deal);
        const change = here.flatMap((line) => [Date.parse(line.starts_at), endOf(line)]).filter((ms) => ms > at && ms < endless).sort((a, b) => a - b)[0];
        const until = change === undefined ? null : iso(change);
        for (const state of ['blackout', 'holdback']) {
            const line = here.find((one) => one.effect === state && runs(one));
            if (line) return { state, line, until };
        }
        const sold = here.find((line) => line.effect === 'allow' && line.is_exclusive && dealOf(line).direction === 'out' && runs(line));
        if (sold) return { state: 'exclusive', line: sold, until };
        const grants = here.filter((line) => line.effect === 'allow' && dealOf(line).direction !== 'out');
        const now = grants.find(runs);
        if (now) return { state: 'allow', line: now, until };
        const later = grants.find((line) => Date.parse(line.starts_at) > at);
        if (later) return { state: 'later', line: later, until };
        const ended = grants.find((line) => endOf(line) <= at);
        return { state: ended ? 'ended' : 'none', line: ended ?? null, until };
    }

    /** [status, body] of what belongs here; null of what does not. */
    answer(method, url, at, body, text) {
        const [, area, kind, id, verb] = at.split('/');
        const q = url.searchParams;
        const time = (name, otherwise) => (q.get(name) ? Date.parse(q.get(name)) : otherwise);
        const fail = (status, code) => [status, { error: { code, message: `refused: ${code}` } }];
        if (area === 'rights' && kind === 'parties') {
            if (method === 'GET') return [200, { items: this.parties }];
            return [201, this.addParty(body.name, body.country)];
        }
        if (area === 'rights' && kind === 'deals') {
            const counted = (deal) => ({ ...deal, line_count: this.#standing().filter((line) => line.deal === deal.id).length });
            if (!id && method === 'GET') return [200, { items: this.deals.map(counted) }];
            if (!id) return [201, counted(this.addDeal(body.reference, body.direction, this.parties.find((one) => one.id === body.party) ?? { id: 'us', name: 'Us', country: 'DE' },
                { status: 'draft', may_sublicense: body.may_sublicense, created_at: iso(Date.now()) }))];
            const deal = this.deals.find((one) => one.id === id);
            if (!deal) return fail(404, 'rights.deal_missing');
            if (verb === 'lines') {
                const replaced = body.lines.map((line) => line.replaces).filter(Boolean);
                const found = body.lines.flatMap((line, index) => this.conflicts(id, line, url, replaced).map((one) => ({ ...one, index })));
                if (found.length && !body.accept_conflicts) return [409, { error: { code: 'rights.conflict', message: 'These lines contradict others.' }, conflicts: found }];
                for (const other of this.lines) if (replaced.includes(other.id)) other.withdrawn_at = iso(Date.now());
                const made = body.lines.map(({ replaces: _, ...line }) => this.addLine(deal, line.title, { ...line, note: [line.note, body.accept_reason].filter(Boolean).join(' '), known_at: iso(Date.now()) }));
                return [201, { lines: made.map((line) => this.#shown(line, url)), conflicts: found }];
            }
            const standing = () => this.#standing().filter((line) => line.deal === id).flatMap((line) => this.conflicts(id, line, url, [line.id]).map((conflict) => ({ title: { id: line.title, name: this.titleName(line.title, url) }, first: this.#shown(line, url), conflict })));
            if (verb === 'conflicts') return [200, { total: standing().length, items: standing() }];
            const { accept_conflicts: isAccepted, ...change } = body;
            if (method === 'PATCH' && deal.status === 'draft' && change.status === 'active' && !isAccepted && standing().length)
                return [409, { error: { code: 'rights.conflict', message: 'This contradicts what stands in the book.' }, conflicts: standing().map(({ conflict }) => conflict) }];
            if (method === 'PATCH') Object.assign(deal, change, { version: deal.version + 1 });
            return [200, { ...counted(deal), lines: this.lines.filter((line) => line.deal === id).map((line) => this.#shown(line, url)) }];
        }
        if (area === 'rights' && kind === 'lines' && method === 'DELETE') {
            const line = this.lines.find((one) => one.id === id);
            if (!line) return fail(404, 'rights.line_missing');
            line.withdrawn_at = iso(Date.now());
            return [200, {}];
        }
        if (at === '/rights/conflicts') return [200, { items: this.conflicts(body.deal, body.line, url, [body.replaces]) }];
        if (area === 'rights' && kind === 'titles') {
            const lines = this.#standing(id);
            const changes = [...new Set(lines.flatMap((line) => [Date.parse(line.starts_at), endOf(line)]).filter((ms) => ms < endless))].sort((a, b) => a - b).map(iso);
            return [200, { title: { id, name: this.titleName(id, url) }, lines: lines.map((line) => this.#shown(line, url)), changes }];
        }
        if (at === '/rights/map') {
            const decided = countries.map((code) => [code, this.decide(q.get('title'), code, q.get('medium'), time('at', Date.now()), time('known_at', endless))]);
            return [200, { countries: Object.fromEntries(decided.map(([code, { state, line, until }]) => [code, { state, line: line && this.#shown(line, url), until }])) }];
        }
        if (at === '/rights/avails') {
            const titles = q.get('title')?.split(',');
            const where = q.get('territory') ? holds(q.get('territory')) : new Set(countries);
            const how = new Set(q.get('medium')?.split(',') ?? media);
            const [from, to] = [time('from', 0), time('to', endless)];
            const items = this.#standing().filter((line) => line.effect === 'allow' && (!titles || titles.includes(line.title)) && both(holds(line.territories), where).length && both(new Set(line.media), how).length
                && Date.parse(line.starts_at) < to && endOf(line) > from).map((line) => ({ title: { id: line.title, name: this.titleName(line.title, url) }, territories: line.territories, media: both(new Set(line.media), how),
                from: iso(Math.max(from, Date.parse(line.starts_at))), to: endOf(line) === endless && to === endless ? null : iso(Math.min(to, endOf(line))), languages: line.languages, line: this.#shown(line, url) }));
            return [200, { items: items.slice(0, Number(q.get('limit') ?? 100)) }];
        }
        if (at === '/rights/why') {
            const title = q.get('title');
            const country = q.get('territory');
            const medium = q.get('medium') ?? 'subscription';
            const moment = time('at', Date.now());
            const { state, line, until } = this.decide(title, country, medium, moment, time('known_at', endless));
            const isAllowed = state === 'allow';
            const reason = { allow: 'rights.allowed', later: 'rights.not_yet', ended: 'rights.ended', none: 'rights.territory' }[state] ?? `rights.${state}`;
            const message = isAllowed ? 'It may be shown.' : `Not available in ${country}: ${state}.`;
            const asked = isAllowed ? [{ question: 'entitlement', outcome: 'allowed', reason: 'access.free', message: 'Free for everybody.', line: null }] : [];
            return [200, { decision: { is_allowed: isAllowed, reason, message, line: line && this.#shown(line, url), until },
                steps: [{ question: 'rights', outcome: isAllowed ? 'allowed' : 'refused', reason, message, line: line && this.#shown(line, url) }, ...asked],
                lines: this.#standing(title).map((one) => ({ line: this.#shown(one, url), applies: one.id === line?.id, why: one.id === line?.id ? 'It decides.' : holds(one.territories).has(country) ? 'Another line beats it.' : 'It is for other territories.' })) }];
        }
        if (at === '/rights/import') {
            const rows = text.trim().split('\n').slice(1);
            const errors = rows.flatMap((row, i) => (/XQ/.test(row) ? [{ line: i + 2, column: 'territories', code: 'rights.territory_unknown', message: '“XQ” is no territory.' }] : []));
            if (errors.length) return [400, { error: { code: 'rights.import', message: 'Nothing was taken.' }, errors, error_count: errors.length }];
            /* "sold twice" in a note: it contradicts a line that stands. */
            const conflicts = rows.flatMap((row, i) => (/sold twice/.test(row) ? [{ line: i + 2, column: 15, kind: 'exclusive_exclusive', message: 'T-1 with Station promises the same exclusively: Austria, 1 to 8 February 2027 (Free).', title: { id: 'f', name: 'Nordlicht' } }] : []));
            if (conflicts.length && !q.get('dry_run') && !(q.get('accept_conflicts') && q.get('accept_reason'))) return [409, { error: { code: 'rights.conflict', message: 'Nothing was saved.' }, errors: [], conflict_count: conflicts.length, conflicts }];
            if (!q.get('dry_run')) this.imports.push(text);
            return [200, { lines: rows.length, deals: 1, parties: 1, errors: [], conflict_count: conflicts.length, conflicts }];
        }
        if (area !== 'operator') return null;
        if (kind === 'rows') {
            if (method === 'PUT') this.rows = body.items.map((row) => ({ id: this.#id('row'), ...row }));
            return [200, { items: this.rows }];
        }
        if (kind === 'people') {
            if (method === 'GET') return [200, { items: this.people.filter((one) => Object.values(one.names).join(' ').toLowerCase().includes((q.get('q') ?? '').toLowerCase())) }];
            if (method === 'POST') this.people.push({ id: this.#id('person'), name: Object.values(body.names)[0], names: body.names });
            if (method === 'PATCH') this.people.find((one) => one.id === id).names = body.names;
            if (method === 'DELETE') this.people = this.people.filter((one) => one.id !== id);
            return [method === 'POST' ? 201 : 200, this.people.at(-1) ?? {}];
        }
        if (kind === 'organisation') {
            if (method === 'PATCH') Object.assign(this.organisation, body);
            return [200, this.organisation];
        }
        if (kind === 'households') {
            const named = (home) => ({ ...home, grants: home.grants.map((grant) => ({ ...grant, title: { id: grant.title, name: this.titleName(grant.title, url) } })), streams: home.streams.map((stream) => ({ ...stream, title: { id: stream.title, name: this.titleName(stream.title, url) } })) });
            const words = (q.get('q') ?? '').toLowerCase();
            if (!id) {
                const fitting = this.households.filter((home) => JSON.stringify([home.name, home.users]).toLowerCase().includes(words)).map(({ grants: _, streams: __, profiles, ...home }) => ({ ...home, profile_count: profiles.length }));
                const isFirst = !q.get('after'), isCut = !this.isHouseholdsWhole && isFirst;
                return [200, { is_whole: this.isHouseholdsWhole && isFirst, items: this.isHouseholdsWhole ? fitting : isCut ? fitting.slice(0, -1) : fitting.slice(-1), next: isCut ? 'further' : null, searched: isFirst ? 5000 : 2000, total: 7000 }];
            }
            const home = this.households.find((one) => one.id === id);
            if (!home) return fail(404, 'household.missing');
            if (verb === 'grants' && method === 'POST') home.grants.push({ id: this.#id('grant'), created_at: iso(Date.now()), ...body });
            if (verb === 'grants' && method === 'DELETE') home.grants = home.grants.filter((grant) => grant.id !== at.split('/')[5]);
            return [200, named(home)];
        }
        if (kind === 'members') {
            if (method === 'POST') this.members.push({ id: this.#id('member'), name: '', email: body.email, roles: body.roles, state: 'invited', created_at: iso(Date.now()), seen_at: null });
            const one = this.members.find((member) => member.id === id);
            if (method === 'PATCH') one.roles = body.roles;
            if (method === 'DELETE') this.members = this.members.filter((member) => member !== one);
            return [200, method === 'GET' ? { items: this.members } : one ?? {}];
        }
        if (kind === 'tokens') {
            if (method === 'GET') return [200, { items: this.tokens }];
            if (method === 'DELETE') this.tokens = this.tokens.filter((token) => token.id !== id);
            else this.tokens.push({ id: this.#id('token'), ...body, created_at: iso(Date.now()), used_at: null });
            return [201, { ...this.tokens.at(-1), token: 'gst_4GkT9wqZb2LxYd7Rm5Vn' }];
        }
        if (kind === 'mails') return [200, { items: this.mails, leaves: false }];
        if (kind === 'catalogue' && method === 'POST') return [200, { created: text.trim().split('\n').length - 1, changed: 0, people: 0 }];
        return null;
    }

    /** A book in which everything happens: a holdback, a blackout, an exclusive sale, windows that end and that do not. */
    fill([first, second, third, series]) {
        const year = 31_557_600_000;
        const at = (years) => iso(Math.round((Date.now() + years * year) / 3_600_000) * 3_600_000);
        const nordlicht = this.addParty('Nordlicht Film', 'DE');
        const siam = this.addParty('Siam Pictures', 'TH');
        const pacific = this.addParty('Pacific Screen', 'AU');
        const atlas = this.addParty('Atlas Télévision', 'FR');
        const house = this.addDeal('House productions', 'own', { id: 'us', name: 'Grandstand Studios', country: 'DE' });
        const buy = this.addDeal('NLF-2026-114', 'in', nordlicht, { may_sublicense: true });
        const thai = this.addDeal('SP/69/0042', 'in', siam);
        const sale = this.addDeal('PS-EX-7', 'out', pacific, { parent: buy.id });
        const draft = this.addDeal('ATV draft', 'out', atlas, { status: 'draft' });
        this.addDeal('NLF-2019-03', 'in', nordlicht, { status: 'terminated', created_at: '2019-02-01T00:00:00Z' });
        this.addDeal('SP/68/0001', 'in', siam, { status: 'suspended' });
        const eu = 'AT,BE,BG,CY,CZ,DE,DK,EE,ES,FI,FR,GR,HR,HU,IE,IT,LT,LU,LV,MT,NL,PL,PT,RO,SE,SI,SK';
        this.addLine(buy, first, { territories: `${eu},CH,GB,NO,IS,LI`, media: ['subscription', 'rental', 'purchase', 'download'], starts_at: at(-0.8), ends_at: at(2.3), note: 'with the making-of' });
        this.addLine(buy, first, { territories: 'AR,BO,BR,CL,CO,CR,MX,PE,US,CA', media: ['subscription', 'rental'], starts_at: at(-0.5), ends_at: at(1.1) });
        this.addLine(buy, first, { territories: 'FR,BE,LU', media: ['subscription'], effect: 'holdback', starts_at: at(-0.3), ends_at: at(0.45), note: 'cinema first' });
        this.addLine(buy, first, { territories: 'WORLD,-US,-CA', media: ['free', 'advertising', 'clip'], starts_at: at(-0.2) });
        this.addLine(thai, first, { territories: 'BN,ID,KH,LA,MM,MY,PH,SG,TH,VN,TL', media: ['subscription', 'advertising'], languages: ['th', 'en'], starts_at: at(-1.4) });
        this.addLine(thai, first, { territories: 'VN', media, effect: 'blackout', starts_at: at(-0.05), ends_at: at(0.06) });
        this.addLine(thai, first, { territories: 'JP,KR,TW,HK,IN', media: ['subscription'], starts_at: at(0.3), ends_at: at(3) });
        this.addLine(thai, first, { territories: 'NG,KE,ZA,GH,EG', media: ['subscription'], starts_at: at(-2), ends_at: at(-0.4) });
        this.addLine(sale, first, { territories: 'AU,NZ,FJ,PG,WS,TO,VU,SB', media: ['subscription', 'rental'], is_exclusive: true, starts_at: at(-0.1), ends_at: at(1.5) });
        this.addLine(draft, first, { territories: 'FR', media: ['linear'], starts_at: at(0.1), ends_at: at(0.9) });
        for (const title of [second, third, series]) this.addLine(house, title);
        this.households.push(
            { id: 'household0000001', name: 'Familie Brandt', country: 'DE', created_at: '2026-10-03T08:00:00Z', streams_max: 3, users: [{ id: 'u1', name: 'Jana Brandt', email: 'jana@brandt.example', is_confirmed: true }, { id: 'u2', name: 'Ole Brandt', email: 'ole@brandt.example', is_confirmed: false }],
                profiles: [{ id: 'p1', name: 'Jana', picture: 'a3', birth_year: null, age_max: 18, has_pin: true, is_child: false }, { id: 'p2', name: 'Ole', picture: 'a5', birth_year: null, age_max: 16, has_pin: false, is_child: false }, { id: 'p3', name: 'Mia', picture: 'a9', birth_year: null, age_max: 6, has_pin: false, is_child: true }],
                grants: [{ id: 'g1', title: second, medium: 'subscription', created_at: '2026-11-01T10:00:00Z', ends_at: null }], streams: [{ id: 's1', title: first, profile: { name: 'Ole' }, device: 'Firefox on Linux', since: iso(Date.now() - 1_500_000) }] },
            { id: 'household0000002', name: 'ครอบครัววงศ์ไทย', country: 'TH', created_at: '2026-11-09T08:00:00Z', streams_max: 2, users: [{ id: 'u3', name: 'สุดา วงศ์ไทย', email: 'suda@wongthai.example', is_confirmed: true }], profiles: [{ id: 'p4', name: 'สุดา', picture: 'a1', birth_year: null, age_max: 18, has_pin: false, is_child: false }], grants: [], streams: [] });
        this.members.push({ id: 'member1', name: 'Rosa Keller', email: 'rosa@studio.example', roles: ['operator'], state: 'member', created_at: '2026-03-01T09:00:00Z', seen_at: iso(Date.now()), has_totp: true, is_me: true },
            { id: 'member2', name: 'Tom Adler', email: 'tom@studio.example', roles: ['rights'], state: 'member', created_at: '2026-05-11T09:00:00Z', seen_at: null }, { id: 'member3', name: '', email: 'mai@studio.example', roles: ['editor'], state: 'invited', created_at: '2026-11-20T09:00:00Z', seen_at: null });
        this.tokens.push({ id: 'token1', name: 'Planning sheet', scopes: ['rights:read', 'catalog:read'], created_at: '2026-06-01T09:00:00Z', used_at: '2026-11-20T22:10:00Z', expires_at: null });
        this.mails.push({ id: 'mail1', to: 'mai@studio.example', subject: 'Your invitation to Grandstand Studios', text: 'Hello,\n\nyou are invited to work on Grandstand Studios. Open this within seven days:\nhttp://127.0.0.1/invitation#code=abc', created_at: '2026-11-20T09:00:00Z', state: 'kept' },
            { id: 'mail2', to: 'jana@brandt.example', subject: 'Confirm your address', text: 'Hello Jana,\n\nhttp://127.0.0.1/confirm#code=def', created_at: '2026-10-03T08:00:00Z', state: 'sent' });
        this.people.push({ id: 'person1', name: 'Ada Lindqvist', names: { en: 'Ada Lindqvist', de: 'Ada Lindqvist', zh: '阿达·林德奎斯特', th: 'เอดา ลินด์ควิสต์' } }, { id: 'person2', name: '陈明', names: { en: 'Ming Chen', zh: '陈明' } });
        this.rows.push({ id: 'row1', names: { en: 'Live now', de: 'Jetzt live', zh: '正在直播', th: 'ถ่ายทอดสด' }, source: 'live', genre: null, titles: [], starts_at: null, ends_at: null },
            { id: 'row2', names: { en: 'By the sea', de: 'Am Meer', zh: '海边', th: 'ริมทะเล' }, source: 'titles', genre: null, titles: [first, third, second], starts_at: null, ends_at: null },
            { id: 'row3', names: { en: 'Winter week', de: 'Winterwoche', zh: '冬季周', th: 'สัปดาห์ฤดูหนาว' }, source: 'genre', genre: 'nature', titles: [], starts_at: at(0.05), ends_at: at(0.1) },
            { id: 'row4', names: { en: 'Newest', de: 'Neu', zh: '最新', th: 'ล่าสุด' }, source: 'newest', genre: null, titles: [], starts_at: null, ends_at: null });
    }
}
