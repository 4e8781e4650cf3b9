// SPDX-License-Identifier: AGPL-3.0-or-later
//
// hls.js (1.7.4) places each list of a live stream on the timeline by its media sequence numbers, which is exact. Only where that gives 0,
// as long as nothing has left the window yet, it takes the place for unknown and asks the dates instead. Across a publisher's drop the
// dates leap and the timeline does not, so that everything moves by the gap and the picture stands still. So here a list that follows one
// of the same rendition is marked as placed, before anybody else looks at it: of the parts of hls.js that can be replaced, the one that
// chooses the quality hears of lists first.
import Hls, { AbrController, Events, type AudioTrackLoadedData, type LevelLoadedData } from 'hls.js';

export class AligningController extends AbrController {
    #last = new Map<string, number>(); // the newest segment of each rendition's last list

    constructor(hls: Hls) {
        super(hls);
        hls.on(Events.LEVEL_LOADED, (_, data) => this.#mark(`v${data.level}`, data));
        hls.on(Events.AUDIO_TRACK_LOADED, (_, data) => this.#mark(`a${data.id}`, data));
    }
    #mark(rendition: string, { details }: LevelLoadedData | AudioTrackLoadedData): void {
        const last = this.#last.get(rendition);
        if (last !== undefined && details.live && details.startSN <= last) details.alignedSliding = true;
        this.#last.set(rendition, details.endSN);
    }
}
