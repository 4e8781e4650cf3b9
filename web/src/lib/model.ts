// SPDX-License-Identifier: AGPL-3.0-or-later
//
// What the server answers (openapi.yaml), as types and as the checks that make them true.
import { array, boolean, maybe, number, object, oneOf, or, record, string, type Check, type Checked } from './check';
import { money } from './money';
import { telling } from './said';

export const kinds = ['film', 'series', 'season', 'episode', 'event', 'clip', 'collection'] as const;
export type Kind = (typeof kinds)[number];
/** An event is scheduled, live, ended (its recording is being finished) and then ready like a film. */
const statuses = ['ready', 'importing', 'failed', 'scheduled', 'live', 'ended'] as const;
const colour: Check<string> = (value) => (typeof value === 'string' && /^#[0-9a-f]{6}$/i.test(value) ? value : '#1c3028');
/** ISO 8601 in, milliseconds since 1970 out. */
export const time: Check<number> = (value, at) => number(typeof value === 'string' ? Date.parse(value) : NaN, at);
const track = object({ lang: or(string, 'und'), label: or(string, '') });

/** May it be watched, by whom and why not: the server's decision, and its sentence in the reader's language. */
const states = ['playable', 'sign_in', 'locked', 'rating', 'unavailable'] as const;
const access = telling(object({ state: oneOf(...states), reason: or(string, ''), message: or(string, ''), until: maybe(time), from: maybe(time) }));
export type Access = Checked<typeof access>;
const open: Access = { state: 'playable', reason: '', message: '', until: null, from: null };

/** What a tile says of the price: the viewer's territory, household and plan are in it. A badge that these pages do not know says nothing. */
const badges = ['free', 'included', 'subscribe', 'rent', 'buy', 'rented', 'owned', 'none'] as const;
const sale = object({ badge: ((value) => badges.find((known) => known === value) ?? 'none') as Check<(typeof badges)[number]>, price: maybe(money), until: maybe(time) });
export type Sale = Checked<typeof sale>;
const unsold: Sale = { badge: 'none', price: null, until: null };

const titleShape = {
    id: string,
    kind: oneOf(...kinds),
    name: string,
    synopsis: or(string, ''),
    year: maybe(number),
    duration_ms: or(number, 0),
    genres: or(array(string), []),
    poster: maybe(string),
    colour,
    portrait: maybe(string),
    status: oneOf(...statuses),
    starts_at: maybe(time),
    started_at: maybe(time),
    ended_at: maybe(time),
    viewers: maybe(number),
    audio: or(array(track), []),
    captions: or(array(track), []),
    heights: or(array(number), []),
    parent: maybe(string),
    season: maybe(number),
    episode: maybe(number),
    /** 0: for everybody; else 6, 12, 16 or 18, whatever the system of the rating. */
    age: or(number, 0),
    rating: maybe(object({ system: string, value: string, country: maybe(string), is_own: or(boolean, true) })),
    is_free: or(boolean, true),
    access: or(access, open),
    sale: or(sale, unsold),
};
export const title = object(titleShape);
const person = object({ id: string, name: string, part: or(string, 'cast'), character: or(string, '') });
export type Person = Checked<typeof person>;
const version = object({ id: string, name: or(string, ''), lang: maybe(string), kind: or(string, ''), duration_ms: maybe(number) });
export const titleWhole = object({
    ...titleShape,
    episodes: or(array(title), []),
    items: or(array(title), []),
    seasons: or(array(object({ number: or(number, 1), name: or(string, '') })), []),
    people: or(array(person), []),
    versions: or(array(version), []),
    original_lang: maybe(string),
    countries: or(array(string), []),
    eidr: maybe(string),
});
export type Title = Checked<typeof title>;
export type TitleWhole = Checked<typeof titleWhole>;

export const rows = object({ rows: array(object({ id: string, label: string, source: or(string, ''), items: array(title) })) });
export type Row = Checked<typeof rows>['rows'][number];

/** What a search found, and where in the words it stands: [from, to) in UTF-16 units. */
const match = object({ text: string, ranges: or(array((value, at): [number, number] => {
    const [from, to] = array(number)(value, at);
    return [from ?? 0, to ?? 0];
}), []) });
export type Match = Checked<typeof match>;
export const found = object({
    items: array(object({ ...titleShape, match: maybe(match) })),
    people: or(array(object({ id: string, name: string, match: maybe(match), titles: or(array(object({ id: string, name: string })), []) })), []),
});
export type Found = Checked<typeof found>;

export const pictures = ['a1', 'a2', 'a3', 'a4', 'a5', 'a6', 'a7', 'a8', 'a9', 'a10', 'a11', 'a12'] as const;
export type Picture = (typeof pictures)[number];
export const ages = [0, 6, 12, 16, 18] as const;
export const profile = object({
    id: string,
    name: string,
    picture: ((value) => pictures.find((known) => known === value) ?? 'a1') as Check<Picture>,
    birth_year: maybe(number),
    age_max: or(number, 18),
    has_pin: or(boolean, false),
    is_child: or(boolean, false),
});
export type Profile = Checked<typeof profile>;
export const me = object({
    user: maybe(object({ id: string, name: or(string, ''), email: or(string, ''), is_confirmed: or(boolean, true), has_totp: or(boolean, false), roles: or(array(string), []), lang: or(string, '') })),
    household: maybe(object({ id: string, name: or(string, ''), country: or(string, ''), streams_max: or(number, 0) })),
    profile: maybe(profile),
    profiles: or(array(profile), []),
    territory: or(string, ''),
});
export type Me = Checked<typeof me>;

export const site = object({ name: string, version: or(string, ''), operator: or(boolean, false) });
export type Site = Checked<typeof site>;

export const playback = object({
    session: string,
    token: string,
    expires_at: string,
    renew_after_ms: number,
    hls: string,
    dash: string,
    thumbnails: maybe(string),
    path_hls: or(string, ''),
    duration_ms: or(number, 0),
    live: maybe(object({ part_ms: or(number, 0), segment_ms: or(number, 0), hold_back_ms: or(number, 0), dvr_ms: or(number, 0), started_at: maybe(time) })),
});
export type Playback = Checked<typeof playback>;
export const renewal = object({ token: string, expires_at: string, renew_after_ms: number });
export type Renewal = Checked<typeof renewal>;

export const operatorTitle = object({
    id: string,
    kind: oneOf(...kinds),
    names: or(record(string), {}),
    synopses: or(record(string), {}),
    year: maybe(number),
    duration_ms: or(number, 0),
    genres: or(array(string), []),
    poster: maybe(string),
    colour,
    status: oneOf(...statuses),
    heights: or(array(number), []),
    parent: maybe(string),
    season: maybe(number),
    episode: maybe(number),
});
export type OperatorTitle = Checked<typeof operatorTitle>;
export const operatorTitles = object({ items: array(operatorTitle) });

export const upload = object({ id: or(string, ''), offset: number });
export const imported = object({ job: string, title: string });

export const job = object({
    id: string,
    kind: or(string, ''),
    title: maybe(string),
    state: oneOf('queued', 'running', 'done', 'failed', 'cancelled'),
    step: or(string, ''),
    progress: or(number, 0),
    error: maybe((value, at) => (typeof value === 'string' ? value : object({ message: string })(value, at).message)),
    created_at: or(string, ''),
});
export type Job = Checked<typeof job>;
export const jobs = object({ items: array(job) });

// The operator's live desk.
const alarmCodes = ['silence', 'black', 'freeze', 'loss', 'stalled', 'keyframes', 'disk'] as const;
export type AlarmCode = (typeof alarmCodes)[number];
const health = object({
    protocol: or(string, ''),
    peer: or(string, ''),
    agent: or(string, ''),
    since: maybe(time),
    video: maybe(object({ codec: or(string, ''), width: or(number, 0), height: or(number, 0), fps: or(number, 0), bitrate_bps: or(number, 0), keyframe_interval_ms: or(number, 0) })),
    audio: maybe(object({ codec: or(string, ''), sample_rate: or(number, 0), channels: or(number, 0), bitrate_bps: or(number, 0), level_dbfs: maybe(number) })),
    packets_lost: or(number, 0),
    packets_retransmitted: or(number, 0),
    round_trip_ms: maybe(number),
    drift_ppm: or(number, 0),
    capture: or(string, 'arrival'),
});
export type Health = Checked<typeof health>;
export const channel = object({
    id: string,
    name: or(string, ''),
    names: or(record(string), {}),
    synopses: or(record(string), {}),
    status: oneOf('scheduled', 'waiting', 'live', 'ended'),
    starts_at: maybe(time),
    started_at: maybe(time),
    ended_at: maybe(time),
    key: or(string, ''),
    rtmp_url: maybe(string),
    srt_url: maybe(string),
    backup: or(oneOf('refuse', 'take_over'), 'refuse'),
    dvr_ms: or(number, 0),
    is_recorded: or(boolean, true),
    is_endless: or(boolean, false),
    ladder: or(array(number), []),
    health: maybe(health),
    /** What the pages have no words for (a newer server) is left out. */
    alarms: ((value, at) => array(object({ code: string, since: maybe(time) }))(value ?? [], at)
        .filter((alarm): alarm is { code: AlarmCode; since: number | null } => alarmCodes.some((code) => code === alarm.code))) as Check<{ code: AlarmCode; since: number | null }[]>,
    viewers: or(number, 0),
});
export type Channel = Checked<typeof channel>;
export const channels = object({ items: array(channel) });
const spread = object({ median: maybe(number), p95: maybe(number) });
export const channelQuality = object({
    sessions: or(number, 0),
    startup_ms: or(spread, { median: null, p95: null }),
    stalls_per_hour: maybe(number),
    bitrate_bps: maybe(number),
    latency_ms: or(spread, { median: null, p95: null }),
});
export type ChannelQuality = Checked<typeof channelQuality>;

export const nothing: Check<null> = () => null;

export const genres = ['action', 'adventure', 'animation', 'comedy', 'documentary', 'drama', 'experimental', 'family',
    'history', 'music', 'mystery', 'nature', 'romance', 'science', 'short', 'space', 'sport', 'thriller', 'travel'] as const;
