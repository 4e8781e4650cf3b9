// SPDX-License-Identifier: AGPL-3.0-or-later
//
// Times of contracts: shown where the reader is, and in UTC beside it; sent in UTC.
import { language, t } from '../lib/text';

const two = (n: number): string => String(n).padStart(2, '0');
const locale = (): string => (language() === 'en' ? 'en-GB' : language());

/** What <input type=datetime-local> wants: the local time without a zone; '' for none. */
export function toLocal(ms: number | null): string {
    if (ms === null) return '';
    const at = new Date(ms);
    return `${String(at.getFullYear()).padStart(4, '0')}-${two(at.getMonth() + 1)}-${two(at.getDate())}T${two(at.getHours())}:${two(at.getMinutes())}`;
}
/** null for what is empty or is no time. */
export function fromLocal(text: string): number | null {
    const ms = text ? new Date(text).getTime() : NaN;
    return Number.isFinite(ms) ? ms : null;
}
/** Contracts count whole seconds. */
export const iso = (ms: number): string => new Date(Math.floor(ms / 1000) * 1000).toISOString().replace('.000Z', 'Z');
export const isoOrNull = (ms: number | null): string | null => (ms === null ? null : iso(ms));

const format = (ms: number, options: Intl.DateTimeFormatOptions): string => new Intl.DateTimeFormat(locale(), options).format(ms);
/** "21 Nov 2026, 19:00 UTC". */
export const utcText = (ms: number): string =>
    t('moment.utc', { time: format(ms, { timeZone: 'UTC', day: 'numeric', month: 'short', year: 'numeric', hour: '2-digit', minute: '2-digit' }) });
/** "21 Nov 2026, 20:00"; the time of day is left out at midnight here. */
export function momentText(ms: number): string {
    const at = new Date(ms);
    const isDay = at.getHours() === 0 && at.getMinutes() === 0;
    return format(ms, { day: 'numeric', month: 'short', year: 'numeric', ...(isDay ? {} : { hour: '2-digit', minute: '2-digit' }) });
}
export const dayText = (ms: number): string => format(ms, { day: 'numeric', month: 'short', year: 'numeric' });
/** "1 Jan 2026 – 31 Dec 2026, 18:00", "since 1 Jan 2026, endless". */
export const windowText = (from: number, to: number | null): string =>
    to === null ? t('moment.endless_from', { from: momentText(from) }) : t('moment.window', { from: momentText(from), to: momentText(to) });
