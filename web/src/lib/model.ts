// SPDX-License-Identifier: AGPL-3.0-or-later
//
// What the server answers (openapi.yaml), as types and as the checks that make them true.
import { array, boolean, maybe, number, object, oneOf, or, record, string, type Check, type Checked } from './check';

export const kinds = ['film', 'series'] as const;
const colour: Check<string> = (value) => (typeof value === 'string' && /^#[0-9a-f]{6}$/i.test(value) ? value : '#1c3028');
const track = object({ lang: or(string, 'und'), label: or(string, '') });

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
    status: oneOf('ready', 'importing', 'failed'),
    audio: or(array(track), []),
    captions: or(array(track), []),
    heights: or(array(number), []),
    parent: maybe(string),
    season: maybe(number),
    episode: maybe(number),
};
export const title = object(titleShape);
export const titleWhole = object({ ...titleShape, episodes: or(array(title), []) });
export type Title = Checked<typeof title>;
export type TitleWhole = Checked<typeof titleWhole>;

export const rows = object({ rows: array(object({ id: string, label: string, items: array(title) })) });
export type Row = Checked<typeof rows>['rows'][number];

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
    status: oneOf('ready', 'importing', 'failed'),
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

export const nothing: Check<null> = () => null;

export const genres = ['action', 'adventure', 'animation', 'comedy', 'documentary', 'drama', 'experimental', 'family',
    'history', 'music', 'mystery', 'nature', 'romance', 'science', 'short', 'space', 'sport', 'thriller', 'travel'] as const;
