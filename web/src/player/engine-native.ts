// SPDX-License-Identifier: AGPL-3.0-or-later
//
// Browsers without Media Source Extensions play HLS themselves. They cannot send a header, so the token is in the path;
// when that one ends, the newest takes its place where the picture stood.
import type { Engine, EngineEvents, MakeEngine, Tracks, Wishes } from './engine';
import { noTracks } from './engine';
import type { Ticket } from './ticket';

class NativeEngine implements Engine {
    #abort = new AbortController();
    #swapped_at = -Infinity;

    constructor(readonly video: HTMLVideoElement, readonly ticket: Ticket, readonly events: EngineEvents) {}

    load(wishes: Wishes): Promise<void> {
        const { signal } = this.#abort;
        const { video, events } = this;
        video.src = this.ticket.playback.path_hls;
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
    destroy(): Promise<void> {
        this.#abort.abort();
        return Promise.resolve();
    }
}

export const make: MakeEngine = (video, ticket, events) => new NativeEngine(video, ticket, events);
export const isSupported = (video: HTMLVideoElement): boolean => video.canPlayType('application/vnd.apple.mpegurl') !== '';
