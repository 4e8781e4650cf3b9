// SPDX-License-Identifier: AGPL-3.0-or-later
//
// What the player needs of whatever brings the picture: hls.js, Shaka or the browser itself. An engine belongs to one
// video element and one ticket from load() to destroy().
import type { Ticket } from './ticket';

export interface Choice {
    id: string;
    lang: string;
    label: string;
}
export interface Quality {
    id: string;
    height: number;
    bitrate: number;
}
export interface Tracks {
    qualities: Quality[];
    audios: Choice[];
    captions: Choice[];
    audio: string;
    caption: string | null;
    /** null: the engine chooses. */
    quality: string | null;
    /** What plays now. */
    playing: Quality | null;
}
export const noTracks: Tracks = { qualities: [], audios: [], captions: [], audio: '', caption: null, quality: null, playing: null };

export type Failure = 'network' | 'media' | 'unsupported';

export interface EngineEvents {
    tracks(tracks: Tracks): void;
    failed(failure: Failure, detail: string): void;
}

export interface Wishes {
    start_s: number;
    audio: string | null; // language
    caption: string | null; // language; null is off
}

export interface Engine {
    load(wishes: Wishes): Promise<void>;
    setQuality(id: string | null): void;
    setAudio(id: string): void;
    setCaption(id: string | null): void;
    /** Bits per second the connection gives, 0 if unknown. */
    bandwidth(): number;
    destroy(): Promise<void>;
}

export type MakeEngine = (video: HTMLVideoElement, ticket: Ticket, events: EngineEvents) => Engine;

/** The first choice in the language wished for: "zh" takes "zh-Hans" too. */
export function inLanguage<T extends { lang: string }>(choices: T[], wish: string | null): T | undefined {
    if (wish === null) return undefined;
    const primary = (lang: string): string => lang.split('-')[0] ?? '';
    return choices.find((choice) => choice.lang === wish) ?? choices.find((choice) => primary(choice.lang) === primary(wish));
}
