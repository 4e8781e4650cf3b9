// SPDX-License-Identifier: AGPL-3.0-or-later
import { ApiError, get, isAbort, peek } from './api';
import type { Check } from './check';
import { t } from './text';

/** A GET answer that a page shows: here at once if it is known, else loading, then a value or an error.
 *  `path` is read reactively: when it changes, the new one is asked for and the old request dropped. */
export class Resource<T> {
    value = $state.raw<T | undefined>(undefined);
    error = $state.raw<ApiError | null>(null);
    loading = $state(false);
    #asked = $state(0);

    constructor(path: () => string | null, check: Check<T>) {
        const first = path();
        if (first !== null) this.value = peek(first, check);
        $effect(() => {
            const at = path();
            const isRetry = this.#asked > 0;
            if (at === null) return;
            const known = isRetry ? undefined : peek(at, check);
            this.error = null;
            if (known !== undefined) {
                this.value = known;
                this.loading = false;
                return;
            }
            const abort = new AbortController();
            this.loading = true;
            get(at, check, abort.signal).then(
                (value) => {
                    this.value = value;
                    this.loading = false;
                },
                (error: unknown) => {
                    if (isAbort(error)) return;
                    this.error = error instanceof ApiError ? error : new ApiError('client.answer', t('error.answer'), 0);
                    this.loading = false;
                });
            return () => abort.abort();
        });
    }

    reload = (): void => {
        this.#asked++;
    };
}
