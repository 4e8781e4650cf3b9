// SPDX-License-Identifier: AGPL-3.0-or-later
//
// hls.js (1.7.4) places each list of a live stream on the timeline by its media sequence numbers, which is exact. Only where that gives 0,
// as long as nothing has left the window yet, it takes the place for unknown and asks the dates instead. Across a publisher's drop the
// dates leap and the timeline does not, so that everything moves by the gap and the picture stands still. So here a list that follows one
// of the same rendition is marked as placed, before anybody else looks at it: of the parts of hls.js that can be replaced, the one that
// chooses the quality hears of lists first.
//
// And hls.js goes on to the next segment only when each listed part of this one is marked as loaded. Under load a mark is lost now and then
// between a part's request and the next list; then it waits, with everything in its buffer, until those parts leave the list: three seconds
// of standing picture. What is buffered is loaded: so it is marked here.
import Hls, { AbrController, Events, type AudioTrackLoadedData, type LevelDetails, type LevelLoadedData } from 'hls.js';

/** Rounding of the ends of buffers; far less than the shortest part, one frame of sound. */
const edge_s = 0.002;

export class AligningController extends AbrController {
    #last = new Map<string, number>(); // the newest segment of each rendition's last list
    #buffered: { audio?: TimeRanges | undefined; video?: TimeRanges | undefined } = {};

    constructor(hls: Hls) {
        super(hls);
        hls.on(Events.LEVEL_LOADED, (_, data) => this.#mark(`v${data.level}`, data));
        hls.on(Events.AUDIO_TRACK_LOADED, (_, data) => this.#mark(`a${data.id}`, data));
        hls.on(Events.BUFFER_APPENDED, (_, { timeRanges }) => Object.assign(this.#buffered, timeRanges));
        hls.on(Events.LEVEL_UPDATED, (_, { details }) => this.#count(details, 'video'));
        hls.on(Events.AUDIO_TRACK_UPDATED, (_, { details }) => this.#count(details, 'audio'));
    }
    #mark(rendition: string, { details }: LevelLoadedData | AudioTrackLoadedData): void {
        const last = this.#last.get(rendition);
        if (last !== undefined && details.live && details.startSN <= last) details.alignedSliding = true;
        this.#last.set(rendition, details.endSN);
    }
    #count(details: LevelDetails, type: 'audio' | 'video'): void {
        const ranges = this.#buffered[type];
        if (!details.live || !ranges?.length) return;
        const [from, to] = [ranges.start(ranges.length - 1), ranges.end(ranges.length - 1)];
        for (const part of details.partList ?? []) {
            if (part.loaded || part.start < from - edge_s || part.end > to + edge_s) continue;
            part.elementaryStreams[type] = { startPTS: part.start, endPTS: part.end, startDTS: part.start, endDTS: part.end };
        }
    }
}
