// SPDX-License-Identifier: AGPL-3.0-or-later
//
// Which key asks for what. Keys that a focused control needs itself (arrows on a slider, space on a button, letters in a
// field) stay with it.
import { speeds, type PlayerStore, type Request } from './store.svelte';

type Wish = Request | 'fullscreen' | 'pip' | 'statistics' | 'help' | 'next' | ((player: PlayerStore) => Request);

const faster = (step: 1 | -1) => (player: PlayerStore): Request => {
    const nearest = speeds.reduce((best, rate) => (Math.abs(rate - player.speed) < Math.abs(best - player.speed) ? rate : best));
    const index = Math.min(speeds.length - 1, Math.max(0, speeds.indexOf(nearest) + step));
    return { do: 'speed', rate: speeds[index] ?? 1 };
};

const keys: Record<string, Wish> = {
    ' ': { do: 'toggle-play' },
    k: { do: 'toggle-play' },
    ArrowLeft: { do: 'seek', by_s: -5 },
    ArrowRight: { do: 'seek', by_s: 5 },
    j: { do: 'seek', by_s: -10 },
    l: { do: 'seek', by_s: 10 },
    ArrowUp: { do: 'volume', by: 0.05 },
    ArrowDown: { do: 'volume', by: -0.05 },
    g: { do: 'live' },
    m: { do: 'toggle-mute' },
    c: { do: 'toggle-captions' },
    f: 'fullscreen',
    p: 'pip',
    i: 'statistics',
    n: 'next',
    '?': 'help',
    '<': faster(-1),
    '>': faster(1),
    ',': { do: 'frame', direction: -1 },
    '.': { do: 'frame', direction: 1 },
};

export function shortcutsOf(event: KeyboardEvent): Wish | null {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return null;
    const focused = event.composedPath()[0] as HTMLElement;
    const host = event.target as HTMLElement;
    if (focused.matches?.('input:not([type=range]):not([type=radio]):not([type=checkbox]), textarea, select')) return null;
    const isSlider = host.matches?.('media-time-range, media-volume-range, input[type=range]');
    const isChoice = focused.matches?.('input[type=radio]');
    if ((isSlider || isChoice) && (event.key.startsWith('Arrow') || event.key === ' ')) return null;
    if (event.key === ' ' && host.matches?.('button, a, summary, input, media-play-button, media-seek-backward-button, media-seek-forward-button, media-mute-button, media-pip-button, media-fullscreen-button')) return null;
    if (/^\d$/.test(event.key)) return { do: 'jump', part: Number(event.key) / 10 };
    return keys[event.key.length === 1 ? event.key.toLowerCase() : event.key] ?? null;
}

/** For the help panel: the keys as they are printed on a keyboard, and the code of what they do. */
export const shortcuts = [
    [['space', 'K'], 'keys.play'],
    [['←', '→'], 'keys.seek_5'],
    [['J', 'L'], 'keys.seek_10'],
    [['↑', '↓'], 'keys.volume'],
    [['M'], 'keys.mute'],
    [['C'], 'keys.captions'],
    [['F'], 'keys.fullscreen'],
    [['P'], 'keys.pip'],
    [['<', '>'], 'keys.speed'],
    [[',', '.'], 'keys.frame'],
    [['0', '…', '9'], 'keys.jump'],
    [['N'], 'keys.next'],
    [['G'], 'keys.live'],
    [['I'], 'keys.statistics'],
    [['?'], 'keys.help'],
] as const;
