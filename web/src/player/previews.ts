// SPDX-License-Identifier: AGPL-3.0-or-later
//
// The pictures over the seek bar. thumbs.vtt names a sprite and a rectangle for each span of time. Pictures of an <img>
// cannot carry the token's header, so sprites are fetched with it and shown from memory: of a film all at once, for
// media-chrome reads them from a metadata track called "thumbnails"; of a live window, which moves, one by one.
import { token_header, type Ticket } from './ticket';

const sprites_max = 64;

/** "00:01:02.500" or "01:02.500" in seconds; NaN if it is neither. */
function seconds(text: string): number {
    const match = /^(?:(\d+):)?(\d\d):(\d\d(?:\.\d+)?)$/.exec(text.trim());
    return match ? Number(match[1] ?? 0) * 3600 + Number(match[2]) * 60 + Number(match[3]) : NaN;
}

interface Cue {
    from: number;
    to: number;
    file: string;
    place: string; // x,y,width,height
}
function cuesOf(text: string): Cue[] {
    const cues: Cue[] = [];
    for (const block of text.split(/\r?\n\r?\n/)) {
        const lines = block.split(/\r?\n/);
        const at = lines.findIndex((line) => line.includes('-->'));
        const [from, to] = (lines[at] ?? '').split('-->').map(seconds);
        const [file, place] = (lines[at + 1] ?? '').split('#xywh=');
        if (from === undefined || to === undefined || !(from < to) || !file || !place || !/^\d+,\d+,\d+,\d+$/.test(place)) continue;
        cues.push({ from, to, file, place });
    }
    return cues;
}
async function fetchWith(ticket: Ticket, url: URL, signal: AbortSignal): Promise<Response> {
    const response = await fetch(url, { headers: { [token_header]: ticket.use() }, signal });
    if (!response.ok) throw new Error(`${url.pathname}: ${response.status}`);
    return response;
}

export class Previews {
    #abort = new AbortController();
    #urls: string[] = [];
    #isAsked = false;

    constructor(private readonly video: HTMLVideoElement, private readonly ticket: Ticket, private readonly url: string) {}

    /** Called when somebody points at the seek bar for the first time; again is harmless. */
    load(): void {
        if (this.#isAsked) return;
        this.#isAsked = true;
        this.#load().catch(() => (this.#isAsked = false));
    }

    async #load(): Promise<void> {
        const base = new URL(this.url, location.href);
        const { signal } = this.#abort;
        const cues = cuesOf(await (await fetchWith(this.ticket, base, signal)).text());
        const files = [...new Set(cues.map((cue) => cue.file))].slice(0, sprites_max);
        const track = [...this.video.textTracks].find((known) => known.label === 'thumbnails') ?? this.video.addTextTrack('metadata', 'thumbnails');
        track.mode = 'hidden';
        for (const cue of [...(track.cues ?? [])]) track.removeCue(cue);
        for (const file of files) {
            const blob = await (await fetchWith(this.ticket, new URL(file, base), signal)).blob();
            const url = URL.createObjectURL(blob);
            this.#urls.push(url);
            for (const cue of cues) if (cue.file === file) track.addCue(new VTTCue(cue.from, cue.to, `${url}#xywh=${cue.place}`));
        }
    }

    close(): void {
        this.#abort.abort();
        const track = [...this.video.textTracks].find((known) => known.label === 'thumbnails');
        for (const cue of [...(track?.cues ?? [])]) track?.removeCue(cue);
        for (const url of this.#urls) URL.revokeObjectURL(url);
    }
}

export interface Picture {
    url: string;
    x: number;
    y: number;
    width: number;
    height: number;
}
/** A list is asked for again when it is older than this: the window has moved on. */
const list_ms = 10_000;
/** Sprites kept in memory; the newest one is still being filled, so it is asked for again with each list. */
const kept_max = 12;

export class LivePreviews {
    #abort = new AbortController();
    #cues: Cue[] = [];
    #listed_at = -Infinity;
    #sprites = new Map<string, { url: string | null; listed_at: number }>();
    #isListing = false;

    constructor(private readonly ticket: Ticket, private readonly url: string, private readonly changed: () => void) {}

    /** The picture at a time of the stream, or null while there is none: `changed` is called when one has come. */
    at(time: number): Picture | null {
        void this.#list();
        const cue = this.#cues.find((one) => time >= one.from && time < one.to) ?? (time >= (this.#cues.at(-1)?.to ?? Infinity) ? this.#cues.at(-1) : undefined);
        if (!cue) return null;
        const isNewest = cue.file === this.#cues.at(-1)?.file;
        const known = this.#sprites.get(cue.file);
        if (!known || (isNewest && known.listed_at < this.#listed_at)) void this.#fetch(cue.file);
        const url = this.#sprites.get(cue.file)?.url;
        if (!url) return null;
        const [x = 0, y = 0, width = 0, height = 0] = cue.place.split(',').map(Number);
        return { url, x, y, width, height };
    }

    async #list(): Promise<void> {
        if (this.#isListing || performance.now() - this.#listed_at < list_ms) return;
        this.#isListing = true;
        this.#listed_at = performance.now();
        try {
            this.#cues = cuesOf(await (await fetchWith(this.ticket, new URL(this.url, location.href), this.#abort.signal)).text());
            this.changed();
        } catch {
            /* pictures are a comfort: without them the bar shows times */
        }
        this.#isListing = false;
    }
    async #fetch(file: string): Promise<void> {
        const before = this.#sprites.get(file)?.url ?? null;
        this.#sprites.set(file, { url: before, listed_at: this.#listed_at });
        try {
            const blob = await (await fetchWith(this.ticket, new URL(file, new URL(this.url, location.href)), this.#abort.signal)).blob();
            this.#sprites.delete(file);
            this.#sprites.set(file, { url: URL.createObjectURL(blob), listed_at: this.#listed_at });
            if (before) URL.revokeObjectURL(before);
            for (const [old, sprite] of this.#sprites) {
                if (this.#sprites.size <= kept_max) break;
                if (sprite.url) URL.revokeObjectURL(sprite.url);
                this.#sprites.delete(old);
            }
            this.changed();
        } catch {
            if (!before) this.#sprites.delete(file);
        }
    }
    close(): void {
        this.#abort.abort();
        for (const { url } of this.#sprites.values()) if (url) URL.revokeObjectURL(url);
    }
}
