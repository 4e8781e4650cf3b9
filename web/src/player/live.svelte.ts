// SPDX-License-Identifier: AGPL-3.0-or-later
//
// Where a viewer stands in a live stream, the same for every engine: at the edge or behind it, the window that can be sought, the delay
// behind the venue, whether the signal is lost; and the gentle way back to the edge.
//
//      start ........ played ........ at ..... edge - target ... edge = now
//      |------------- window (DVR) ------------------|
//
// Who pauses or seeks back means to be behind, and stays there. Who falls behind because the line was slow is brought back: a little
// faster than life, never so much that it is heard, and with a jump only when that would take minutes.
import type { Engine, LiveReading } from './engine';

const look_ms = 200;
/** Farther behind its aim than this a viewer is not "live" any more. */
const edge_s = 2.5;
/** Browsers keep the pitch; up to a tenth faster nobody hears the tempo. */
const rate_gentle = 1.05;
const rate_most = 1.1;
const rate_slow = 0.95;
/** Streams that are played so near to their edge come in parts. */
const low_s = 3;
const near_s = -0.15;
/** Faster from `begin_s` over the aim until `done_s`: the gap between the two keeps the rate from flapping. */
const begin_s = 0.12;
const fast_s = 0.35;
const done_s = 0.02;
/** With less than this ahead in the buffer a faster rate would only make it stop. */
const ahead_s = 0.3;
/** Farther behind than this it would take minutes: then a jump, if the picture there is already buffered, and in any case a jump from `jump_s`. */
const skip_s = 2.5;
const jump_s = 8;
const start_s = 0.5;
const start_ms = 2000;
/** No picture for so long although it should play: then it is said. A short stall is not a lost signal. */
const lost_ms = 2500;
/** The engine is told to ask anew this often while nothing comes. */
const revive_ms = 5000;
/** After the end: no picture for so long, so near to the last second. */
const ended_ms = 1200;
const last_s = 3;

export class LiveState {
    /** true from the first reading to the stream's end. */
    isLive = $state(false);
    isOver = $state(false);
    isAtEdge = $state(true);
    isLost = $state(false);
    behind_s = $state(0);
    /** In the element's time. */
    start = $state(0);
    end = $state(0);
    at = $state(0);
    rate = $state(1);
    target_s = $state(0);
    estimate_s = $state<number | null>(null);
    glass_s = $state<number | null>(null);

    #video: HTMLVideoElement;
    #engine: () => Engine | null;
    #onended: () => void;
    #timer: ReturnType<typeof setInterval> | undefined;
    #abort = new AbortController();
    #reading: LiveReading | null = null;
    #wantsEdge = true;
    #chosen = 1; // the tempo that the viewer chose
    #hasBegun = false; // the first picture was seen: from then on a seek is somebody's wish
    #starved_at: number | null = null;
    #revived_at = -Infinity;
    #estimates: number[] = [];
    startup_ms: number | null = null;

    constructor(video: HTMLVideoElement, engine: () => Engine | null, onended: () => void) {
        this.#video = video;
        this.#engine = engine;
        this.#onended = onended;
        const { signal } = this.#abort;
        video.addEventListener('pause', () => {
            if (this.isLive && !video.ended && video.readyState > 2) this.#wantsEdge = false;
        }, { signal });
        video.addEventListener('play', () => {
            if (this.isLive && this.behind_s < edge_s) this.#wantsEdge = true;
        }, { signal });
        // Whoever seeks (a key, the headset, the bar) decides whether to be at the edge.
        video.addEventListener('seeking', () => {
            const reading = this.#reading;
            if (this.isLive && reading && this.#hasBegun) this.#wantsEdge = reading.edge - video.currentTime - reading.target_s < edge_s;
        }, { signal });
        this.#timer = setInterval(() => this.#look(), look_ms);
    }
    close(): void {
        clearInterval(this.#timer);
        this.#abort.abort();
    }

    /** A new engine begins at the edge. */
    reset(): void {
        Object.assign(this, { isLive: false, isOver: false, isAtEdge: true, isLost: false, rate: 1, estimate_s: null, glass_s: null });
        this.#reading = null;
        this.#wantsEdge = true;
        this.#chosen = 1;
        this.#hasBegun = false;
        this.#starved_at = null;
        this.#estimates = [];
    }
    over(): void {
        this.isLive = false;
        this.isOver = true;
        this.isLost = false;
        this.isAtEdge = false;
        this.#setRate(1);
    }
    /** Resolves when so much is buffered that playing does not stop again at once: picture and sound come one after the other. The first
     *  frame is seen meanwhile; the time that this took is skipped before anybody has seen it. Not longer than `start_ms`: then the
     *  browser decides. */
    async ready(): Promise<void> {
        const video = this.#video;
        const until = performance.now() + start_ms;
        let hasSkipped = false;
        while (performance.now() < until && !this.#abort.signal.aborted) {
            const { buffered, currentTime: at } = video;
            for (let i = 0; i < buffered.length; i++) {
                if (buffered.start(i) > at || buffered.end(i) < at + start_s || video.seeking) continue;
                const reading = this.#engine()?.live();
                const over = reading ? Math.min(reading.edge - at - reading.target_s, buffered.end(i) - at - start_s) : 0;
                if (hasSkipped || over < begin_s) return;
                hasSkipped = true;
                video.currentTime = at + over;
            }
            await new Promise((resolve) => setTimeout(resolve, 20));
        }
    }
    /** A tempo that the viewer chose: at the edge only life's own makes sense. */
    setSpeed(rate: number): void {
        this.rate = 1;
        this.#chosen = rate;
        this.#wantsEdge = rate === 1 && this.isAtEdge;
        if (this.#video.playbackRate !== rate) this.#video.playbackRate = rate;
    }

    /** The newest place from which the picture goes on without a stop. */
    get #edge(): number {
        const reading = this.#reading;
        return reading ? Math.max(reading.start, Math.min(reading.end, reading.edge) - reading.target_s) : 0;
    }
    goLive(): void {
        if (!this.isLive) return;
        this.#wantsEdge = true;
        this.#estimates = [];
        this.#video.currentTime = this.#edge;
        void this.#video.play().catch(() => undefined);
    }
    /** Seeks within the window; at its very end that is the same as going live. */
    seek(to: number): void {
        const [first, last] = this.isLive ? [this.start, this.#edge] : [this.start, this.end];
        if (this.isLive && to >= last - 0.5) return this.goLive();
        this.#estimates = [];
        this.#video.currentTime = Math.max(Math.min(first + 1, last), Math.min(to, last)); // the oldest second may go while it is asked for
        this.#look();
    }
    /** The time of day at a place of the window. */
    captured(at: number): number | null {
        return this.#reading?.captured(at) ?? null;
    }
    /** The stream's own time, in which the preview pictures are listed. */
    streamTime(at: number): number {
        return at + (this.#reading?.offset_s ?? 0);
    }

    #setRate(rate: number): void {
        this.rate = rate;
        if (this.#video.playbackRate !== rate) this.#video.playbackRate = rate;
    }

    #look(): void {
        const video = this.#video;
        this.at = video.currentTime;
        const engine = this.#engine();
        const reading = engine?.live() ?? null;
        if (this.isOver && video.seekable.length) {
            this.start = video.seekable.start(0);
            this.end = video.seekable.end(video.seekable.length - 1);
            this.#watchEnd();
        }
        if (!reading || !engine || this.isOver) return;
        this.#reading = reading;
        this.isLive = true;
        this.start = reading.start;
        this.end = Math.max(reading.end, this.at);
        this.target_s = reading.target_s;

        if (video.readyState < 2 || video.seeking) {
            this.#watchSignal(reading);
            return;
        }
        // The edge comes in steps of a part: the middle of the last readings is what is acted on.
        const now_s = reading.edge - video.currentTime;
        this.#estimates = [...this.#estimates, now_s].slice(-5);
        const estimate = this.#estimates.toSorted((a, b) => a - b)[this.#estimates.length >> 1] ?? now_s;
        if (video.readyState > 2 && !video.paused) this.#hasBegun = true;
        const captured = reading.captured(video.currentTime);
        this.estimate_s = estimate;
        this.glass_s = captured === null ? null : (Date.now() - captured) / 1000;
        // Who waits for a picture that nobody sends is not behind it.
        if (this.#starved_at === null || !this.#wantsEdge) {
            this.behind_s = Math.max(0, estimate - reading.target_s);
            this.isAtEdge = this.behind_s < edge_s && !(video.paused && !this.#wantsEdge);
        }
        engine.report({ latency_ms: this.glass_s === null ? null : Math.max(0, Math.round(this.glass_s * 1000)), startup_ms: this.startup_ms === null ? null : Math.round(this.startup_ms) });

        this.#watchSignal(reading);
        this.#catchUp(reading, estimate);
    }

    /** hls.js may leave out what was not yet loaded of the last segment when a stream ends in the middle of it: who stands there has seen
     *  the end. */
    #watchEnd(): void {
        const video = this.#video;
        if (video.paused || video.readyState >= 3) this.#starved_at = null;
        else this.#starved_at ??= performance.now();
        if (this.#starved_at === null || performance.now() - this.#starved_at < ended_ms || this.end - video.currentTime > last_s) return;
        this.#starved_at = null;
        this.#onended();
    }

    #watchSignal(reading: LiveReading): void {
        const video = this.#video;
        const isStarved = !video.paused && video.readyState < 3;
        if (!isStarved) {
            this.#starved_at = null;
            this.isLost = false;
            return;
        }
        this.#starved_at ??= performance.now();
        const starved_ms = performance.now() - this.#starved_at;
        if (starved_ms > lost_ms && reading.age_s > lost_ms / 1000) this.isLost = true;
        if (starved_ms < revive_ms || performance.now() - this.#revived_at < revive_ms) return;
        this.#revived_at = performance.now();
        this.#engine()?.revive();
    }

    #catchUp(reading: LiveReading, estimate: number): void {
        const video = this.#video;
        // Who watches behind the edge and plays faster by choice arrives at it: from then on it is life's own tempo.
        if (this.#chosen > 1 && this.behind_s < 0.3) this.setSpeed(1);
        if (this.#chosen !== 1 || video.paused || video.readyState < 3) return;
        if (!this.#wantsEdge) return this.#setRate(1);
        const over = estimate - reading.target_s;
        const { buffered } = video;
        const ahead = buffered.length ? buffered.end(buffered.length - 1) - video.currentTime : 0;
        if (over > jump_s || (over > skip_s && ahead > over + ahead_s)) return this.goLive();
        // Nearer than its aim a stream of parts is one late part away from a stop: a little slower, until there is room again.
        const isNear = reading.target_s < low_s && over < (this.rate < 1 ? -done_s : near_s);
        if (isNear) this.#setRate(rate_slow);
        else if (ahead < ahead_s || over < done_s || (this.rate < 1 && over < begin_s)) this.#setRate(1);
        else if (over > fast_s) this.#setRate(rate_most);
        else if (over > begin_s) this.#setRate(rate_gentle);
    }
}
