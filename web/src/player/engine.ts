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
    /** The broadcast is over: the list that was live has its end. What is left of it plays on. */
    over(): void;
}

/** Where a live stream stands, in seconds of the video element unless said otherwise. */
export interface LiveReading {
    /** What can be sought to: from the oldest second that is kept to the newest that is known. */
    start: number;
    end: number;
    /** Where the stream is by now, as the player reckons between two answers of the server. */
    edge: number;
    /** How far behind the edge the stream wants to be played. */
    target_s: number;
    /** Seconds since the server last had something new; Infinity while it does not answer. */
    age_s: number;
    /** Seconds from an element's time to the stream's own time (that of the preview pictures). */
    offset_s: number;
    /** When the picture at an element's time was captured, in ms since 1970; null if the stream does not say. */
    captured(at: number): number | null;
}

export interface Wishes {
    start_s: number;
    audio: string | null; // language
    caption: string | null; // language; null is off
    /** The audio track to hear without a picture; null is with one. */
    sound: string | null;
    /** Parts of segments as they come; false waits for whole segments, as old players do. */
    isLowLatency: boolean;
}

export interface Engine {
    load(wishes: Wishes): Promise<void>;
    setQuality(id: string | null): void;
    setAudio(id: string): void;
    setCaption(id: string | null): void;
    /** Bits per second the connection gives, 0 if unknown. */
    bandwidth(): number;
    /** The signal has been lost for a while: ask for everything anew, in case the engine has stopped asking. */
    revive(): void;
    /** null if this is no live stream, or not yet known. */
    live(): LiveReading | null;
    /** Delay measured against capture and the start, for the player's reports to the server (CMCD `ltc`, `msd`). */
    report(facts: { latency_ms: number | null; startup_ms: number | null }): void;
    destroy(): Promise<void>;
}

export type MakeEngine = (video: HTMLVideoElement, ticket: Ticket, events: EngineEvents) => Engine;

/** The first choice in the language wished for: "zh" takes "zh-Hans" too. */
export function inLanguage<T extends { lang: string }>(choices: T[], wish: string | null): T | undefined {
    if (wish === null) return undefined;
    const primary = (lang: string): string => lang.split('-')[0] ?? '';
    return choices.find((choice) => choice.lang === wish) ?? choices.find((choice) => primary(choice.lang) === primary(wish));
}
