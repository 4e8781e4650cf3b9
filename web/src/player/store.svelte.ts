// SPDX-License-Identifier: AGPL-3.0-or-later
//
// The player's one store. Parts show what stands here and ask for changes with request(); only the store touches the
// engine and the ticket. The video element's own state (paused, time, volume) is media-chrome's to show.
import { ApiError } from '../lib/api';
import { remember } from '../lib/history';
import { store, stored } from '../lib/settings.svelte';
import { language, t } from '../lib/text';
import { noTracks, type Engine, type MakeEngine, type Tracks } from './engine';
import { LiveState } from './live.svelte';
import { LivePreviews, Previews } from './previews';
import { refusalFrom, Ticket, type Refusal } from './ticket';

/** "hls" takes a live stream in parts, as soon as they are there; "plain" waits for whole segments. Of films the two are the same. */
export type Protocol = 'hls' | 'plain' | 'dash';
export type Request =
    | { do: 'quality'; id: string | null }
    | { do: 'audio'; id: string }
    | { do: 'caption'; id: string | null }
    | { do: 'toggle-captions' }
    | { do: 'speed'; rate: number }
    | { do: 'protocol'; protocol: Protocol }
    | { do: 'seek'; by_s: number }
    | { do: 'jump'; part: number }
    | { do: 'frame'; direction: 1 | -1 }
    | { do: 'sound-only'; is: boolean }
    | { do: 'pin'; pin: string }
    | { do: 'toggle-play' | 'toggle-mute' | 'retry' | 'again' | 'live' }
    | { do: 'volume'; by: number };

/** What the player is at: a sentence stands where the picture was in `refused` and `broken`. */
export type Phase = 'loading' | 'playing' | 'refused' | 'broken' | 'ended';

export const speeds = [0.5, 0.75, 1, 1.25, 1.5, 1.75, 2];

export function wishedProtocol(): Protocol {
    const wish = new URLSearchParams(location.search).get('protocol') ?? stored('protocol');
    return wish === 'dash' || wish === 'plain' ? wish : 'hls';
}

interface MediaRequests {
    count: number;
    first_byte_ms: number | null;
}

export class PlayerStore {
    phase = $state<Phase>('loading');
    message = $state('');
    /** Of phase `refused`: why, and whether something was seen before. */
    refusal = $state.raw<Refusal | null>(null);
    hasPlayed = $state(false);
    tracks = $state.raw<Tracks>(noTracks);
    speed = $state(1);
    protocol = $state<Protocol>(wishedProtocol());
    engineName = $state('');
    renewals = $state(0);
    startup_ms = $state<number | null>(null);
    media = $state.raw<MediaRequests>({ count: 0, first_byte_ms: null });
    previews: Previews | null = null;
    livePreviews = $state.raw<LivePreviews | null>(null);
    /** Counts up when a picture for the live bar has come. */
    pictures = $state(0);
    sound = $state<string | null>(null);
    /** The browser allowed the picture without its sound only. */
    isSilenced = $state(false);
    live: LiveState;
    /** The controls of a live broadcast; they stay when it ends while one watches, until the recording is asked for. */
    isBroadcast = $state(false);

    #video: HTMLVideoElement;
    #id: string;
    #start_s: number;
    #engine: Engine | null = null;
    #ticket: Ticket | null = null;
    #abort = new AbortController();
    #pin: string | null = null;
    #run = 0; // each start has a number: what an earlier one still answers is not heard
    #lastCaption: string | null = null;
    #rate_chosen: number | null = null; // until the element has said that it plays at it
    #observer: PerformanceObserver | null = null;
    #kept_at = 0;

    constructor(video: HTMLVideoElement, id: string, start_s: number, isLive: boolean, private readonly onover: () => void) {
        this.#video = video;
        this.#id = id;
        this.#start_s = start_s;
        this.isBroadcast = isLive;
        this.speed = Number(stored('speed')) || 1;
        this.live = new LiveState(video, () => this.#engine, () => {
            video.pause();
            if (this.phase === 'playing') this.phase = 'ended';
        });
        const { signal } = this.#abort;
        video.addEventListener('playing', () => this.#ticket?.watch(true), { signal });
        video.addEventListener('pause', () => {
            this.#ticket?.watch(false);
            this.#keep();
        }, { signal });
        video.addEventListener('seeked', () => this.#keep(), { signal });
        video.addEventListener('timeupdate', () => {
            if (performance.now() - this.#kept_at > 5000) this.#keep();
        }, { signal });
        video.addEventListener('ended', () => {
            this.#keep();
            if (this.phase === 'playing') this.phase = 'ended';
        }, { signal });
        video.addEventListener('play', () => {
            if (this.phase === 'ended') this.phase = 'playing';
            // Nothing may bring back a picture that was refused: not a key, not the headset's button.
            if (this.phase === 'refused' || this.phase === 'broken') video.pause();
        }, { signal });
        video.addEventListener('ratechange', () => {
            if (video.playbackRate === 0) return; // an engine's way to wait
            // An engine that begins or ends to wait in the same moment puts back the speed that it knew: what was chosen is said once more.
            if (this.#rate_chosen !== null && video.playbackRate !== this.#rate_chosen) video.playbackRate = this.#rate_chosen;
            else this.#rate_chosen = null;
            if (this.live.rate === 1) this.speed = video.playbackRate;
        }, { signal });
        addEventListener('pagehide', () => this.#keep(), { signal });
        if (globalThis.PerformanceObserver) {
            this.#observer = new PerformanceObserver((list) => {
                const ours = (list.getEntriesByType('resource') as PerformanceResourceTiming[]).filter((entry) => /\/media\//.test(entry.name));
                const last = ours.at(-1);
                if (!last) return;
                this.media = {
                    count: this.media.count + ours.length,
                    first_byte_ms: last.responseStart > 0 ? last.responseStart - last.requestStart : this.media.first_byte_ms,
                };
            });
            this.#observer.observe({ type: 'resource' });
        }
    }

    async start(): Promise<void> {
        const run = ++this.#run;
        const began = performance.now();
        this.phase = 'loading';
        this.message = '';
        this.refusal = null;
        try {
            const ticket = await Ticket.open(this.#id, {
                refused: (refusal) => this.#refuse(refusal),
                renewed: (count) => (this.renewals = count),
            }, this.#pin);
            if (run !== this.#run) return ticket.close();
            this.#ticket = ticket;
            const isLive = ticket.playback.live !== null;
            this.isBroadcast = isLive;
            this.live.reset();
            const make = await this.#choose();
            if (run !== this.#run) return;
            if (!make) return this.#stop('broken', t('watch.unsupported'));
            this.#video.addEventListener('loadeddata', () => {
                this.startup_ms ??= performance.now() - began;
                this.live.startup_ms = this.startup_ms;
                if (this.phase === 'loading') this.phase = 'playing';
                this.hasPlayed = true;
            }, { signal: this.#abort.signal, once: true });
            this.#engine = make(this.#video, ticket, {
                tracks: (tracks) => {
                    if (run === this.#run) this.tracks = tracks;
                },
                over: () => {
                    if (run !== this.#run) return;
                    this.live.over();
                    this.onover();
                },
                failed: (failure, detail) => {
                    console.error(`playback: ${failure}: ${detail}`);
                    if (run === this.#run) this.#stop('broken', t(`watch.${failure}`));
                },
            });
            if (ticket.playback.thumbnails) {
                if (isLive) this.livePreviews = new LivePreviews(ticket, ticket.playback.thumbnails, () => this.pictures++);
                else this.previews = new Previews(this.#video, ticket, ticket.playback.thumbnails);
            }
            const caption = stored('caption');
            await this.#engine.load({
                start_s: isLive ? -1 : this.#start_s,
                audio: stored('audio') ?? language(),
                caption: caption === 'off' ? null : caption,
                sound: this.sound,
                isLowLatency: this.protocol !== 'plain',
            });
            const rate = isLive ? 1 : Number(stored('speed')) || 1;
            this.#video.defaultPlaybackRate = rate;
            this.#video.playbackRate = rate;
            if (run === this.#run) await this.#begin();
        } catch (error) {
            if (run !== this.#run) return;
            if (error instanceof ApiError && (error.status === 403 || error.status === 401)) return this.#refuse(refusalFrom(error));
            this.#stop('broken', error instanceof ApiError ? error.message : t('watch.media'));
            if (!(error instanceof ApiError)) console.error(error);
        }
    }

    /** A browser may refuse sound before somebody touched the page: a film then waits for a press; an event that begins by itself while one
     *  waits for it must be seen, so it plays silently and says how to hear it. */
    async #begin(): Promise<void> {
        if (this.isBroadcast) await this.live.ready();
        try {
            await this.#video.play();
        } catch (error) {
            if (!this.isBroadcast || !(error instanceof DOMException && error.name === 'NotAllowedError')) return;
            this.#video.muted = true;
            this.isSilenced = true;
            this.#video.addEventListener('volumechange', () => {
                if (!this.#video.muted) this.isSilenced = false;
            }, { signal: this.#abort.signal });
            await this.#video.play().catch(() => undefined);
        }
    }

    /** Loads only the engine that is needed. */
    async #choose(): Promise<MakeEngine | null> {
        if (this.protocol === 'dash') {
            const dash = await import('./engine-dash');
            if (dash.isSupported()) {
                this.engineName = this.isBroadcast ? 'LL-DASH · Shaka Player' : 'DASH · Shaka Player';
                return dash.make;
            }
        }
        const hls = await import('./engine-hls');
        if (hls.isSupported()) {
            this.engineName = this.isBroadcast && this.protocol === 'hls' ? 'LL-HLS · hls.js' : 'HLS · hls.js';
            return hls.make;
        }
        const native = await import('./engine-native');
        if (!native.isSupported(this.#video)) return null;
        this.engineName = 'HLS';
        return native.make;
    }

    #refuse(refusal: Refusal): void {
        this.#pin = null;
        this.refusal = refusal;
        this.#stop('refused', refusal.message);
    }

    /** Playback is over: the element loses its source, so that not even a buffered frame is shown. */
    #stop(phase: 'refused' | 'broken', message: string): void {
        this.#start_s = this.#video.currentTime || this.#start_s;
        this.#keep();
        this.phase = phase;
        this.message = message;
        void this.#release();
    }

    async #release(): Promise<void> {
        this.#run++;
        const engine = this.#engine;
        this.#engine = null;
        this.#ticket?.close();
        this.#ticket = null;
        this.previews?.close();
        this.previews = null;
        this.livePreviews?.close();
        this.livePreviews = null;
        this.#video.pause();
        this.#video.removeAttribute('src');
        this.#video.load();
        this.tracks = noTracks;
        await engine?.destroy().catch(() => undefined);
        if (document.pictureInPictureElement === this.#video) await document.exitPictureInPicture().catch(() => undefined);
    }

    #keep(): void {
        if (this.isBroadcast || (this.phase !== 'playing' && this.phase !== 'ended')) return;
        this.#kept_at = performance.now();
        if (this.#video.currentTime > 0) remember(this.#id, this.#video.currentTime, this.#video.duration);
    }

    request(request: Request): void {
        const video = this.#video;
        switch (request.do) {
            case 'quality':
                return this.#engine?.setQuality(request.id);
            case 'audio':
                store('audio', this.tracks.audios.find((track) => track.id === request.id)?.lang ?? null);
                return this.#engine?.setAudio(request.id);
            case 'caption':
                store('caption', this.tracks.captions.find((track) => track.id === request.id)?.lang ?? 'off');
                if (request.id !== null) this.#lastCaption = request.id;
                return this.#engine?.setCaption(request.id);
            case 'toggle-captions': {
                const { caption, captions } = this.tracks;
                const own = captions.find((track) => track.lang.split('-')[0] === language());
                return this.request({ do: 'caption', id: caption !== null ? null : (this.#lastCaption ?? own?.id ?? captions[0]?.id ?? null) });
            }
            case 'speed':
                if (this.isBroadcast) {
                    this.speed = request.rate;
                    return this.live.setSpeed(request.rate);
                }
                store('speed', String(request.rate));
                this.#rate_chosen = video.playbackRate === request.rate ? null : request.rate;
                video.playbackRate = request.rate;
                return;
            case 'protocol':
                if (request.protocol === this.protocol) return;
                store('protocol', request.protocol);
                this.protocol = request.protocol;
                return this.#restart();
            case 'sound-only':
                this.sound = request.is ? (Number(this.tracks.audio) >= 0 ? this.tracks.audio : '0') : null;
                return this.#restart();
            case 'live':
                return this.live.goLive();
            case 'seek':
                if (this.isBroadcast && this.phase === 'playing') return this.live.seek(video.currentTime + request.by_s);
                if (this.phase === 'playing' || this.phase === 'ended')
                    video.currentTime = Math.min(Math.max(0, video.currentTime + request.by_s), video.duration || 0);
                return;
            case 'jump':
                if (this.isBroadcast) return this.live.seek(this.live.start + (this.live.end - this.live.start) * request.part);
                if (Number.isFinite(video.duration)) video.currentTime = video.duration * request.part;
                return;
            case 'frame': {
                if (!video.paused) return;
                video.currentTime = Math.min(Math.max(0, video.currentTime + request.direction / 25), video.duration || 0);
                return;
            }
            case 'toggle-play':
                if (this.phase !== 'playing' && this.phase !== 'ended') return;
                if (video.paused) void video.play().catch(() => undefined);
                else video.pause();
                return;
            case 'toggle-mute':
                video.muted = !video.muted;
                return;
            case 'volume':
                video.muted = false;
                video.volume = Math.min(1, Math.max(0, Math.round((video.volume + request.by) * 20) / 20));
                return;
            case 'again':
                // What was live is watched again as the recording it has become: from its first second, not the window's.
                if (this.isBroadcast) {
                    return this.#restart(0);
                }
                video.currentTime = 0;
                void video.play().catch(() => undefined);
                return;
            case 'retry':
                void this.start();
                return;
            case 'pin':
                this.#pin = request.pin;
                void this.start();
                return;
        }
    }

    #restart(at_s = this.#video.currentTime || this.#start_s): void {
        this.#start_s = at_s;
        this.startup_ms = null;
        this.phase = 'loading';
        void this.#release().then(() => this.start());
    }

    bandwidth(): number {
        return this.#engine?.bandwidth() ?? 0;
    }

    close(): void {
        this.#keep();
        this.live.close();
        this.#abort.abort();
        this.#observer?.disconnect();
        void this.#release();
    }
}
