// SPDX-License-Identifier: AGPL-3.0-or-later
//
// JSON is checked once, where it enters; from there on its type is true. A check takes a value and where it stood, and
// returns it typed or throws; fields nobody asked for are left out.

export type Check<T> = (value: unknown, at: string) => T;
export type Checked<C> = C extends Check<infer T> ? T : never;

function refuse(at: string, wanted: string): never {
    throw new TypeError(`${at}: ${wanted} expected`);
}

export const string: Check<string> = (value, at) => (typeof value === 'string' ? value : refuse(at, 'text'));
export const number: Check<number> = (value, at) => (Number.isFinite(value) ? (value as number) : refuse(at, 'a number'));
export const boolean: Check<boolean> = (value, at) => (typeof value === 'boolean' ? value : refuse(at, 'true or false'));

/** null, or not there at all, becomes null. */
export const maybe = <T>(inner: Check<T>): Check<T | null> => (value, at) =>
    value === null || value === undefined ? null : inner(value, at);

/** What is not there becomes `otherwise`. */
export const or = <T>(inner: Check<T>, otherwise: T): Check<T> => (value, at) =>
    value === null || value === undefined ? otherwise : inner(value, at);

export const oneOf = <const T extends readonly string[]>(...words: T): Check<T[number]> => (value, at) =>
    words.includes(value as string) ? (value as T[number]) : refuse(at, words.join(' or '));

export const array = <T>(inner: Check<T>): Check<T[]> => (value, at) =>
    Array.isArray(value) ? value.map((item, i) => inner(item, `${at}[${i}]`)) : refuse(at, 'a list');

export const record = <T>(inner: Check<T>): Check<Record<string, T>> => (value, at) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) refuse(at, 'an object');
    return Object.fromEntries(Object.entries(value as object).map(([key, item]) => [key, inner(item, `${at}.${key}`)]));
};

export function object<S extends Record<string, Check<unknown>>>(shape: S): Check<{ [K in keyof S]: Checked<S[K]> }> {
    return (value, at) => {
        if (typeof value !== 'object' || value === null || Array.isArray(value)) refuse(at, 'an object');
        const from = value as Record<string, unknown>;
        const out: Record<string, unknown> = {};
        for (const [key, check] of Object.entries(shape)) out[key] = check(from[key], `${at}.${key}`);
        return out as { [K in keyof S]: Checked<S[K]> };
    };
}
