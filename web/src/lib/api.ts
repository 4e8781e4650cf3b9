// SPDX-License-Identifier: AGPL-3.0-or-later
//
// The one door to the server's API. What the first HTML already brought along (the data island) is not asked for again;
// answers to GET are kept for a minute so that going back is instant.
import type { Check } from './check';
import { said } from './said';
import { language, t } from './text';

/** `message` is a sentence for people, in their language; `code` is stable; status 0 means that no answer came; `more` is
 *  the whole answer, for what some refusals tell besides. */
export class ApiError extends Error {
    constructor(readonly code: string, message: string, readonly status: number, readonly more: Record<string, unknown> = {}) {
        super(message);
    }
}
/** What to show people of anything that was thrown. */
export const sentence = (error: unknown): string => (error instanceof ApiError ? error.message : t('error.answer'));
export const isAbort = (error: unknown): boolean => error instanceof DOMException && error.name === 'AbortError';

const base = '/api/v1';
const keep_ms = 60_000;
const kept = new Map<string, { value: unknown; until: number }>();
/** Counts what was changed from here: an answer to a question from before a change is shown, but not kept. */
let changes = 0;

/** Reads the island once; its answers count as fresh. */
export function readIsland(): void {
    const element = document.getElementById('gs-data');
    if (!element?.textContent) return;
    try {
        const island = JSON.parse(element.textContent) as { answers?: Record<string, unknown> };
        for (const [path, value] of Object.entries(island.answers ?? {})) kept.set(path, { value, until: Date.now() + keep_ms });
    } catch {
        /* a page without an island asks for everything */
    }
}

function withLanguage(path: string): string {
    return `${base}${path}${path.includes('?') ? '&' : '?'}lang=${language()}`;
}

function checked<T>(value: unknown, path: string, check: Check<T>): T {
    try {
        return check(value, path);
    } catch (error) {
        console.error(error);
        throw new ApiError('client.answer', t('error.answer'), 200);
    }
}

let skew_ms = 0;
/** The server's clock, as its last answer told it: what ends there ends by it, and a device's own may be wrong. */
export const serverNow = (): number => Date.now() + skew_ms;

async function exchange(path: string, init: RequestInit): Promise<{ value: unknown; date: number }> {
    let response: Response;
    let text: string;
    try {
        // Past the browser's own cache: there a second GET of one address waits until the first has ended, for as long as 20 seconds.
        response = await fetch(withLanguage(path), { credentials: 'same-origin', cache: 'no-store', ...init });
        text = await response.text(); // may be given up, or break off, half-way
    } catch (error) {
        if (isAbort(error)) throw error;
        throw new ApiError('client.network', t('error.network'), 0);
    }
    let value: unknown = null;
    try {
        value = text ? JSON.parse(text) : null;
    } catch {
        if (response.ok) throw new ApiError('client.answer', t('error.answer'), response.status);
    }
    if (!response.ok) {
        const error = (value as { error?: { code?: unknown; message?: unknown; dated?: unknown } } | null)?.error;
        throw new ApiError(
            typeof error?.code === 'string' ? error.code : 'client.answer',
            said(error?.dated, typeof error?.message === 'string' ? error.message : t('error.answer')),
            response.status, value !== null && typeof value === 'object' ? (value as Record<string, unknown>) : {});
    }
    const date = Date.parse(response.headers.get('Date') ?? '') || Date.now();
    // The header has whole seconds: less than that is no difference.
    skew_ms = Math.abs(date - Date.now()) < 2000 ? 0 : date - Date.now();
    return { value, date };
}

/** What is already here, without asking; undefined if nothing is. */
export function peek<T>(path: string, check: Check<T>): T | undefined {
    const hit = kept.get(path);
    if (!hit || hit.until < Date.now()) return undefined;
    try {
        return check(hit.value, path);
    } catch {
        return undefined;
    }
}

export async function get<T>(path: string, check: Check<T>, signal?: AbortSignal): Promise<T> {
    const asked = changes;
    const { value } = await exchange(path, signal ? { signal } : {});
    const result = checked(value, path, check);
    if (asked === changes) kept.set(path, { value, until: Date.now() + keep_ms });
    return result;
}

export interface Sent<T> {
    value: T;
    server_ms: number; // the server's clock when it answered
}

/** A request that changes something; what was kept is forgotten. */
export async function send<T>(method: 'POST' | 'PUT' | 'PATCH' | 'DELETE', path: string, body: unknown, check: Check<T>,
                              init: RequestInit = {}): Promise<Sent<T>> {
    const headers: Record<string, string> = { 'X-Grandstand': '1' };
    if (body !== undefined) headers['Content-Type'] = 'application/json';
    const request: RequestInit = { method, ...init, headers: { ...headers, ...(init.headers as Record<string, string> | undefined) } };
    if (body !== undefined) request.body = JSON.stringify(body);
    changes++;
    const { value, date } = await exchange(path, request);
    forget();
    return { value: checked(value, path, check), server_ms: date };
}

export const urlOf = withLanguage;
export function forget(): void {
    changes++;
    kept.clear();
}
