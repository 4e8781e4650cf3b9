// SPDX-License-Identifier: AGPL-3.0-or-later
//
// The right to watch, as the page holds it: a playback session and its token. The token is renewed well before it ends,
// and since each request reads it anew, the player does not notice. When the server refuses, or the token's time is over
// without a new one, `refused` is called once, and nothing plays from then on.
import { ApiError, send } from '../lib/api';
import { array, maybe, object, or, string, type Checked } from '../lib/check';
import { nothing, playback, renewal, time, type Playback, type Renewal } from '../lib/model';
import { t } from '../lib/text';

export const token_header = 'CTA-Common-Access-Token';
const retry_first_ms = 1000;
const retry_max_ms = 15_000;
/** While no segment is needed, the server is asked this often whether watching is still allowed: so a revoked session
 *  ends in seconds although much may be buffered. */
const pulse_ms = 4000;
const pulse_look_ms = 1000;

/** Why the server lets nobody watch (any more): its code and sentence, and what some refusals tell besides. */
export interface Refusal {
    code: string;
    message: string;
    /** What runs elsewhere, where too much does. */
    streams: Stream[];
}
export type Stream = Checked<typeof streams>[number];
const streams = array(object({ title: maybe(object({ id: string, name: string })), profile: maybe(object({ name: string })), device: or(string, ''), since: maybe(time) }));

/** What an answer says, whatever it holds. */
export function refusalFrom(error: ApiError): Refusal {
    let running: Stream[] = [];
    try {
        running = streams((error.more['error'] as { streams?: unknown } | undefined)?.streams ?? [], 'streams');
    } catch {
        /* a list that is not one is none */
    }
    return { code: error.code, message: error.message, streams: running };
}

export interface TicketEvents {
    refused(refusal: Refusal): void;
    renewed(count: number): void;
}

export class Ticket {
    renewals = 0;
    #token: string;
    #timer: ReturnType<typeof setTimeout> | undefined;
    #pulse: ReturnType<typeof setInterval> | undefined;
    #ends_at = 0; // performance.now() when the token's time is over
    #renew_at = 0;
    #retry_ms = retry_first_ms;
    #last_used = performance.now();
    #isOver = false;
    #renewing: Promise<boolean> | null = null;

    private constructor(readonly title: string, readonly playback: Playback, private readonly events: TicketEvents) {
        this.#token = playback.token;
    }

    /** `pin`: of the profile, for what only it opens. */
    static async open(title: string, events: TicketEvents, pin: string | null = null): Promise<Ticket> {
        const { value, server_ms } = await send('POST', `/titles/${title}/playback`, pin === null ? {} : { pin }, playback);
        const ticket = new Ticket(title, value, events);
        ticket.#take(value, server_ms);
        document.addEventListener('visibilitychange', ticket.#look);
        addEventListener('online', ticket.#look);
        return ticket;
    }

    /** The token for a request that is made now. */
    use(): string {
        this.#last_used = performance.now();
        return this.#token;
    }
    get token(): string {
        return this.#token;
    }

    /** The media side of the server refused. A token that merely ran out (the computer slept) may be renewed once;
     *  true if there is a new one and the request may be repeated. Of one that was taken back, renewing tells the reason. */
    async denied(code: string, message: string): Promise<boolean> {
        if (code === 'token.expired' && (await this.#renew())) return true;
        if (code === 'token.revoked') await this.#renew();
        this.#refuse({ code, message, streams: [] });
        return false;
    }

    /** Ask the server every few seconds while playing, if nothing else asked. */
    watch(isPlaying: boolean): void {
        clearInterval(this.#pulse);
        this.#pulse = undefined;
        if (!isPlaying || this.#isOver) return;
        this.#look();
        this.#pulse = setInterval(() => {
            this.#look();
            if (performance.now() - this.#last_used >= pulse_ms) void this.#ask();
        }, pulse_look_ms);
    }

    /** Ends the session. Works while the page is being left, too. */
    close(): void {
        this.#stop();
        void send('DELETE', `/playback/${this.playback.session}`, undefined, nothing, { keepalive: true }).catch(() => undefined);
    }

    async #ask(): Promise<void> {
        try {
            const response = await fetch(this.playback.hls, { method: 'HEAD', headers: { [token_header]: this.use() }, cache: 'no-store' });
            if (response.status === 403) await this.#explain();
        } catch {
            /* offline: what is buffered plays on until the token ends */
        }
    }

    /** HEAD has no body: ask once more for the reason. */
    async #explain(): Promise<void> {
        const response = await fetch(this.playback.hls, { headers: { [token_header]: this.#token }, cache: 'no-store' });
        if (response.status !== 403) return;
        const { code, message } = refusalOf(await response.text());
        await this.denied(code, message);
    }

    #take(value: Renewal, server_ms: number): void {
        const now = performance.now();
        this.#token = value.token;
        // The server's clock and this device's may differ: only the span between the two is used.
        this.#ends_at = now + Math.max(0, Date.parse(value.expires_at) - server_ms);
        this.#renew_at = now + value.renew_after_ms;
        this.#retry_ms = retry_first_ms;
        this.#schedule(value.renew_after_ms);
    }

    #schedule(after_ms: number): void {
        clearTimeout(this.#timer);
        if (!this.#isOver) this.#timer = setTimeout(() => void this.#renew(), Math.max(0, after_ms));
    }

    /** Timers sleep in hidden tabs and closed laptops: on waking, catch up. */
    #look = (): void => {
        if (!this.#isOver && performance.now() >= this.#renew_at) void this.#renew();
    };

    #renew(): Promise<boolean> {
        if (this.#isOver) return Promise.resolve(false);
        this.#renewing ??= this.#renewNow().finally(() => (this.#renewing = null));
        return this.#renewing;
    }

    async #renewNow(): Promise<boolean> {
        try {
            const { value, server_ms } = await send('POST', `/playback/${this.playback.session}/renew`, {}, renewal);
            if (this.#isOver) return false;
            this.#take(value, server_ms);
            this.renewals++;
            this.events.renewed(this.renewals);
            return true;
        } catch (error) {
            const status = error instanceof ApiError ? error.status : 0;
            if (status >= 400 && status < 500 && status !== 408 && status !== 429) {
                this.#refuse(refusalFrom(error as ApiError));
                return false;
            }
            const left_ms = this.#ends_at - performance.now();
            if (left_ms <= 0) this.#refuse({ code: 'token.expired', message: t('watch.expired'), streams: [] });
            else this.#schedule(Math.min(this.#retry_ms, left_ms));
            this.#retry_ms = Math.min(retry_max_ms, this.#retry_ms * 2);
            return false;
        }
    }

    #refuse(refusal: Refusal): void {
        if (this.#isOver) return;
        this.#stop();
        this.events.refused(refusal);
    }

    #stop(): void {
        this.#isOver = true;
        clearTimeout(this.#timer);
        clearInterval(this.#pulse);
        document.removeEventListener('visibilitychange', this.#look);
        removeEventListener('online', this.#look);
    }
}

/** Code and sentence of a refusal's body, whatever it holds. */
export function refusalOf(body: unknown): { code: string; message: string } {
    try {
        const text = body instanceof ArrayBuffer ? new TextDecoder().decode(body) : String(body);
        const { error } = JSON.parse(text) as { error?: { code?: unknown; message?: unknown } };
        if (typeof error?.code === 'string' && typeof error.message === 'string') return { code: error.code, message: error.message };
    } catch {
        /* falls through */
    }
    return { code: 'token.refused', message: t('watch.expired') };
}
