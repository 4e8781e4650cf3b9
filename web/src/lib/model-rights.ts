// SPDX-License-Identifier: AGPL-3.0-or-later
//
// What the server answers about contracts (openapi.yaml, /rights/*), as types and as the checks that make them true.
import { array, boolean, maybe, number, object, oneOf, or, record, string, type Check, type Checked } from './check';
import { time } from './model';
import { telling } from './said';

/** In the order of the server's bits. */
export const media = ['free', 'advertising', 'subscription', 'rental', 'purchase', 'live', 'catch_up', 'clip', 'download', 'linear', 'theatrical', 'venue'] as const;
export type Medium = (typeof media)[number];
export const effects = ['allow', 'holdback', 'blackout'] as const;
export type Effect = (typeof effects)[number];
export const directions = ['in', 'out', 'own'] as const;
export type Direction = (typeof directions)[number];
export const dealStatuses = ['draft', 'active', 'suspended', 'terminated'] as const;
export type DealStatus = (typeof dealStatuses)[number];

const named = object({ id: string, name: or(string, '') });
export type Named = Checked<typeof named>;

export const party = object({ id: string, name: string, country: maybe(string), kind: or(string, ''), is_us: or(boolean, false) });
export type Party = Checked<typeof party>;
export const parties = object({ items: array(party) });

const dealShape = {
    id: string,
    reference: or(string, ''),
    direction: oneOf(...directions),
    party: maybe(party),
    status: oneOf(...dealStatuses),
    may_sublicense: or(boolean, false),
    parent: maybe(((value, at) => (typeof value === 'string' ? value : object({ id: string })(value, at).id)) as Check<string>),
    version: or(number, 1),
    created_at: maybe(time),
    line_count: or(number, 0),
};
export const dealShort = object(dealShape);
export type DealShort = Checked<typeof dealShort>;
export const deals = object({ items: array(dealShort) });

/** A line may come with its deal whole, or with the deal's id. */
const dealOfLine: Check<DealShort | { id: string } | null> = (value, at) => {
    if (value === null || value === undefined) return null;
    if (typeof value === 'string') return { id: value };
    const it = value as { direction?: unknown; status?: unknown };
    return it.direction === undefined || it.status === undefined ? object({ id: string, reference: or(string, ''), party: maybe(party) })(value, at) : dealShort(value, at);
};

export const line = object({
    id: or(string, ''),
    deal: dealOfLine,
    title: named,
    effect: oneOf(...effects),
    territories: string,
    territory_count: or(number, 0),
    media: ((value, at) => array(string)(value ?? [], at).filter((word): word is Medium => media.includes(word as Medium))) as Check<Medium[]>,
    languages: or(array(string), []),
    starts_at: time,
    ends_at: maybe(time),
    is_exclusive: or(boolean, false),
    may_sublicense: or(boolean, false),
    plays_max: maybe(number),
    note: or(string, ''),
    known_at: maybe(time),
    withdrawn_at: maybe(time),
});
export type Line = Checked<typeof line>;
/** A line that decided may come whole or as its id. */
const lineRef: Check<{ id: string; line: Line | null } | null> = (value, at) => {
    if (value === null || value === undefined || value === '') return null;
    if (typeof value === 'string') return { id: value, line: null };
    const whole = value as { title?: unknown; territories?: unknown };
    if (whole.title === undefined || whole.territories === undefined) return { id: object({ id: string })(value, at).id, line: null };
    const it = line(value, at);
    return { id: it.id, line: it };
};

export const deal = object({
    ...dealShape,
    lines: or(array(line), []),
    versions: or(array(object({ version: number, at: maybe(time), status: or(string, ''), reference: or(string, ''), by: maybe(string) })), []),
});
export type Deal = Checked<typeof deal>;

export const conflictKinds = ['exclusive_exclusive', 'exclusive_allow', 'out_without_in', 'own_service_sold', 'sublicence', 'holdback_sold'] as const;
export const conflict = object({
    kind: string,
    message: string,
    line: maybe(line),
    index: maybe(number),
    overlap: maybe(object({ territories: or(string, ''), media: or(array(string), []), languages: or(array(string), []), from: maybe(time), to: maybe(time) })),
});
export type Conflict = Checked<typeof conflict>;
export const conflicts = object({ items: array(conflict) });
export const savedLines = object({ lines: or(array(line), []), conflicts: or(array(conflict), []) });
/** Saved lines and what they contradict. */
export const standing = object({ total: number, items: array(object({ title: named, first: maybe(line), conflict })) });
/** What a refusal carries. */
export const refusedConflicts: Check<Conflict[]> = (value, at) => object({ conflicts: or(array(conflict), []) })(value, at).conflicts;

export const titleRights = object({ title: named, lines: or(array(line), []), changes: or(array(time), []) });
export type TitleRights = Checked<typeof titleRights>;

export const mapStates = ['allow', 'exclusive', 'holdback', 'blackout', 'later', 'ended', 'none'] as const;
export type MapState = (typeof mapStates)[number];
export const rightsMap = object({
    countries: record(object({
        /** A state that these pages have no word for (a newer server) is none of ours. */
        state: ((value) => (mapStates.includes(value as MapState) ? value : 'none')) as Check<MapState>,
        line: lineRef,
        until: maybe(time),
    })),
});
export type RightsMap = Checked<typeof rightsMap>;

export const avails = object({
    items: array(object({
        title: named,
        territories: string,
        media: or(array(string), []),
        from: time,
        to: maybe(time),
        languages: or(array(string), []),
        line: lineRef,
    })),
    is_whole: or(boolean, true),
});
export type Avail = Checked<typeof avails>['items'][number];

export const questions = ['rights', 'entitlement', 'rating', 'streams'] as const;
export const why = object({
    decision: telling(object({ is_allowed: boolean, reason: or(string, ''), message: or(string, ''), line: lineRef, until: maybe(time) })),
    steps: or(array(telling(object({ question: string, outcome: or(((value) => (typeof value === 'boolean' ? (value ? 'passed' : 'refused') : String(value))) as Check<string>, 'skipped'), reason: or(string, ''), message: or(string, ''), line: lineRef }))), []),
    lines: or(array(object({ line, applies: boolean, why: or(string, '') })), []),
});
export type Why = Checked<typeof why>;

export const importErrors = array(object({ line: or(number, 0), /** Its name, or its place in the line. */ column: or(((value) => String(value)) as Check<string>, ''), field: or(string, ''), about: or(string, ''), code: or(string, ''), message: or(string, '') }));
export type ImportError = Checked<typeof importErrors>[number];
const importConflicts = array(object({ line: or(number, 0), column: or(number, 0), kind: or(string, ''), message: or(string, ''), title: object({ id: or(string, ''), name: or(string, '') }) }));
export const imported = object({ lines: or(number, 0), errors: or(importErrors, []), conflict_count: or(number, 0), conflicts: or(importConflicts, []) });
/** A table that was looked at: what it would make, and what that contradicts. */
export interface Tried { message: string; conflictCount: number; conflicts: ImportError[] }
/** PATCH may answer with the deal or with nothing; the page asks anew in either case. */
export const nothingOrDeal: Check<null> = () => null;
