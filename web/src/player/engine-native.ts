// SPDX-License-Identifier: AGPL-3.0-or-later
//
// Browsers without Media Source Extensions play HLS themselves. They cannot send a header, so the token is in the path;
// when that one ends, the newest takes its place where the picture stood.
import type { Engine, EngineEvents, LiveReading, MakeEngine, Tracks, Wishes } from './engine';
import { noTracks } from './engine';
import type { Ticket } from './ticket';

class NativeEngine implements Engine {
    #abort = new AbortController();
    #swapped_at = -Infinity;
    #wasLive = false;
    #end = 0; // of what can be sought to, and when it last moved
    #moved_at = performance.now();

    constructor(readonly video: HTMLVideoElement, readonly ticket: Ticket, readonly events: EngineEvents) {}

    load(wishes: Wishes): Promise<void> {
        const { signal } = this.#abort;
        const { video, events } = this;
        video.src = wishes.sound !== null ? this.ticket.playback.path_hls.replace(/[^/]+$/, `a${wishes.sound}.m3u8`) : this.ticket.playback.path_hls;
        video.addEventListener('durationchange', () => {
            if (this.#wasLive && Number.isFinite(video.duration)) events.over();
            this.#wasLive = video.duration === Infinity;
        }, { signal });
        video.addEventListener('loadedmetadata', () => {
            if (wishes.start_s > 0) video.currentTime = wishes.start_s;
            const track = this.#texts().find((text) => text.language === wishes.caption);
            if (track) track.mode = 'showing';
            events.tracks(this.#tracks());
        }, { signal, once: true });
        video.textTracks.addEventListener('change', () => events.tracks(this.#tracks()), { signal });
        video.addEventListener('error', () => {
            const first = this.ticket.playback.token;
            if (this.ticket.token !== first && performance.now() - this.#swapped_at > 10_000) {
                this.#swapped_at = performance.now();
                const at = video.currentTime;
                video.src = this.ticket.playback.path_hls.replace(first, this.ticket.token);
                video.currentTime = at;
                void video.play().catch(() => undefined);
            } else events.failed(video.error?.code === MediaError.MEDIA_ERR_NETWORK ? 'network' : 'media', video.error?.message ?? '');
        }, { signal });
        return Promise.resolve();
    }

    #texts(): TextTrack[] {
        return [...this.video.textTracks].filter((track) => track.kind === 'subtitles' || track.kind === 'captions');
    }
    #tracks(): Tracks {
        const texts = this.#texts();
        const shown = texts.findIndex((track) => track.mode === 'showing');
        return {
            ...noTracks,
            captions: texts.map((track, i) => ({ id: String(i), lang: track.language, label: track.label })),
            caption: shown < 0 ? null : String(shown),
        };
    }
    setQuality(): void {}
    setAudio(): void {}
    setCaption(id: string | null): void {
        this.#texts().forEach((track, i) => (track.mode = String(i) === id ? 'showing' : 'disabled'));
    }
    bandwidth(): number {
        return 0;
    }
    live(): LiveReading | null {
        const { video } = this;
        const { seekable } = video;
        if (!this.#wasLive || seekable.length === 0) return null;
        const end = seekable.end(seekable.length - 1);
        if (end !== this.#end) {
            this.#end = end;
            this.#moved_at = performance.now();
        }
        const age_s = (performance.now() - this.#moved_at) / 1000;
        const { live } = this.ticket.playback;
        // Safari tells when the first picture was captured.
        const began = (video as HTMLVideoElement & { getStartDate?(): Date }).getStartDate?.().getTime() ?? NaN;
        return {
            start: seekable.start(0), end, edge: end + age_s, target_s: (live?.hold_back_ms ?? 0) / 1000 || 6, age_s, offset_s: 0,
            captured: (at) => (Number.isFinite(began) ? began + at * 1000 : null),
        };
    }
    revive(): void {}
    report(): void {}
    destroy(): Promise<void> {
        this.#abort.abort();
        return Promise.resolve();
    }
}

export const make: MakeEngine = (video, ticket, events) => new NativeEngine(video, ticket, events);
export const isSupported = (video: HTMLVideoElement): boolean => video.canPlayType('application/vnd.apple.mpegurl') !== '';
