// SPDX-License-Identifier: AGPL-3.0-or-later
import Hls, { ErrorTypes, Events, type ErrorData, type Level } from 'hls.js';
import { inLanguage, type Engine, type EngineEvents, type MakeEngine, type Quality, type Tracks, type Wishes } from './engine';
import { refusalOf, token_header, type Ticket } from './ticket';

const toQuality = (level: Level, index: number): Quality => ({ id: String(index), height: level.height, bitrate: level.bitrate });

class HlsEngine implements Engine {
    #hls: Hls;
    #video: HTMLVideoElement;
    #ticket: Ticket;
    #events: EngineEvents;
    #mediaRecovered_at = -Infinity;

    constructor(video: HTMLVideoElement, ticket: Ticket, events: EngineEvents) {
        this.#video = video;
        this.#ticket = ticket;
        this.#events = events;
        this.#hls = new Hls({
            enableWorker: false, // fragmented MP4 needs no work, and a worker from a blob no hole in the policy
            maxBufferLength: 30,
            maxMaxBufferLength: 60,
            backBufferLength: 30,
            abrEwmaDefaultEstimate: 4_000_000,
            startFragPrefetch: true,
            xhrSetup: (request) => request.setRequestHeader(token_header, ticket.use()),
        });
    }

    load(wishes: Wishes): Promise<void> {
        const hls = this.#hls;
        hls.config.startPosition = wishes.start_s;
        const tell = (): void => this.#events.tracks(this.#tracks());
        for (const event of [Events.LEVELS_UPDATED, Events.LEVEL_SWITCHED, Events.AUDIO_TRACKS_UPDATED, Events.AUDIO_TRACK_SWITCHED,
            Events.SUBTITLE_TRACKS_UPDATED, Events.SUBTITLE_TRACK_SWITCH] as const) hls.on(event, tell);
        hls.on(Events.ERROR, (_, data) => void this.#failed(data));
        hls.on(Events.AUDIO_TRACKS_UPDATED, () => {
            const track = inLanguage(this.#tracks().audios, wishes.audio);
            if (track) hls.audioTrack = Number(track.id);
        });
        hls.on(Events.SUBTITLE_TRACKS_UPDATED, () => {
            const track = inLanguage(this.#tracks().captions, wishes.caption);
            this.setCaption(track?.id ?? null);
        });
        return new Promise((resolve) => {
            hls.on(Events.MANIFEST_PARSED, () => {
                tell();
                resolve();
            });
            hls.attachMedia(this.#video);
            hls.loadSource(this.#ticket.playback.hls);
        });
    }

    #tracks(): Tracks {
        const hls = this.#hls;
        const current = hls.levels[hls.currentLevel];
        return {
            qualities: hls.levels.map(toQuality),
            audios: hls.audioTracks.map((track, i) => ({ id: String(i), lang: track.lang ?? 'und', label: track.name })),
            captions: hls.subtitleTracks.map((track, i) => ({ id: String(i), lang: track.lang ?? 'und', label: track.name })),
            audio: String(hls.audioTrack),
            caption: hls.subtitleDisplay && hls.subtitleTrack >= 0 ? String(hls.subtitleTrack) : null,
            quality: hls.autoLevelEnabled ? null : String(hls.loadLevel),
            playing: current ? toQuality(current, hls.currentLevel) : null,
        };
    }

    async #failed(data: ErrorData): Promise<void> {
        const status = data.response?.code ?? 0;
        if (status === 403 || status === 401) {
            // Stop at once; whatever comes next needs permission first.
            this.#hls.stopLoad();
            const { code, message } = refusalOf((data.networkDetails as XMLHttpRequest | null)?.response ?? '');
            const isRenewed = await this.#ticket.denied(code, message);
            if (isRenewed) this.#hls.startLoad();
            return;
        }
        if (!data.fatal) return;
        if (data.type === ErrorTypes.MEDIA_ERROR && performance.now() - this.#mediaRecovered_at > 5000) {
            this.#mediaRecovered_at = performance.now();
            this.#hls.recoverMediaError();
            return;
        }
        this.#events.failed(data.type === ErrorTypes.NETWORK_ERROR ? 'network' : 'media', `${data.details} ${data.error?.message ?? ''}`);
    }

    setQuality(id: string | null): void {
        this.#hls.nextLevel = id === null ? -1 : Number(id);
        this.#events.tracks(this.#tracks());
    }
    setAudio(id: string): void {
        this.#hls.audioTrack = Number(id);
        this.#events.tracks(this.#tracks());
    }
    setCaption(id: string | null): void {
        this.#hls.subtitleDisplay = id !== null;
        this.#hls.subtitleTrack = id === null ? -1 : Number(id);
        this.#events.tracks(this.#tracks());
    }
    bandwidth(): number {
        return this.#hls.bandwidthEstimate || 0;
    }
    destroy(): Promise<void> {
        this.#hls.destroy();
        return Promise.resolve();
    }
}

export const make: MakeEngine = (video, ticket, events) => new HlsEngine(video, ticket, events);
export const isSupported = (): boolean => Hls.isSupported();
