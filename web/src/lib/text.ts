// SPDX-License-Identifier: AGPL-3.0-or-later
//
// Every word on the pages comes through t(). The catalogue is text/*.json; one language is loaded, before anything is
// drawn, and changing it loads the page anew. What only an account's, the box office's or the operator's pages say comes with those pages.
import type { Catalogue, Texts } from '../generated/keys';

export const languages = { en: 'English', de: 'Deutsch', zh: '中文', th: 'ไทย' } as const;
export type Language = keyof typeof languages;
export const isLanguage = (value: unknown): value is Language => typeof value === 'string' && value in languages;

export type TextGroup = 'first' | 'account' | 'shop' | 'operator';
const modules = import.meta.glob<{ default: Partial<Catalogue> }>('../generated/*.*.ts');

let catalogue: Partial<Catalogue> = {};
let plural: Intl.PluralRules;
let current: Language = 'en';

/** Loads a language; t() works from then on. */
export async function useLanguage(language: Language): Promise<void> {
    plural = new Intl.PluralRules(language);
    current = language;
    await useTexts('first');
}
/** Loads what a group of pages says besides; at once where it is here already. */
export async function useTexts(group: TextGroup): Promise<void> {
    const more = await modules[`../generated/${current}.${group}.ts`]?.();
    catalogue = { ...catalogue, ...more?.default };
}
export const language = (): Language => current;

type Params<K extends keyof Texts> = Texts[K] extends undefined ? [] : [Texts[K]];

/** The text of a code with its parameters filled in; `count` chooses the form. */
export function t<K extends keyof Texts>(code: K, ...params: Params<K>): string {
    const values = params[0] as Record<string, string | number> | undefined;
    const entry = catalogue[code];
    if (entry === undefined) throw new Error(`${code} is said before its group of texts is loaded`);
    const text = typeof entry === 'string' ? entry
        : (plural.select(Number(values?.['count'])) === 'one' && entry.one) || entry.other;
    return values ? text.replace(/\{(\w+)\}/g, (braces, name: string) => String(values[name] ?? braces)) : text;
}

/** The text of a code that came from outside (a genre, a step of a job), or what stands for it. */
export function textOr(code: string, otherwise: string): string {
    const entry = catalogue[code as keyof Texts];
    return typeof entry === 'string' ? entry : otherwise;
}
