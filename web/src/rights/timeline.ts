// SPDX-License-Identifier: AGPL-3.0-or-later
//
// Where things lie on a time line: lanes by deal, rows so that nothing covers anything, and marks at round dates.
import type { Line } from '../lib/model-rights';
import { language } from '../lib/text';

export interface Bar {
    line: Line;
    from: number;
    /** null: endless */
    to: number | null;
    row: number;
}
export interface Lane {
    id: string;
    bars: Bar[];
    rows: number;
}

/** One lane a deal, in the order in which they begin; within it each bar in the first row that is free for it. */
export function lanesOf(lines: readonly Line[]): Lane[] {
    const lanes = new Map<string, Lane & { ends: number[] }>();
    for (const line of lines.toSorted((a, b) => a.starts_at - b.starts_at || (a.ends_at ?? Infinity) - (b.ends_at ?? Infinity))) {
        const id = line.deal?.id ?? '';
        let lane = lanes.get(id);
        if (!lane) lanes.set(id, (lane = { id, bars: [], rows: 0, ends: [] }));
        let row = lane.ends.findIndex((end) => end <= line.starts_at);
        if (row < 0) row = lane.ends.length;
        lane.ends[row] = line.ends_at ?? Infinity;
        lane.bars.push({ line, from: line.starts_at, to: line.ends_at, row });
        lane.rows = lane.ends.length;
    }
    return [...lanes.values()];
}

const day_ms = 86_400_000;
const year_ms = 365.25 * day_ms;

/** What to show first: everything that has a beginning or an end within reach, and now; what has always been or never ends does not stretch it. */
export function extent(lines: readonly Line[], now: number): [number, number] {
    const near = lines.flatMap((line) => [line.starts_at, line.ends_at]).filter((at): at is number => at !== null && Math.abs(at - now) < 15 * year_ms);
    const from = Math.min(now - 60 * day_ms, ...near);
    const to = Math.max(now + 180 * day_ms, ...near);
    const margin = (to - from) * 0.06;
    return [from - margin, to + margin];
}

export interface Tick {
    at: number;
    label: string;
    isMajor: boolean;
}
type Unit = 'hour' | 'day' | 'month' | 'year';
const steps: [Unit, number, number][] = [
    ['hour', 1, day_ms / 24], ['hour', 6, day_ms / 4], ['day', 1, day_ms], ['day', 7, 7 * day_ms], ['month', 1, 30 * day_ms], ['month', 3, 91 * day_ms], ['year', 1, year_ms],
    ['year', 2, 2 * year_ms], ['year', 5, 5 * year_ms], ['year', 10, 10 * year_ms], ['year', 25, 25 * year_ms],
];
/** Marks at round local dates, at most `most` of them. Days are counted by the calendar: one of 23 hours is one too. */
export function ticks(from: number, to: number, most: number): Tick[] {
    const [unit, by] = steps.find(([, , ms]) => (to - from) / ms <= most) ?? (steps.at(-1) as [Unit, number, number]);
    const at = new Date(from);
    if (unit === 'hour') at.setHours(Math.floor(at.getHours() / by) * by, 0, 0, 0);
    else at.setHours(0, 0, 0, 0);
    if (unit === 'day' && by === 7) at.setDate(at.getDate() - ((at.getDay() + 6) % 7));
    if (unit === 'month') at.setMonth(Math.floor(at.getMonth() / by) * by, 1);
    if (unit === 'year') at.setFullYear(Math.floor(at.getFullYear() / by) * by, 0, 1);
    const locale = language() === 'en' ? 'en-GB' : language();
    const options: Record<Unit, Intl.DateTimeFormatOptions> = { hour: { hour: '2-digit', minute: '2-digit' }, day: { day: 'numeric', month: 'short' }, month: { month: 'short' }, year: { year: 'numeric' } };
    const small = new Intl.DateTimeFormat(locale, options[unit]);
    const large = new Intl.DateTimeFormat(locale, unit === 'hour' ? options.day : options.year);
    const out: Tick[] = [];
    while (at.getTime() < to && out.length < most * 2 + 2) {
        const isMajor = unit === 'hour' ? at.getHours() === 0 : unit === 'year' || (at.getMonth() === 0 && at.getDate() <= (unit === 'day' ? by : 1));
        if (at.getTime() >= from) out.push({ at: at.getTime(), label: (isMajor ? large : small).format(at), isMajor });
        if (unit === 'hour') at.setTime(at.getTime() + by * (day_ms / 24));
        else if (unit === 'day') at.setDate(at.getDate() + by);
        else if (unit === 'month') at.setMonth(at.getMonth() + by);
        else at.setFullYear(at.getFullYear() + by);
    }
    return out;
}
