// SPDX-License-Identifier: AGPL-3.0-or-later
//
// A line that is being written. Lines of the book never change: amending one is writing another that replaces it.
import { languageName } from '../lib/format';
import { media as allMedia, type Effect, type Line, type Medium, type Named } from '../lib/model-rights';
import { t } from '../lib/text';
import { comma } from './territory';
import { iso, isoOrNull } from './moments';

export interface LineDraft {
    key: number;
    title: Named[];
    effect: Effect;
    territories: string;
    media: Medium[];
    languages: string;
    starts: number | null;
    ends: number | null;
    is_exclusive: boolean;
    may_sublicense: boolean;
    plays: number | null;
    note: string;
    replaces: Line | null;
}

let keys = 0;
/** A new line; from the one before it everything but the title is taken over, because lines of a deal are alike. */
export function newDraft(before?: LineDraft, title: Named[] = []): LineDraft {
    const midnight = new Date();
    midnight.setHours(0, 0, 0, 0);
    return before
        ? { ...before, key: ++keys, title, media: [...before.media], replaces: null, note: '' }
        : { key: ++keys, title, effect: 'allow', territories: '', media: [], languages: '', starts: midnight.getTime(), ends: null, is_exclusive: false, may_sublicense: false, plays: null, note: '', replaces: null };
}
export function draftOf(line: Line): LineDraft {
    return {
        key: ++keys, title: [line.title], effect: line.effect, territories: line.territories, media: [...line.media], languages: line.languages.join(', '), starts: line.starts_at,
        ends: line.ends_at, is_exclusive: line.is_exclusive, may_sublicense: line.may_sublicense, plays: line.plays_max, note: line.note, replaces: line,
    };
}

export const tagsOf = (text: string): string[] => text.split(/[,;\s]+/).filter(Boolean);
/** The tags that are none. */
export function badTags(text: string): string[] {
    return tagsOf(text).filter((tag) => {
        try {
            return Intl.getCanonicalLocales(tag).length !== 1;
        } catch {
            return true;
        }
    });
}
export const languagesText = (tags: readonly string[]): string => (tags.length ? tags.map((tag) => languageName(tag)).join(comma()) : t('line.any_language'));
export const mediaText = (list: readonly string[]): string =>
    list.length === allMedia.length ? t('medium.all') : list.map((medium) => (allMedia.includes(medium as Medium) ? t(`medium.${medium as Medium}`) : medium)).join(comma());

/** What is still missing before the server can be asked; null: nothing. */
export function missing(draft: LineDraft): string | null {
    if (!draft.title[0]) return t('line.needs_title');
    if (!draft.territories) return t('line.needs_territories');
    if (draft.media.length === 0) return t('line.needs_media');
    if (draft.starts === null) return t('line.needs_start');
    if (draft.ends !== null && draft.ends <= draft.starts) return t('line.reversed');
    const bad = badTags(draft.languages);
    if (bad.length) return t('line.bad_language', { words: bad.join(', ') });
    return null;
}
/** As the server takes it; only for drafts that miss nothing. */
export const bodyOf = (draft: LineDraft): Record<string, unknown> => ({
    title: draft.title[0]?.id, effect: draft.effect, territories: draft.territories, media: draft.media, languages: tagsOf(draft.languages).map((tag) => Intl.getCanonicalLocales(tag)[0] as string),
    starts_at: iso(draft.starts ?? 0), ends_at: isoOrNull(draft.ends), is_exclusive: draft.effect === 'allow' && draft.is_exclusive, may_sublicense: draft.effect === 'allow' && draft.may_sublicense,
    plays_max: draft.effect === 'allow' ? draft.plays : null, note: draft.note.trim(), ...(draft.replaces ? { replaces: draft.replaces.id } : {}),
});
