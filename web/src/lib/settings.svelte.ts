// SPDX-License-Identifier: AGPL-3.0-or-later
//
// What a reader chose on this device. Storage may be closed (private windows): then a choice lasts as long as the page.
import { isLanguage, type Language } from './text';

export function stored(key: string): string | null {
    try {
        return localStorage.getItem(`gs.${key}`);
    } catch {
        return null;
    }
}
export function store(key: string, value: string | null): void {
    try {
        if (value === null) localStorage.removeItem(`gs.${key}`);
        else localStorage.setItem(`gs.${key}`, value);
    } catch {
        /* closed: see above */
    }
}

/** What was kept for the profiles of an account that is no more. */
export function forgetPersonal(): void {
    try {
        for (const key of Object.keys(localStorage)) if (/^gs\.(history|searches)\./.test(key)) localStorage.removeItem(key);
    } catch {
        /* closed: then nothing was kept */
    }
}

export type Theme = 'system' | 'light' | 'dark';

class Settings {
    theme = $state<Theme>((['light', 'dark'] as const).find((known) => known === stored('theme')) ?? 'system');

    setTheme(theme: Theme): void {
        this.theme = theme;
        store('theme', theme === 'system' ? null : theme);
        if (theme === 'system') delete document.documentElement.dataset['theme'];
        else document.documentElement.dataset['theme'] = theme;
    }

    /** The server writes the first HTML and titles in this language too: hence a cookie and a new load. */
    setLanguage(language: Language): void {
        document.cookie = `lang=${language}; Path=/; Max-Age=31536000; SameSite=Lax`;
        const url = new URL(location.href);
        url.searchParams.delete('lang');
        if (url.href === location.href) location.reload();
        else location.assign(url);
    }
}
export const settings = new Settings();

/** For the first HTML, which the server writes before a script runs, and for letters: dates in the zone of this device. */
export function tellZone(): void {
    const { timeZone } = new Intl.DateTimeFormat().resolvedOptions();
    if (timeZone && !document.cookie.split('; ').includes(`zone=${timeZone}`)) document.cookie = `zone=${timeZone}; Path=/; Max-Age=31536000; SameSite=Lax`;
}

/** The language of this page: ?lang=, else what the server wrote into <html lang>. */
export function pageLanguage(): Language {
    const wish = new URLSearchParams(location.search).get('lang');
    if (isLanguage(wish)) return wish;
    const cookie = /(?:^|; )lang=(\w+)/.exec(document.cookie)?.[1];
    if (isLanguage(cookie)) return cookie;
    const lang = document.documentElement.lang;
    return isLanguage(lang) ? lang : 'en';
}
