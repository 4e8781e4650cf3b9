// SPDX-License-Identifier: AGPL-3.0-or-later
import { t } from './text';

/** "Firefox on Linux", from what a browser says of itself. Order matters: they all claim to be older ones too. */
export function deviceName(agent: string): string {
    const first = (list: [RegExp, string][]): string => list.find(([pattern]) => pattern.test(agent))?.[1] ?? '';
    const browser = first([[/Edg\//, 'Edge'], [/OPR\//, 'Opera'], [/SamsungBrowser/, 'Samsung Internet'], [/Firefox\/|FxiOS/, 'Firefox'], [/Chrome\/|CriOS|Chromium/, 'Chrome'], [/Safari\//, 'Safari']]);
    const system = first([[/iPhone/, 'iPhone'], [/iPad/, 'iPad'], [/Android/, 'Android'], [/Windows/, 'Windows'], [/Mac OS X|Macintosh/, 'macOS'], [/CrOS/, 'ChromeOS'], [/Linux/, 'Linux']]);
    if (browser && system) return t('devices.on', { browser, system });
    return browser || system || agent.trim().slice(0, 60) || t('devices.unknown');
}
