// SPDX-License-Identifier: AGPL-3.0-or-later
//
// The desk's one store: the channels as they are, and what their signals did in the last two minutes. The server keeps no such history;
// it begins when the desk is opened.
import { ApiError, get, send } from '../lib/api';
import { channel as channelCheck, channels as channelsCheck, nothing, type AlarmCode, type Channel } from '../lib/model';
import { language, t } from '../lib/text';
import { follow } from './events';

/** Once a second for two minutes. */
const samples_max = 120;
export interface Sample {
    bitrate: number;
    fps: number;
    lost: number; // since the sample before
    round_trip: number;
    level: number;
}
/** Encoders are told to send a key frame every one to two seconds; from here on it is a fault. */
export const keyframes_bad_ms = 4000;

export const channelName = (channel: Channel): string =>
    channel.names[language()] || channel.name || channel.names['en'] || Object.values(channel.names).find(Boolean) || '–';

class Desk {
    channels = $state.raw<Channel[] | undefined>(undefined);
    error = $state.raw<ApiError | null>(null);
    failure = $state('');
    /** For screen readers: alarms that began, and what is over. */
    alarmed = $state('');
    announced = $state('');
    history = $state.raw<Record<string, Sample[]>>({});
    #lost = new Map<string, number>();
    /** Lists overtake each other on their way: an older one than what is shown is dropped. Channels told while one is on its way stand over
     *  it, for it may be older than they are. */
    #asked = 0;
    #shown = 0;
    #loading = 0;
    #told = new Map<string, Channel>();
    #users = 0;
    #stop: (() => void) | null = null;

    readonly alarms = $derived((this.channels ?? []).reduce((sum, one) => sum + one.alarms.length, 0));

    /** Listens as long as somebody looks; the returned function ends it. */
    open(): () => void {
        if (this.#users++ === 0) {
            this.load();
            this.#stop = follow({ channel: (one) => this.#put(one), opened: () => this.load() });
        }
        return () => {
            if (--this.#users === 0) {
                this.#stop?.();
                this.#stop = null;
            }
        };
    }

    load = (): void => {
        const turn = ++this.#asked;
        this.#loading++;
        get('/operator/channels', channelsCheck).then(
            ({ items }) => {
                if (turn < this.#shown) return;
                this.#shown = turn;
                this.channels = [...[...this.#told.values()].filter((one) => items.every(({ id }) => id !== one.id)), ...items.map((one) => this.#told.get(one.id) ?? one)];
                this.error = null;
            },
            (error: unknown) => {
                if (error instanceof ApiError) this.error = error;
            }).finally(() => {
            if (--this.#loading === 0) this.#told.clear();
        });
    };
    of(id: string): Channel | undefined {
        return this.channels?.find((one) => one.id === id);
    }

    #put(fresh: Channel): void {
        if (this.#loading) this.#told.set(fresh.id, fresh);
        const before = this.of(fresh.id);
        if (!this.channels) return;
        this.channels = before ? this.channels.map((one) => (one.id === fresh.id ? fresh : one)) : [fresh, ...this.channels];
        this.#tellAlarms(before, fresh);
        if (before && before.status !== fresh.status) this.announced = `${channelName(fresh)}: ${t(`desk.${fresh.status}`)}`;
        const { health } = fresh;
        if (!health) {
            this.#lost.delete(fresh.id);
            return;
        }
        const lost = health.packets_lost - (this.#lost.get(fresh.id) ?? health.packets_lost);
        this.#lost.set(fresh.id, health.packets_lost);
        const sample: Sample = {
            bitrate: (health.video?.bitrate_bps ?? 0) + (health.audio?.bitrate_bps ?? 0), fps: health.video?.fps ?? 0, lost: Math.max(0, lost),
            round_trip: health.round_trip_ms ?? 0, level: health.audio?.level_dbfs ?? -90,
        };
        this.history = { ...this.history, [fresh.id]: [...(this.history[fresh.id] ?? []), sample].slice(-samples_max) };
    }
    #tellAlarms(before: Channel | undefined, fresh: Channel): void {
        const codes = (channel: Channel | undefined): Set<AlarmCode> => new Set(channel?.alarms.map((alarm) => alarm.code));
        const [old, now] = [codes(before), codes(fresh)];
        const began = [...now].filter((code) => !old.has(code));
        const over = [...old].filter((code) => !now.has(code));
        if (began.length) this.alarmed = `${channelName(fresh)}: ${began.map((code) => t(`alarm.${code}`)).join(', ')}`;
        if (over.length) this.announced = `${channelName(fresh)}: ${over.map((code) => t('desk.alarm_over', { what: t(`alarm.${code}`) })).join(', ')}`;
    }

    async #attempt<T>(what: () => Promise<T>): Promise<T | null> {
        this.failure = '';
        try {
            return await what();
        } catch (error) {
            this.failure = error instanceof ApiError ? error.message : t('error.network');
            return null;
        }
    }
    #taken(fresh: Channel): Channel {
        if (this.#loading) this.#told.set(fresh.id, fresh);
        this.channels = this.of(fresh.id) ? this.channels?.map((one) => (one.id === fresh.id ? fresh : one)) : [fresh, ...(this.channels ?? [])];
        return fresh;
    }
    create(body: unknown): Promise<Channel | null> {
        return this.#attempt(async () => this.#taken((await send('POST', '/operator/channels', body, channelCheck)).value));
    }
    change(id: string, body: unknown): Promise<Channel | null> {
        return this.#attempt(async () => this.#taken((await send('PATCH', `/operator/channels/${id}`, body, channelCheck)).value));
    }
    /** start, end: the state comes with the answer or, where that has none, with the next look. */
    async act(id: string, verb: 'start' | 'end' | 'key'): Promise<boolean> {
        const isDone = await this.#attempt(async () => {
            await send('POST', `/operator/channels/${id}/${verb}`, {}, nothing);
            return true;
        });
        this.load();
        return isDone !== null;
    }
    async remove(id: string): Promise<boolean> {
        const isDone = await this.#attempt(async () => {
            await send('DELETE', `/operator/channels/${id}`, undefined, nothing);
            return true;
        });
        if (isDone) {
            this.#shown = this.#asked + 1; // a list that is on its way still has it
            this.#told.delete(id);
            this.channels = this.channels?.filter((one) => one.id !== id);
        }
        return isDone !== null;
    }
}
export const desk = new Desk();
