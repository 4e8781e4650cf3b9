// SPDX-License-Identifier: AGPL-3.0-or-later
//
// Where one stopped watching, kept on this device, for each profile by itself.
import { array, number, object, string } from './check';
import { personal } from './me.svelte';
import { store, stored } from './settings.svelte';

const seen = object({ id: string, at_s: number, duration_s: number, when: number });
export interface Seen {
    id: string;
    at_s: number;
    duration_s: number;
    when: number;
}
const entries_max = 60;
/** Closer to the start than this nothing was watched; closer to the end than this (or 5 %) it was watched whole. */
const margin_s = 5;

export function watched(): Seen[] {
    try {
        return array(seen)(JSON.parse(stored(personal('history')) ?? '[]'), 'history').sort((a, b) => b.when - a.when);
    } catch {
        return [];
    }
}

const isWhole = (entry: Seen): boolean => entry.at_s > entry.duration_s - Math.max(margin_s, entry.duration_s * 0.05);

/** Started and not finished, latest first. */
export const unfinished = (): Seen[] => watched().filter((entry) => entry.at_s >= margin_s && !isWhole(entry));
export const seenOf = (id: string): Seen | undefined => watched().find((entry) => entry.id === id);
export const finished = (id: string): boolean => {
    const entry = seenOf(id);
    return entry !== undefined && isWhole(entry);
};
/** Seconds to resume at; 0 is the start. */
export function resumeAt(id: string): number {
    return unfinished().find((entry) => entry.id === id)?.at_s ?? 0;
}

export function remember(id: string, at_s: number, duration_s: number): void {
    if (!Number.isFinite(at_s) || !Number.isFinite(duration_s) || duration_s <= 0) return;
    const rest = watched().filter((entry) => entry.id !== id);
    store(personal('history'), JSON.stringify([{ id, at_s, duration_s, when: Date.now() }, ...rest].slice(0, entries_max)));
}
export function forgetSeen(id: string): void {
    store(personal('history'), JSON.stringify(watched().filter((entry) => entry.id !== id)));
}
