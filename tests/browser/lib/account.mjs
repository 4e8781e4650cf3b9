// SPDX-License-Identifier: AGPL-3.0-or-later
//
// The stand-in's people: households, profiles, sessions, mails, and who may watch what. It keeps the contract of the API, not
// its safety: passwords stand here as they were typed.
const qr = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 21 21"><rect width="21" height="21" fill="#fff"/>${Array.from({ length: 21 * 21 }, (_, i) => {
    const [x, y] = [i % 21, Math.floor(i / 21)];
    const eye = [[0, 0], [14, 0], [0, 14]].find(([a, b]) => x >= a && x < a + 7 && y >= b && y < b + 7);
    const ring = eye && Math.max(Math.abs(x - eye[0] - 3), Math.abs(y - eye[1] - 3));
    return (eye ? ring !== 2 : (x * 7 + y * 13 + x * y) % 3 === 0) ? `<rect x="${x}" y="${y}" width="1" height="1"/>` : '';
}).join('')}</svg>`;

export class AccountStandIn {
    users = [];
    mails = []; // {to, subject, code}
    sessions = new Map(); // cookie -> {id, user, profile, agent, created_at}
    streams = []; // what runs elsewhere, once there are too many
    isFull = false;
    hasBought = () => false; // of a title, by a session: the shop knows
    #made = 0;

    /** A household with its profiles, as the tests and the pictures of the pages need it. */
    addFamily({ email = 'anna@example.org', password = 'a quiet harbour', totp = false } = {}) {
        const user = { id: this.#id('user'), name: 'Anna Brandt', email, password, is_confirmed: true, has_totp: totp, roles: ['viewer'], lang: 'de',
            household: { id: this.#id('hous'), name: 'Familie Brandt', country: 'DE', streams_max: 3 },
            consents: [['news', 'News about films and events by e-mail'], ['suggestions', 'Suggestions made from what my household watches'], ['statistics', 'Anonymous statistics of how films are watched']]
                .map(([purpose, text], i) => ({ purpose, text, is_granted: i === 1, at: i === 1 ? '2026-11-02T10:00:00Z' : null })), profiles: [] };
        const add = (name, picture, more) => user.profiles.push({ id: this.#id('prof'), name, picture, birth_year: null, age_max: 18, has_pin: false, is_child: false, ...more });
        add('Anna', 'a1', { pin: '4711', has_pin: true });
        add('Jonas', 'a12', {});
        add('Lina', 'a7', { birth_year: 2019, age_max: 6, is_child: true });
        add('Opa Karl', 'a2', {});
        this.users.push(user);
        return user;
    }
    #id(kind) {
        return `${kind}${String(++this.#made).padStart(16 - kind.length, '0')}`;
    }
    sessionOf(request) {
        const cookie = /(?:^|; )stand_in=(\w+)/.exec(request.headers.cookie ?? '')?.[1];
        return this.sessions.get(cookie) ?? null;
    }
    #signIn(request, response, user) {
        const cookie = this.#id('cook');
        const profile = user.profiles.length === 1 ? user.profiles[0] : null;
        this.sessions.set(cookie, { id: this.#id('sess'), user, profile, agent: request.headers['user-agent'] ?? '', created_at: new Date().toISOString() });
        response.setHeader('set-cookie', `stand_in=${cookie}; Path=/; HttpOnly; SameSite=Lax`);
        return this.sessions.get(cookie);
    }
    me(session) {
        const shown = ({ pin: _, ...profile }) => profile;
        if (!session) return { user: null, household: null, profile: null, profiles: [], territory: 'DE' };
        const { id, name, email, is_confirmed, has_totp, roles, lang, household, profiles } = session.user;
        return { user: { id, name, email, is_confirmed, has_totp, roles, lang }, household, profile: session.profile && shown(session.profile), profiles: profiles.map(shown), territory: 'DE' };
    }

    /** May this title be watched? Rights first, then who one is, then age. */
    access(title, session) {
        const yes = { state: 'playable', reason: title.is_free === false ? 'access.granted' : 'access.free', message: '', until: null, from: null };
        if (title.right) return { ...yes, state: 'unavailable', ...title.right };
        const age = title.age ?? 0;
        if (title.is_free === false && !session) return { ...yes, state: 'sign_in', reason: 'access.entitlement', message: 'Sign in to watch this.' };
        if (title.is_free === false && !title.isGranted && !this.hasBought(title, session)) return { ...yes, state: 'locked', reason: 'access.entitlement', message: 'Your household does not have this yet.' };
        if (age >= 18 && !session) return { ...yes, state: 'sign_in', reason: 'access.rating', message: 'This is for grown-ups: sign in with your profile.' };
        if (session && age > (session.profile?.age_max ?? 18)) return { ...yes, state: 'rating', reason: 'access.rating', message: `This is rated ${age}. ${session.profile.name}’s profile sees titles up to ${session.profile.age_max}.` };
        return yes;
    }
    /** Why playback is refused, as the error of the answer; null: it is not. */
    refusal(title, session, body) {
        const access = this.access(title, session);
        if (access.state !== 'playable') return { code: access.reason, message: access.message, from: access.from, until: access.until };
        if (title.needsPin && body.pin !== session?.profile?.pin) return { code: 'access.pin', message: body.pin ? 'That PIN is not right.' : 'This title needs the PIN of the profile.' };
        if (this.isFull) return { code: 'access.streams', message: 'Three films are running in your household already. End one of them, then this one starts.', streams: this.streams };
        return null;
    }

    /** True if the address was one of these. `fail(status, code)` and `json(status, value)` answer. */
    async answer(request, response, at, body, json, fail) {
        const session = this.sessionOf(request);
        const method = request.method;
        const [, area, id, verb] = at.split('/');
        const is = (wish) => wish === `${method} ${at}`;
        const byEmail = (email) => this.users.find((user) => user.email === String(email).toLowerCase());
        const mail = (to, subject) => this.mails.push({ to, subject, code: this.#id('code') });
        if (is('GET /me')) return json(200, this.me(session));
        if (is('POST /sign-up')) {
            const { email, name, password, country, lang } = await body();
            if (byEmail(email)) this.mails.push({ to: email, subject: 'You have an account', code: '' });
            else {
                mail(email, 'Confirm');
                this.mails.at(-1).user = { id: this.#id('user'), name, email: email.toLowerCase(), password, is_confirmed: true, has_totp: false, roles: ['viewer'], lang, consents: [],
                    household: { id: this.#id('hous'), name, country, streams_max: 3 }, profiles: [{ id: this.#id('prof'), name, picture: 'a1', birth_year: null, age_max: 18, has_pin: false, is_child: false }] };
            }
            return json(202, {});
        }
        if (is('POST /confirm')) {
            const { code } = await body();
            const found = this.mails.find((one) => one.code === code && one.user);
            if (!found) return fail(403, 'code.wrong');
            this.users.push(found.user);
            found.code = '';
            return json(200, this.me(this.#signIn(request, response, found.user)));
        }
        if (is('POST /sign-in')) {
            const { email, password, code } = await body();
            const user = byEmail(email);
            if (this.tooMany) return fail(429, 'sign_in.many');
            if (!user || user.password !== password) return fail(403, 'sign_in.wrong');
            if (user.has_totp && code !== '123456') return fail(403, 'sign_in.code');
            return json(200, this.me(this.#signIn(request, response, user)));
        }
        if (is('POST /password/forgot')) {
            const { email } = await body();
            if (byEmail(email)) mail(email, 'Reset');
            return json(202, {});
        }
        if (is('POST /password/reset')) {
            const { code, password } = await body();
            const found = this.mails.find((one) => one.code && one.code === code);
            if (!found) return fail(403, 'code.wrong');
            found.code = '';
            const user = byEmail(found.to);
            user.password = password;
            return json(200, this.me(this.#signIn(request, response, user)));
        }
        if (is('POST /invitation') && this.joining) {
            await body();
            return json(200, { email: 'ben@example.org', organisation: 'Grandstand', has_account: this.joining.hasAccount ?? false, roles: [], household: { name: 'Familie Brandt', inviter: 'Anna Brandt' } });
        }
        if (is('POST /invitation')) return (await body()).code === 'invited' ? json(200, { email: 'kim@example.org', organisation: 'Grandstand', has_account: false }) : fail(403, 'code.wrong');
        if (is('POST /invitation/accept')) {
            const { name, password } = await body();
            const user = { id: this.#id('user'), name, email: 'kim@example.org', password, is_confirmed: true, has_totp: false, roles: ['rights'], lang: 'en', household: null, profiles: [], consents: [] };
            this.users.push(user);
            return json(200, this.me(this.#signIn(request, response, user)));
        }
        if (is('DELETE /session') && session) {
            for (const [cookie, other] of this.sessions) if (other === session) this.sessions.delete(cookie);
            return json(200, {});
        }
        if (area !== 'me' && area !== 'profiles') return false;
        if (!session) return fail(401, 'session.required');
        const { user } = session;
        if (method !== 'GET' && request.headers['x-grandstand'] !== '1') return fail(403, 'request.origin');
        if (area === 'profiles') {
            const profile = user.profiles.find((one) => one.id === id);
            const given = method === 'DELETE' && !request.headers['content-type'] ? {} : await body();
            if (id && !profile) return fail(404, 'profile.missing');
            if (verb === 'choose') {
                const leaves = session.profile?.is_child && !profile.is_child;
                if (given.password !== user.password && profile.has_pin && given.pin !== profile.pin) return fail(403, 'profile.pin');
                if (leaves && !profile.has_pin && given.password !== user.password && !user.profiles.some((one) => one.pin && one.pin === given.pin)) return fail(403, 'profile.pin');
                session.profile = profile;
                return json(200, this.me(session));
            }
            if (profile && given.age_max > profile.age_max && given.password !== user.password) return fail(403, 'profile.password');
            if (method === 'DELETE') {
                user.profiles = user.profiles.filter((one) => one !== profile);
                return json(200, {});
            }
            const { password: _, confirm_pin: __, ...kept } = given;
            const made = profile ?? { id: this.#id('prof'), birth_year: null };
            Object.assign(made, kept, { has_pin: kept.pin === undefined ? (made.has_pin ?? false) : kept.pin !== null, is_child: (kept.age_max ?? made.age_max) <= 12 });
            if (!profile) user.profiles.push(made);
            return json(200, {});
        }
        if (is('PATCH /me')) {
            const { name, email, password, old_password } = await body();
            if ((email || password) && old_password !== user.password) return fail(403, 'me.password');
            Object.assign(user, name ? { name } : {}, password ? { password } : {});
            if (email) mail(email, 'Change');
            return json(200, {});
        }
        if (is('PATCH /me/household')) {
            Object.assign(user.household, await body());
            return json(200, {});
        }
        if (at.startsWith('/me/household') || is('GET /me/household')) {
            const [, , , what, which, does] = at.split('/');
            const given = method === 'POST' || what === 'adults' ? await body() : {};
            const others = (user.others ??= []);
            const invitations = (user.invitations ??= []);
            if (method !== 'GET' && what !== 'invitations' && given.password !== user.password) return fail(403, 'me.password');
            if (method === 'POST' && what === 'invitations') {
                if (given.password !== user.password) return fail(403, 'me.password');
                if (others.length + invitations.length + 1 >= 4) return fail(409, 'household.adults');
                invitations.push({ id: this.#id('code'), email: given.email, created_at: new Date().toISOString(), expires_at: new Date(Date.now() + 7 * 86_400_000).toISOString() });
            }
            if (method === 'DELETE' && what === 'invitations') user.invitations = invitations.filter((one) => one.id !== which);
            if (method === 'DELETE' && what === 'adults') user.others = others.filter((one) => one.id !== which);
            if (does === 'owner') {
                others.sort((a, b) => (b.id === which) - (a.id === which));
                user.isGuest = true;
            }
            if (what === 'leave') {
                Object.assign(user, { household: { ...user.household, id: this.#id('hous'), name: user.name }, others: [], isGuest: false, profiles: user.profiles.slice(0, 1) });
                return json(200, this.me(session));
            }
            const mine = { id: user.id, name: user.name, email: user.email, is_me: true, is_owner: !user.isGuest, has_totp: user.has_totp, joined_at: user.isGuest ? '2026-11-10T10:00:00Z' : '2026-03-02T10:00:00Z' };
            const theirs = user.others.map((one, i) => ({ is_me: false, is_owner: user.isGuest === true && i === 0, has_totp: false, joined_at: '2026-06-02T10:00:00Z', ...one }));
            return json(200, { adults_max: 4, adults: user.isGuest ? [...theirs, mine] : [mine, ...theirs], invitations: user.invitations });
        }
        if (is('POST /me/totp')) return json(200, { secret: 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP', uri: 'otpauth://totp/Grandstand:anna%40example.org?secret=JBSWY3DPEHPK3PXP', qr_svg: qr });
        if (is('POST /me/totp/confirm')) {
            if ((await body()).code !== '123456') return fail(403, 'totp.code');
            user.has_totp = true;
            return json(200, { recovery_codes: Array.from({ length: 8 }, (_, i) => `k7${i}q-m2${i}x`) });
        }
        if (is('DELETE /me/totp')) {
            if ((await body()).password !== user.password) return fail(403, 'me.password');
            user.has_totp = false;
            return json(200, {});
        }
        if (is('GET /me/sessions')) return json(200, { items: [...this.sessions.values()].filter((one) => one.user === user)
            .map((one) => ({ id: one.id, created_at: one.created_at, seen_at: one.seen_at ?? one.created_at, agent: one.agent, address: one.address ?? '127.0.0.1', is_this: one === session })) });
        if (method === 'DELETE' && at.startsWith('/me/sessions/')) {
            for (const [cookie, one] of this.sessions) if (one.id === at.split('/')[3]) this.sessions.delete(cookie);
            return json(200, {});
        }
        if (is('GET /me/export')) {
            response.setHeader('content-disposition', 'attachment; filename="grandstand-export.json"');
            return json(200, { user: user.email });
        }
        if (is('GET /me/consents')) return json(200, { items: user.consents });
        if (is('POST /me/consents')) {
            const { purpose, is_granted } = await body();
            Object.assign(user.consents.find((one) => one.purpose === purpose), { is_granted, at: new Date().toISOString() });
            return json(200, {});
        }
        if (is('POST /me/erase')) {
            if ((await body()).password !== user.password) return fail(403, 'me.password');
            this.users = this.users.filter((one) => one !== user);
            for (const [cookie, one] of this.sessions) if (one.user === user) this.sessions.delete(cookie);
            return json(200, {});
        }
        return false;
    }
    /** Somebody of the family is signed in on another device as well. */
    addDevice(user, agent, more = {}) {
        const id = this.#id('sess');
        this.sessions.set(id, { id, user, profile: null, agent, created_at: '2026-11-02T18:20:00Z', ...more });
    }
}
