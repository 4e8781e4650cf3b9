// SPDX-License-Identifier: AGPL-3.0-or-later
//
// Uploads in pieces. The server says how far it got, so a pause, a lost connection or a reload costs at most one piece.
// What a browser forgets on reload is the file itself: then the upload waits until the same file is dropped again.
import { ApiError, get, send, urlOf } from '../lib/api';
import { array, number, object, string } from '../lib/check';
import { imported, nothing, upload as uploadCheck } from '../lib/model';
import { store, stored } from '../lib/settings.svelte';
import { t } from '../lib/text';

const piece_bytes = 4 * 1024 * 1024;
const retry_max_ms = 15_000;

export type UploadState = 'queued' | 'uploading' | 'paused' | 'waiting' | 'needs-file' | 'handed' | 'failed';

const known = object({ id: string, name: string, bytes: number, modified: number });
type Known = { id: string; name: string; bytes: number; modified: number };

export class Upload {
    state = $state<UploadState>('queued');
    sent = $state(0);
    speed = $state(0); // bytes per second
    error = $state('');
    id = '';
    file: File | null;
    request: XMLHttpRequest | null = null;
    retry_ms = 1000;
    timer: ReturnType<typeof setTimeout> | undefined;

    constructor(readonly name: string, readonly bytes: number, readonly modified: number, file: File | null) {
        this.file = file;
    }
    fits(file: File): boolean {
        return this.name === file.name && this.bytes === file.size && this.modified === file.lastModified;
    }
}

class Uploads {
    items = $state<Upload[]>([]);
    /** Called when a file is whole and its import has begun. */
    handed: () => void = () => undefined;
    #isRestored = false;

    /** Brings back what a reload interrupted. */
    restore(): void {
        if (this.#isRestored) return;
        this.#isRestored = true;
        let list: Known[] = [];
        try {
            list = array(known)(JSON.parse(stored('uploads') ?? '[]'), 'uploads');
        } catch {
            /* nothing worth keeping */
        }
        for (const entry of list) {
            const upload = new Upload(entry.name, entry.bytes, entry.modified, null);
            upload.id = entry.id;
            upload.state = 'needs-file';
            this.items.push(upload);
            const ours = this.items[this.items.length - 1] as Upload;
            get(`/uploads/${entry.id}`, uploadCheck).then(
                (answer) => (ours.sent = answer.offset),
                (error: unknown) => {
                    if (error instanceof ApiError && error.status === 404) this.#drop(ours);
                });
        }
        addEventListener('online', () => this.items.forEach((upload) => upload.state === 'waiting' && this.resume(upload)));
    }

    #remember(): void {
        const list = this.items.filter((upload) => upload.id && upload.state !== 'handed' && upload.state !== 'failed')
            .map(({ id, name, bytes, modified }) => ({ id, name, bytes, modified }));
        store('uploads', list.length ? JSON.stringify(list) : null);
    }
    #drop(upload: Upload): void {
        this.items = this.items.filter((other) => other !== upload);
        this.#remember();
    }

    add(files: Iterable<File>): void {
        for (const file of files) {
            const waiting = this.items.find((upload) => upload.state === 'needs-file' && upload.fits(file));
            if (waiting) {
                waiting.file = file;
                waiting.state = 'queued';
            } else this.items.push(new Upload(file.name, file.size, file.lastModified, file));
        }
        this.#next();
    }

    /** One at a time: a second would only halve the first. */
    #next(): void {
        if (this.items.some((upload) => upload.state === 'uploading')) return;
        const upload = this.items.find((other) => other.state === 'queued');
        if (upload) void this.#run(upload);
    }

    pause(upload: Upload): void {
        clearTimeout(upload.timer);
        upload.state = 'paused';
        upload.request?.abort();
        this.#next();
    }
    resume(upload: Upload): void {
        clearTimeout(upload.timer);
        upload.error = '';
        upload.state = upload.file ? 'queued' : 'needs-file';
        this.#next();
    }
    discard(upload: Upload): void {
        clearTimeout(upload.timer);
        const isRunning = upload.state === 'uploading';
        upload.state = 'failed';
        upload.request?.abort();
        if (upload.id && !isRunning) void send('DELETE', `/uploads/${upload.id}`, undefined, nothing).catch(() => undefined);
        this.#drop(upload);
        this.#next();
    }

    async #run(upload: Upload): Promise<void> {
        const file = upload.file;
        if (!file) return;
        upload.state = 'uploading';
        try {
            if (!upload.id) upload.id = (await send('POST', '/uploads', { name: upload.name, bytes: upload.bytes }, uploadCheck)).value.id;
            this.#remember();
            let offset = (await get(`/uploads/${upload.id}`, uploadCheck)).offset;
            while (upload.state === 'uploading' && offset < upload.bytes) {
                offset = await this.#piece(upload, file.slice(offset, offset + piece_bytes), offset);
                upload.sent = offset;
                upload.retry_ms = 1000;
            }
            if (upload.state !== 'uploading') return;
            const { value } = await send('POST', `/uploads/${upload.id}/import`, {}, imported);
            void value;
            upload.state = 'handed';
            this.#remember();
            this.handed();
            setTimeout(() => this.#drop(upload), 4000);
        } catch (error) {
            this.#failed(upload, error);
        } finally {
            upload.request = null;
            this.#next();
        }
    }

    #failed(upload: Upload, error: unknown): void {
        if (upload.state !== 'uploading') return; // paused or discarded: that was the reason
        const status = error instanceof ApiError ? error.status : 0;
        const message = error instanceof ApiError ? error.message : t('error.network');
        if (status === 404) upload.id = ''; // the server forgot it: begin anew when asked to
        if (status === 0 || status === 409 || status === 408 || status === 429 || status >= 500) {
            upload.state = 'waiting';
            upload.error = message;
            upload.timer = setTimeout(() => this.resume(upload), status === 409 ? 0 : upload.retry_ms);
            upload.retry_ms = Math.min(retry_max_ms, upload.retry_ms * 2);
        } else {
            upload.state = 'paused';
            upload.error = message;
        }
    }

    /** XMLHttpRequest, because fetch does not tell how much of a body has left. */
    #piece(upload: Upload, piece: Blob, offset: number): Promise<number> {
        return new Promise((resolve, reject) => {
            const request = new XMLHttpRequest();
            upload.request = request;
            const began = performance.now();
            request.open('PATCH', urlOf(`/uploads/${upload.id}`));
            request.setRequestHeader('X-Grandstand', '1');
            request.setRequestHeader('Upload-Offset', String(offset));
            request.setRequestHeader('Content-Type', 'application/octet-stream');
            request.upload.onprogress = (event) => {
                upload.sent = offset + event.loaded;
                const speed = event.loaded / Math.max(0.001, (performance.now() - began) / 1000);
                upload.speed = upload.speed ? upload.speed * 0.8 + speed * 0.2 : speed;
            };
            request.onload = () => {
                let body: unknown = null;
                try {
                    body = JSON.parse(request.responseText);
                    if (request.status >= 200 && request.status < 300) return resolve(uploadCheck(body, 'upload').offset);
                } catch {
                    /* falls through */
                }
                const error = (body as { error?: { code?: string; message?: string } } | null)?.error;
                reject(new ApiError(error?.code ?? 'client.answer', error?.message ?? t('error.answer'), request.status));
            };
            request.onerror = () => reject(new ApiError('client.network', t('error.network'), 0));
            request.onabort = () => reject(new DOMException('paused', 'AbortError'));
            request.send(piece);
        });
    }
}

export const uploads = new Uploads();
