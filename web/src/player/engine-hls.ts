// SPDX-License-Identifier: AGPL-3.0-or-later
import Hls, { ErrorTypes, Events, type ErrorData, type Level, type LoadPolicy } from 'hls.js';
import { inLanguage, type Engine, type EngineEvents, type LiveReading, type MakeEngine, type Quality, type Tracks, type Wishes } from './engine';
import { AligningController } from './hls-aligned';
import { refusalOf, token_header, type Ticket } from './ticket';

const toQuality = (level: Level, index: number): Quality => ({ id: String(index), height: level.height, bitrate: level.bitrate });

/** Keys of CMCD (CTA-5004) that the server reads; the rest would only make addresses longer. */
const cmcd_keys = ['bl', 'br', 'bs', 'cid', 'd', 'mtp', 'ot', 'pr', 'sf', 'sid', 'st', 'su'] as const;

/** A server that is down for a while, or a list that waits for a publisher, is asked again and again, ever more slowly: the page says
 *  "signal lost" meanwhile. */
const patience: LoadPolicy = {
    default: {
        maxTimeToFirstByteMs: 20_000, // a held list is answered within three target durations
        maxLoadTimeMs: 30_000,
        timeoutRetry: { maxNumRetry: 1000, retryDelayMs: 0, maxRetryDelayMs: 0 },
        errorRetry: { maxNumRetry: 1000, retryDelayMs: 500, maxRetryDelayMs: 4000 },
    },
};

class HlsEngine implements Engine {
    #hls: Hls;
    #offsets = new Map<number, number>(); // by discontinuity: the stream's own time minus the element's
    #wasLive = false;
    #report = '';
    #again: ReturnType<typeof setTimeout> | undefined;
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
            liveDurationInfinity: true,
            abrController: AligningController,
            liveSyncOnStallIncrease: 0.15,
            maxLiveSyncPlaybackRate: 1, // catching up is the store's: gently, and for all engines alike
            ...(ticket.playback.live ? { playlistLoadPolicy: patience } : {}),
            cmcd: { sessionId: ticket.playback.session, contentId: ticket.title, includeKeys: [...cmcd_keys] },
            xhrSetup: (request, url) => {
                // What hls.js does not measure goes behind what it reports: CMCD is the last parameter of the address.
                request.open('GET', this.#report && url.includes('CMCD=') ? url + this.#report : url, true);
                request.setRequestHeader(token_header, ticket.use());
            },
        });
    }

    load(wishes: Wishes): Promise<void> {
        const hls = this.#hls;
        hls.config.startPosition = wishes.start_s;
        hls.config.lowLatencyMode = wishes.isLowLatency;
        const tell = (): void => this.#events.tracks(this.#tracks());
        for (const event of [Events.LEVELS_UPDATED, Events.LEVEL_SWITCHED, Events.AUDIO_TRACKS_UPDATED, Events.AUDIO_TRACK_SWITCHED,
            Events.SUBTITLE_TRACKS_UPDATED, Events.SUBTITLE_TRACK_SWITCH] as const) hls.on(event, tell);
        hls.on(Events.ERROR, (_, data) => void this.#failed(data));
        hls.on(Events.INIT_PTS_FOUND, (_, { frag, initPTS, timescale }) => this.#offsets.set(frag.cc, initPTS / timescale));
        hls.on(Events.LEVEL_UPDATED, (_, { details }) => {
            const isOver = this.#wasLive && !details.live;
            this.#wasLive = details.live;
            if (isOver) this.#events.over();
        });
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
            const list = new URL(this.#ticket.playback.hls, location.href);
            // hls.js drops levels without a picture where others have one: sound alone is asked for by its own list.
            hls.loadSource(wishes.sound !== null ? new URL(`a${wishes.sound}.m3u8`, list).href : list.href);
        });
    }

    live(): LiveReading | null {
        const hls = this.#hls;
        const details = hls.latestLevelDetails;
        if (!details || !this.#wasLive || details.fragments.length === 0) return null;
        const at = (time: number): (typeof details.fragments)[number] | undefined =>
            details.fragments.findLast((fragment) => fragment.start <= time) ?? details.fragments[0];
        const age_s = details.age;
        return {
            start: details.fragmentStart,
            end: details.edge,
            // Between two answers the stream is thought to go on; when none comes for long, it has stopped.
            edge: details.edge + Math.min(age_s, 3 * ((hls.config.lowLatencyMode && details.partTarget) || details.targetduration)),
            target_s: hls.targetLatency ?? details.targetduration * 3,
            age_s,
            offset_s: this.#offsets.get(at(this.#video.currentTime)?.cc ?? 0) ?? 0,
            captured: (time) => {
                const fragment = at(time);
                return fragment?.programDateTime ? fragment.programDateTime + (time - fragment.start) * 1000 : null;
            },
        };
    }
    /** hls.js does not ask again after a delta update that it could not apply. If the server's list has moved on and hls.js has not, it
     *  begins anew with everything. */
    revive(): void {
        const hls = this.#hls;
        const known = hls.latestLevelDetails?.endSN ?? -1;
        const url = hls.levels[hls.loadLevel]?.url[0];
        if (!url) return;
        fetch(url, { headers: { [token_header]: this.#ticket.use() } }).then((response) => response.text()).then((list) => {
            const first = Number(/#EXT-X-MEDIA-SEQUENCE:(\d+)/.exec(list)?.[1] ?? NaN);
            const newest = first + (list.match(/^#EXTINF/gm)?.length ?? 0) - 1;
            if (newest <= known || (hls.latestLevelDetails?.endSN ?? -1) !== known) return;
            hls.once(Events.MANIFEST_PARSED, () => void this.#video.play().catch(() => undefined));
            hls.loadSource(hls.url ?? '');
        }, () => undefined);
    }
    report({ latency_ms, startup_ms }: { latency_ms: number | null; startup_ms: number | null }): void {
        this.#report = (latency_ms === null ? '' : `%2Cltc%3D${latency_ms}`) + (startup_ms === null ? '' : `%2Cmsd%3D${startup_ms}`);
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
        // A live channel without its publisher has nothing to send: that is no end. Ask again.
        if (data.type === ErrorTypes.NETWORK_ERROR && this.#wasLive) {
            clearTimeout(this.#again);
            this.#again = setTimeout(() => this.#hls.startLoad(), 2000);
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
        clearTimeout(this.#again);
        this.#hls.destroy();
        return Promise.resolve();
    }
}

export const make: MakeEngine = (video, ticket, events) => new HlsEngine(video, ticket, events);
export const isSupported = (): boolean => Hls.isSupported();
