// SPDX-License-Identifier: AGPL-3.0-or-later
//
// The pictures over the seek bar. thumbs.vtt names a sprite and a rectangle for each span of time. Pictures of an <img>
// cannot carry the token's header, so sprites are fetched with it and shown from memory; media-chrome reads them from a
// metadata track called "thumbnails".
import { token_header, type Ticket } from './ticket';

const sprites_max = 64;

/** "00:01:02.500" or "01:02.500" in seconds; NaN if it is neither. */
function seconds(text: string): number {
    const match = /^(?:(\d+):)?(\d\d):(\d\d(?:\.\d+)?)$/.exec(text.trim());
    return match ? Number(match[1] ?? 0) * 3600 + Number(match[2]) * 60 + Number(match[3]) : NaN;
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

    async #fetch(url: URL): Promise<Response> {
        const response = await fetch(url, { headers: { [token_header]: this.ticket.use() }, signal: this.#abort.signal });
        if (!response.ok) throw new Error(`${url.pathname}: ${response.status}`);
        return response;
    }

    async #load(): Promise<void> {
        const base = new URL(this.url, location.href);
        const text = await (await this.#fetch(base)).text();
        const cues: { from: number; to: number; file: string; place: string }[] = [];
        for (const block of text.split(/\r?\n\r?\n/)) {
            const lines = block.split(/\r?\n/);
            const at = lines.findIndex((line) => line.includes('-->'));
            const [from, to] = (lines[at] ?? '').split('-->').map(seconds);
            const [file, place] = (lines[at + 1] ?? '').split('#xywh=');
            if (from === undefined || to === undefined || !(from < to) || !file || !place || !/^\d+,\d+,\d+,\d+$/.test(place)) continue;
            cues.push({ from, to, file, place });
        }
        const files = [...new Set(cues.map((cue) => cue.file))].slice(0, sprites_max);
        const track = [...this.video.textTracks].find((known) => known.label === 'thumbnails') ?? this.video.addTextTrack('metadata', 'thumbnails');
        track.mode = 'hidden';
        for (const cue of [...(track.cues ?? [])]) track.removeCue(cue);
        for (const file of files) {
            const blob = await (await this.#fetch(new URL(file, base))).blob();
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
