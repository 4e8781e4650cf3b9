// SPDX-License-Identifier: AGPL-3.0-or-later
//
// What the server answers to the control room about its catalogue, households and members.
import { array, boolean, maybe, number, object, oneOf, or, record, string, type Check, type Checked } from './check';
import { importErrors } from './model-rights';
import { profile, time } from './model';

export const titleKinds = ['film', 'series', 'season', 'episode', 'event', 'clip', 'collection'] as const;
export type TitleKind = (typeof titleKinds)[number];
const colour: Check<string> = (value) => (typeof value === 'string' && /^#[0-9a-f]{6}$/i.test(value) ? value : '#1c3028');
const kind: Check<TitleKind> = (value) => (titleKinds.includes(value as TitleKind) ? (value as TitleKind) : 'film');

export const parts = ['cast', 'director', 'writer', 'producer', 'music', 'camera', 'editing', 'presenter', 'commentator', 'athlete', 'guest'] as const;
export const titlePart = object({ id: string, name: or(string, ''), part: or(string, 'cast'), character: maybe(string) });
export type TitlePart = Checked<typeof titlePart>;
/** The words of each system, mildest first. */
export const ratingSystems = { FSK: ['0', '6', '12', '16', '18'], MPA: ['G', 'PG', 'PG-13', 'R', 'NC-17'], TH: ['ส', 'ท', 'น 13+', 'น 15+', 'น 18+', 'ฉ 20+'] } as const;
export type RatingSystem = keyof typeof ratingSystems;

export const catalogTitle = object({
    id: string,
    kind,
    names: or(record(string), {}),
    synopses: or(record(string), {}),
    year: maybe(number),
    duration_ms: or(number, 0),
    genres: or(array(string), []),
    poster: maybe(string),
    colour,
    status: or(oneOf('ready', 'importing', 'failed', 'scheduled', 'live', 'ended'), 'ready'),
    heights: or(array(number), []),
    parent: maybe(string),
    season: maybe(number),
    episode: maybe(number),
    eidr: maybe(string),
    /** By system: {FSK: "16"}. */
    ratings: or(record(string), {}),
    people: or(array(titlePart), []),
    original_lang: maybe(string),
    countries: or(array(string), []),
    is_free: or(boolean, false),
    members: or(array(string), []),
    external_id: maybe(string),
});
export type CatalogTitle = Checked<typeof catalogTitle>;
export const catalogTitles = object({ items: array(catalogTitle) });

export const person = object({ id: string, name: or(string, ''), names: or(record(string), {}) });
export type Person = Checked<typeof person>;
export const people = object({ items: array(person) });

export const rowSources = ['newest', 'genre', 'kind', 'collection', 'titles', 'live', 'upcoming', 'free', 'continue'] as const;
export type RowSource = (typeof rowSources)[number];
export const editorRow = object({
    id: or(string, ''),
    names: or(record(string), {}),
    source: oneOf(...rowSources),
    genre: maybe(string),
    collection: maybe(string),
    titles: or(array(string), []),
    starts_at: maybe(time),
    ends_at: maybe(time),
});
export type EditorRow = Checked<typeof editorRow>;
export const editorRows = object({ items: array(editorRow) });

export const catalogueImported = object({ created: or(number, 0), changed: or(number, 0), titles: or(number, 0), errors: or(importErrors, []) });

export const householdShort = object({
    id: string,
    name: or(string, ''),
    country: or(string, ''),
    created_at: maybe(time),
    profile_count: or(number, 0),
    users: or(array(object({ name: or(string, ''), email: or(string, '') })), []),
});
export type HouseholdShort = Checked<typeof householdShort>;
/** A search opens sealed names one by one, so an answer says how far it came: `next` leads on. */
export const households = object({ items: array(householdShort), is_whole: or(boolean, true), next: maybe(string), searched: or(number, 0), total: or(number, 0) });
/** Where the organisation is at home, and what its subscribers see abroad. */
export const organisation = object({ country: string, portability: oneOf('off', 'home', 'eu'), adults_max: or(number, 4) });

const named = object({ id: string, name: or(string, '') });
export const household = object({
    id: string,
    name: or(string, ''),
    country: or(string, ''),
    created_at: maybe(time),
    streams_max: or(number, 0),
    users: or(array(object({ id: or(string, ''), name: or(string, ''), email: or(string, ''), is_confirmed: or(boolean, true), seen_at: maybe(time) })), []),
    profiles: or(array(profile), []),
    grants: or(array(object({ id: string, title: named, medium: or(string, ''), created_at: maybe(time), ends_at: maybe(time) })), []),
    streams: or(array(object({ id: or(string, ''), title: maybe(named), profile: maybe(object({ name: or(string, '') })), device: or(string, ''), since: maybe(time) })), []),
});
export type Household = Checked<typeof household>;

export const roles = ['operator', 'rights', 'editor', 'finance'] as const;
export type Role = (typeof roles)[number];
export const member = object({
    id: string,
    name: or(string, ''),
    email: or(string, ''),
    roles: or(array(string), []),
    state: or(string, 'member'),
    created_at: maybe(time),
    seen_at: maybe(time),
    expires_at: maybe(time),
    has_totp: or(boolean, false),
    is_me: or(boolean, false),
});
export type Member = Checked<typeof member>;
export const members = object({ items: array(member) });

export const scopes = ['catalog:read', 'catalog:write', 'rights:read', 'rights:write', 'households:read', 'households:write', 'live:write', 'finance:read', 'finance:write'] as const;
export const apiToken = object({
    id: string, name: or(string, ''), scopes: or(array(string), []), created_at: maybe(time), used_at: maybe(time), expires_at: maybe(time), token: maybe(string),
});
export type ApiToken = Checked<typeof apiToken>;
export const apiTokens = object({ items: array(apiToken) });

export const mail = object({ id: string, to: or(string, ''), subject: or(string, ''), text: or(string, ''), created_at: maybe(time), state: or(string, 'kept'), trouble: or(string, '') });
export type Mail = Checked<typeof mail>;
/** `leaves`: there is a mail server that takes them; else they are read here. */
export const mails = object({ items: array(mail), leaves: or(boolean, false) });
