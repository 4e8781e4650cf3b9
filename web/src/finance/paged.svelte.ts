// SPDX-License-Identifier: AGPL-3.0-or-later
import { ApiError, get, isAbort } from '../lib/api';
import type { Check } from '../lib/check';
import { t } from '../lib/text';

/** A list that comes in pieces, each of which names where the next begins. `path` is read reactively; a new one begins anew, and what
 *  stood there stays to be seen until the answer is here. */
export class Paged<T> {
    items = $state.raw<T[] | undefined>(undefined);
    next = $state<string | null>(null);
    error = $state.raw<ApiError | null>(null);
    loading = $state(false);
    #path = '';
    #asked = $state(0);
    #check: Check<{ items: T[]; next: string | null }>;
    #abort: AbortController | null = null;

    constructor(path: () => string | null, check: Check<{ items: T[]; next: string | null }>) {
        this.#check = check;
        $effect(() => {
            const at = path();
            void this.#asked;
            if (at === null) return;
            this.#path = at;
            void this.#ask(at, false);
            return () => this.#abort?.abort();
        });
    }
    async #ask(at: string, isMore: boolean): Promise<void> {
        this.#abort?.abort();
        const abort = (this.#abort = new AbortController());
        this.loading = true;
        this.error = null;
        try {
            const answer = await get(at, this.#check, abort.signal);
            this.items = isMore ? [...(this.items ?? []), ...answer.items] : answer.items;
            this.next = answer.next;
        } catch (error) {
            if (isAbort(error)) return;
            this.error = error instanceof ApiError ? error : new ApiError('client.answer', t('error.answer'), 0);
        }
        if (this.#abort === abort) this.loading = false;
    }
    more = (): void => {
        if (this.next === null || this.loading) return;
        void this.#ask(`${this.#path}${this.#path.includes('?') ? '&' : '?'}after=${encodeURIComponent(this.next)}`, true);
    };
    reload = (): void => {
        this.#asked++;
    };
}
