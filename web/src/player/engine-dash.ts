// SPDX-License-Identifier: AGPL-3.0-or-later
import shaka from 'shaka-player/dist/shaka-player.dash-es2021.js';
import { inLanguage, type Engine, type EngineEvents, type LiveReading, type MakeEngine, type Quality, type Tracks, type Wishes } from './engine';
import { refusalOf, token_header, type Ticket } from './ticket';

type Error = shaka.extern.Error;
type Track = shaka.extern.Track;

interface XmlNode {
    tagName: string;
    children: (XmlNode | string)[];
}
function withoutWishes(mpd: XmlNode): void {
    mpd.children = mpd.children.filter((child) => typeof child === 'string' || child.tagName !== 'ServiceDescription');
}

class DashEngine implements Engine {
    #player = new shaka.Player();
    #video: HTMLVideoElement;
    #ticket: Ticket;
    #events: EngineEvents;
    #wasLive = false;
    #isLowLatency = true;
    #end = 0; // of what is buffered, and when it last moved
    #moved_at = performance.now();

    constructor(video: HTMLVideoElement, ticket: Ticket, events: EngineEvents) {
        this.#video = video;
        this.#ticket = ticket;
        this.#events = events;
    }

    async load(wishes: Wishes): Promise<void> {
        const player = this.#player;
        const tell = (): void => this.#events.tracks(this.#tracks());
        for (const event of ['trackschanged', 'adaptation', 'variantchanged', 'textchanged', 'audiotrackchanged'])
            player.addEventListener(event, tell);
        player.addEventListener('error', (event) => this.#failed((event as unknown as { detail: Error }).detail));
        player.addEventListener('manifestupdated', () => this.#watchEnd());
        const { live } = this.#ticket.playback;
        player.configure({
            cmcd: { enabled: true, version: 2, sessionId: this.#ticket.playback.session, contentId: this.#ticket.title,
                includeKeys: ['bl', 'br', 'bs', 'cid', 'd', 'ltc', 'msd', 'mtp', 'ot', 'pr', 'sf', 'sid', 'st', 'su', 'v'] },
            // The delay and the way back to it are the page's (live.svelte.ts), the same for all engines: Shaka would follow the manifest's own wish.
            manifest: { dash: { manifestPreprocessorTXml: withoutWishes, ignoreSuggestedPresentationDelay: true },
                disableVideo: wishes.sound !== null,
                // Shaka lets nobody play faster within a second of the end of its range: the range goes to the edge, and one begins behind it.
                ...(live ? { defaultPresentationDelay: 0.05 } : {}) },
            abr: { defaultBandwidthEstimate: 4_000_000 },
            streaming: {
                bufferingGoal: 30,
                lowLatencyMode: wishes.isLowLatency,
                ...(live ? { rebufferingGoal: 0.01 } : {}),
                bufferBehind: 30,
                retryParameters: { maxAttempts: 4, baseDelay: 500, backoffFactor: 2, fuzzFactor: 0.3, timeout: 20_000 },
                // A refusal is answered by the ticket; a renewed one lets the stream go on where it stopped.
                failureCallback: (error: Error) => void this.#streamFailed(error),
            },
            ...(wishes.audio ? { preferredAudio: [{ language: wishes.audio }] } : {}),
        });
        const net = player.getNetworkingEngine();
        net?.registerRequestFilter((_type, request) => {
            request.headers[token_header] = this.#ticket.use();
        });
        try {
            await player.attach(this.#video);
            await player.load(new URL(this.#ticket.playback.dash, location.href).href, wishes.start_s > 0 ? wishes.start_s : live ? -this.#target_s(wishes.isLowLatency) : null);
        } catch (error) {
            await this.#failed(error as Error);
            return;
        }
        this.#isLowLatency = wishes.isLowLatency;
        this.#watchEnd();
        const audio = inLanguage(this.#tracks().audios, wishes.audio);
        if (audio && audio.id !== this.#tracks().audio) this.setAudio(audio.id);
        this.setCaption(inLanguage(this.#tracks().captions, wishes.caption)?.id ?? null);
        tell();
    }

    #watchEnd(): void {
        const isLive = this.#player.isLive();
        if (this.#wasLive && !isLive) this.#events.over();
        this.#wasLive = isLive;
    }
    /** DASH has whole segments to wait for, or their growing ends. Where a segment begins Shaka asks up to a tick later than a part is there, so
     *  it keeps one and a half parts more than LL-HLS. */
    #target_s(isLowLatency: boolean): number {
        const { live } = this.#ticket.playback;
        if (!live) return 0;
        return isLowLatency ? (live.hold_back_ms + 1.5 * live.part_ms) / 1000 || 1.5 : (live.segment_ms * 3) / 1000 || 6;
    }
    live(): LiveReading | null {
        const player = this.#player;
        const began = this.#wasLive ? player.getPresentationStartTimeAsDate()?.getTime() : undefined;
        if (began === undefined || !player.isLive()) return null;
        const range = player.seekRange();
        const { buffered } = this.#video;
        const end = buffered.length ? buffered.end(buffered.length - 1) : 0;
        if (end !== this.#end) {
            this.#end = end;
            this.#moved_at = performance.now();
        }
        return {
            start: range.start, end: range.end, edge: (Date.now() - began) / 1000, target_s: this.#target_s(this.#isLowLatency),
            age_s: (performance.now() - this.#moved_at) / 1000, offset_s: 0, captured: (at) => began + at * 1000,
        };
    }
    revive(): void {
        this.#player.retryStreaming(0.1);
    }
    /** Shaka measures both itself. */
    report(): void {}

    /** One variant for each picture size in the audio language that plays. */
    #variants(): Track[] {
        const all = this.#player.getVariantTracks();
        const active = all.find((track) => track.active);
        const audio = active?.audioId ?? null;
        return all.filter((track) => track.audioId === audio).sort((a, b) => (b.height ?? 0) - (a.height ?? 0));
    }

    #tracks(): Tracks {
        const variants = this.#variants();
        const toQuality = (track: Track): Quality => ({ id: String(track.videoId ?? track.id), height: track.height ?? 0, bitrate: track.bandwidth });
        const active = variants.find((track) => track.active);
        const audios = this.#player.getAudioTracks();
        const texts = this.#player.getTextTracks();
        const shown = texts.find((track) => track.active);
        const isAuto = this.#player.getConfiguration().abr.enabled;
        return {
            qualities: variants.map(toQuality),
            audios: audios.map((track, i) => ({ id: String(i), lang: track.language, label: track.label ?? '' })),
            captions: texts.map((track) => ({ id: String(track.id), lang: track.language, label: track.label ?? '' })),
            audio: String(audios.findIndex((track) => track.active)),
            caption: shown ? String(shown.id) : null,
            quality: isAuto || !active ? null : toQuality(active).id,
            playing: active ? toQuality(active) : null,
        };
    }

    #isRefusal(error: Error): boolean {
        return error.code === shaka.util.Error.Code.BAD_HTTP_STATUS && (error.data[1] === 403 || error.data[1] === 401);
    }

    async #streamFailed(error: Error): Promise<void> {
        if (this.#isRefusal(error)) {
            const { code, message } = refusalOf(error.data[2]);
            if (await this.#ticket.denied(code, message)) this.#player.retryStreaming(0.1);
        } else if (navigator.onLine) this.#player.retryStreaming(1);
    }

    async #failed(error: Error): Promise<void> {
        if (error.code === shaka.util.Error.Code.LOAD_INTERRUPTED || error.code === shaka.util.Error.Code.OPERATION_ABORTED) return;
        if (this.#isRefusal(error)) {
            const { code, message } = refusalOf(error.data[2]);
            await this.#ticket.denied(code, message);
            return;
        }
        if (error.severity !== shaka.util.Error.Severity.CRITICAL) return;
        // A live channel without its publisher has nothing to send: that is no end. #streamFailed asks again.
        if (this.#wasLive && error.category === shaka.util.Error.Category.NETWORK) return;
        const { NETWORK } = shaka.util.Error.Category;
        this.#events.failed(error.category === NETWORK ? 'network' : 'media', `shaka ${error.code}`);
    }

    setQuality(id: string | null): void {
        this.#player.configure({ abr: { enabled: id === null } });
        const track = this.#variants().find((variant) => String(variant.videoId ?? variant.id) === id);
        if (track) this.#player.selectVariantTrack(track, true, 2);
        this.#events.tracks(this.#tracks());
    }
    setAudio(id: string): void {
        const track = this.#player.getAudioTracks()[Number(id)];
        if (track) this.#player.selectAudioTrack(track);
        this.#events.tracks(this.#tracks());
    }
    setCaption(id: string | null): void {
        this.#player.selectTextTrack(this.#player.getTextTracks().find((track) => String(track.id) === id) ?? null);
        this.#events.tracks(this.#tracks());
    }
    bandwidth(): number {
        return this.#player.getStats().estimatedBandwidth || 0;
    }
    async destroy(): Promise<void> {
        await this.#player.destroy();
    }
}

export const make: MakeEngine = (video, ticket, events) => new DashEngine(video, ticket, events);
export function isSupported(): boolean {
    shaka.polyfill.installAll();
    return shaka.Player.isBrowserSupported();
}
