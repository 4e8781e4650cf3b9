// SPDX-License-Identifier: AGPL-3.0-or-later
//
// Dates and times as people say them, in their own zone; and a clock for what counts down.
import { language, t } from './text';

const format = (ms: number, options: Intl.DateTimeFormatOptions): string => new Intl.DateTimeFormat(locale(), options).format(ms);
/** Times of day in 24 hours in English too: a broadcast schedule is read the same by everybody. */
const locale = (): string => (language() === 'en' ? 'en-GB' : language());

export const timeOfDay = (ms: number): string => format(ms, { hour: '2-digit', minute: '2-digit' });
export const timeOfDayExact = (ms: number): string => format(ms, { hour: '2-digit', minute: '2-digit', second: '2-digit' });
export const date = (ms: number): string => format(ms, { day: 'numeric', month: 'long', year: 'numeric' });

const dayOf = (ms: number): number => {
    const day = new Date(ms);
    return new Date(day.getFullYear(), day.getMonth(), day.getDate()).getTime();
};
/** "today, 20:30", "tomorrow, 20:30", "Sat, 21 Nov, 20:30"; with the year where it is another one. */
export function when(ms: number, now = Date.now()): string {
    const days = Math.round((dayOf(ms) - dayOf(now)) / 86_400_000);
    if (days === 0) return t('live.today', { time: timeOfDay(ms) });
    if (days === 1) return t('live.tomorrow', { time: timeOfDay(ms) });
    const isOtherYear = new Date(ms).getFullYear() !== new Date(now).getFullYear();
    return format(ms, { weekday: 'short', day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit', ...(isOtherYear ? { year: 'numeric' } : {}) });
}
/** "Saturday, 21 November, 20:30". */
export const whenWhole = (ms: number): string =>
    format(ms, { weekday: 'long', day: 'numeric', month: 'long', hour: '2-digit', minute: '2-digit' });
/** "3 March"; with the year where it is another one, with the time where it is less than a day away: as sentences of the server have it. */
export function moment(ms: number, now = Date.now()): string {
    const isOtherYear = new Date(ms).getFullYear() !== new Date(now).getFullYear(), isSoon = Math.abs(ms - now) < 86_400_000;
    return format(ms, { day: 'numeric', month: 'long', ...(isOtherYear ? { year: 'numeric' } : {}), ...(isSoon ? { hour: '2-digit', minute: '2-digit' } : {}) });
}
/** "Central European Standard Time". */
export const zone = (ms: number): string =>
    new Intl.DateTimeFormat(locale(), { timeZoneName: 'long' }).formatToParts(ms).find((part) => part.type === 'timeZoneName')?.value ?? '';

export const people = (count: number): string => new Intl.NumberFormat(language(), { notation: count >= 10_000 ? 'compact' : 'standard' }).format(count);

/** The number and the unit's word apart, as a countdown sets them: 3, "hours". */
export function unit(value: number, of: 'day' | 'hour' | 'minute' | 'second'): { number: string; word: string } {
    const parts = new Intl.NumberFormat(language(), { style: 'unit', unit: of, unitDisplay: 'long' }).formatToParts(value);
    const join = (isUnit: boolean): string => parts.filter((part) => part.type !== 'literal' && (part.type === 'unit') === isUnit).map((part) => part.value).join('');
    return { number: join(false), word: join(true) };
}

/** How long something is still there: "3 days", "5 hours", "12 minutes"; whole and never more than there is. */
export function left(ms: number): string {
    const minutes = Math.max(1, Math.floor(ms / 60_000));
    const [value, of] = minutes >= 2880 ? [Math.floor(minutes / 1440), 'day'] : minutes >= 60 ? [Math.floor(minutes / 60), 'hour'] : [minutes, 'minute'];
    return new Intl.NumberFormat(language(), { style: 'unit', unit: of, unitDisplay: 'long' }).format(value);
}

/** The time now, once a second at the second, for as long as the page that made it stands. */
export class Ticking {
    now = $state(Date.now());
    constructor() {
        $effect(() => {
            let timer: ReturnType<typeof setTimeout>;
            const tick = (): void => {
                this.now = Date.now();
                timer = setTimeout(tick, 1000 - (this.now % 1000));
            };
            tick();
            return () => clearTimeout(timer);
        });
    }
}

/** Calls `ask` about every `every_ms`, each time a little different so that a thousand waiting pages do not ask at once; a page that is
 *  not seen asks when it is seen again. Returns stop. */
export function poll(every_ms: number, ask: () => void): () => void {
    let timer: ReturnType<typeof setTimeout>;
    let isDue = false;
    const again = (): void => {
        timer = setTimeout(() => {
            if (document.hidden) isDue = true;
            else ask();
            again();
        }, every_ms * (0.8 + 0.4 * Math.random()));
    };
    const seen = (): void => {
        if (document.hidden || !isDue) return;
        isDue = false;
        ask();
    };
    again();
    document.addEventListener('visibilitychange', seen);
    return () => {
        clearTimeout(timer);
        document.removeEventListener('visibilitychange', seen);
    };
}
