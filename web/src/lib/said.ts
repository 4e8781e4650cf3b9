// SPDX-License-Identifier: AGPL-3.0-or-later
//
// The server's sentences with a moment in them. It does not know in which zone they are read: `message` says the moment in UTC, for scripts; `dated` has
// {at} in its place and the moment apart, and people are told that in the zone of their device.
import type { Check } from './check';
import { moment } from './time.svelte';

/** The sentence for people; `otherwise` where it has no moment in it. */
export function said(dated: unknown, otherwise: string): string {
    const { text, at } = (typeof dated === 'object' && dated !== null ? dated : {}) as { text?: unknown; at?: unknown };
    const ms = typeof at === 'string' ? Date.parse(at) : NaN;
    return typeof text === 'string' && !Number.isNaN(ms) ? text.replace('{at}', () => moment(ms)) : otherwise;
}
/** An object with a `message` as it is to be read here. */
export const telling = <T extends { message: string }>(inner: Check<T>): Check<T> => (value, at) => {
    const made = inner(value, at);
    return { ...made, message: said((value as { dated?: unknown }).dated, made.message) };
};
