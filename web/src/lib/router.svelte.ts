// SPDX-License-Identifier: AGPL-3.0-or-later
//
// Addresses. A click on a link within the site changes `here` instead of loading a page; back and forward return to
// where the page was scrolled to.

class Router {
    path = $state(location.pathname);
    search = $state(location.search);
    /** Asked before leaving a page; false keeps the reader there. */
    guard: (() => boolean) | null = null;
    #positions = new Map<number, number>();
    #index = 0;
    #restore: number | null = null;

    start(): void {
        history.scrollRestoration = 'manual';
        const state = history.state as { index?: number } | null;
        this.#index = state?.index ?? 0;
        history.replaceState({ index: this.#index }, '');
        addEventListener('popstate', (event) => {
            if (this.guard && !this.guard()) {
                history.pushState({ index: this.#index }, '', this.path + this.search);
                return;
            }
            this.#positions.set(this.#index, scrollY);
            this.#index = (event.state as { index?: number } | null)?.index ?? 0;
            this.#restore = this.#positions.get(this.#index) ?? 0;
            this.#arrive();
        });
        document.addEventListener('click', (event) => {
            if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
            const link = (event.target as Element).closest?.('a[href]') as HTMLAnchorElement | null;
            if (!link || link.target || link.hasAttribute('download') || link.origin !== location.origin) return;
            if (link.pathname === location.pathname && link.search === location.search && link.hash) return;
            if (/^\/(media|art|api|assets)\//.test(link.pathname)) return;
            event.preventDefault();
            this.go(link.pathname + link.search);
        });
    }

    go(to: string, how: 'push' | 'replace' = 'push'): void {
        if (how === 'push' && this.guard && !this.guard()) return;
        if (how === 'push') {
            this.#positions.set(this.#index, scrollY);
            this.#index++;
            history.pushState({ index: this.#index }, '', to);
            this.#restore = 0;
        } else history.replaceState({ index: this.#index }, '', to);
        this.#arrive();
    }

    #arrive(): void {
        this.guard = null;
        this.path = location.pathname;
        this.search = location.search;
    }

    /** A page calls this when what it shows is drawn: the place it was scrolled to comes back. */
    settle(): void {
        if (this.#restore === null) return;
        scrollTo(0, this.#restore);
        this.#restore = null;
    }
}

export const router = new Router();
