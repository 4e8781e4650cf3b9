// SPDX-License-Identifier: AGPL-3.0-or-later
//
// media-chrome gives the controls that must behave right for keyboard and screen reader; only those we use are loaded.
// What they say comes from our catalogue.
import { addTranslation } from 'media-chrome/dist/utils/i18n.js';
import 'media-chrome/dist/media-controller.js';
import 'media-chrome/dist/media-fullscreen-button.js';
import 'media-chrome/dist/media-loading-indicator.js';
import 'media-chrome/dist/media-mute-button.js';
import 'media-chrome/dist/media-pip-button.js';
import 'media-chrome/dist/media-play-button.js';
import 'media-chrome/dist/media-preview-thumbnail.js';
import 'media-chrome/dist/media-preview-time-display.js';
import 'media-chrome/dist/media-seek-backward-button.js';
import 'media-chrome/dist/media-seek-forward-button.js';
import 'media-chrome/dist/media-time-display.js';
import 'media-chrome/dist/media-time-range.js';
import 'media-chrome/dist/media-volume-range.js';
import { language, t } from '../lib/text';

export function translateControls(): void {
    addTranslation(language(), {
        play: t('watch.play'), pause: t('watch.pause'), Play: t('watch.play'), Pause: t('watch.pause'),
        mute: t('watch.mute'), unmute: t('watch.unmute'), Mute: t('watch.mute'), Unmute: t('watch.unmute'),
        volume: t('watch.volume'), seek: t('watch.seek'), 'playback time': t('watch.seek'), 'media loading': t('watch.loading'),
        'enter fullscreen mode': t('watch.fullscreen'), 'exit fullscreen mode': t('watch.fullscreen_exit'),
        'Enter fullscreen mode': t('watch.fullscreen'), 'Exit fullscreen mode': t('watch.fullscreen_exit'),
        'enter picture in picture mode': t('watch.pip'), 'exit picture in picture mode': t('watch.pip_exit'),
        'Enter picture in picture mode': t('watch.pip'), 'Exit picture in picture mode': t('watch.pip_exit'),
        'seek back {seekOffset} seconds': t('watch.back_10'), 'seek forward {seekOffset} seconds': t('watch.on_10'),
        'Seek backward': t('watch.back_10'), 'Seek forward': t('watch.on_10'),
        '{currentTime} of {totalTime}': t('watch.time_of', { current: '{currentTime}', total: '{totalTime}' }),
        'video not loaded, unknown time.': t('watch.loading'), 'video player': t('watch.player', { name: '' }).replace(/[:：]\s*$/, ''),
    } as never);
}
