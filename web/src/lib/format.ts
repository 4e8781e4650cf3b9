// SPDX-License-Identifier: AGPL-3.0-or-later
import type { Kind } from './model';
import { language, t, textOr } from './text';

/** 83 is 1:23, 3723 is 1:02:03. */
export function clock(seconds: number): string {
    const whole = Math.max(0, Math.floor(seconds));
    const two = (n: number): string => String(n).padStart(2, '0');
    const hours = Math.floor(whole / 3600);
    const minutes = Math.floor(whole / 60) % 60;
    return hours ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

export function length(duration_ms: number): string {
    const seconds = Math.round(duration_ms / 1000);
    if (seconds < 90) return t('show.seconds', { count: seconds });
    const minutes = Math.round(seconds / 60);
    if (minutes < 60) return t('show.minutes', { count: minutes });
    return t('show.hours', { hours: Math.floor(minutes / 60), minutes: minutes % 60 });
}

/** A language by its name in the reader's language; BCP 47 in, "und" and nonsense handled. */
export function languageName(code: string, label = ''): string {
    // Of unknown language, or of none (music and effects): what the track calls itself says more.
    if (code === 'und' || code === 'zxx' || code === '') return label || t('language.und');
    try {
        const name = new Intl.DisplayNames([language()], { type: 'language' }).of(code) ?? code;
        return name.charAt(0).toLocaleUpperCase(language()) + name.slice(1);
    } catch {
        return label || code;
    }
}

export const kindName = (kind: Kind): string => t(({ film: 'show.film', series: 'show.a_series', season: 'show.a_season', episode: 'show.an_episode',
    event: 'live.event', clip: 'show.clip', collection: 'show.collection' } as const)[kind]);
/** "Germany", in the reader's language. */
export function countryName(code: string): string {
    try {
        return new Intl.DisplayNames([language()], { type: 'region' }).of(code) ?? code;
    } catch {
        return code;
    }
}
export const genre = (code: string): string => textOr(`genre.${code}`, code);

/** 1536 is 1.5 kB: units as people know them from their file manager. */
export function bytes(count: number): string {
    const units = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'];
    let unit = 0;
    let value = count;
    while (value >= 1000 && unit < units.length - 1) {
        value /= 1000;
        unit++;
    }
    return new Intl.NumberFormat(language(), {
        style: 'unit', unit: units[unit] as string, unitDisplay: 'short', maximumFractionDigits: value < 10 && unit ? 1 : 0,
    }).format(value);
}

/** "avc1.640020" (RFC 6381) as people call it. */
export function codec(name: string): string {
    const known = { avc1: 'H.264', avc3: 'H.264', hvc1: 'HEVC', hev1: 'HEVC', av01: 'AV1', vp09: 'VP9', mp4a: 'AAC', opus: 'Opus', 'ac-3': 'AC-3' };
    return known[(name.split('.')[0] ?? '').toLowerCase() as keyof typeof known] ?? name;
}

export function bitrate(bits_per_second: number): string {
    const isMega = bits_per_second >= 1e6;
    const value = new Intl.NumberFormat(language(), { maximumFractionDigits: isMega ? 1 : 0 }).format(bits_per_second / (isMega ? 1e6 : 1e3));
    return `${value} ${isMega ? 'Mbit/s' : 'kbit/s'}`;
}

export const decimal = (value: number, digits = 1): string =>
    new Intl.NumberFormat(language(), { minimumFractionDigits: digits, maximumFractionDigits: digits }).format(value);
