// SPDX-License-Identifier: AGPL-3.0-or-later
//
// Jobs as they move on. A browser opens six connections to a host over HTTP/1.1, and a held one is gone for as long as
// its tab is open: so all tabs together hold one. Whoever gets the lock listens and tells the others; when its tab
// closes, the lock, and with it the listening, goes to the next.
import { urlOf } from '../lib/api';
import { job as check, type Job } from '../lib/model';

type Message = { job: unknown } | { opened: true };

/** Calls `changed` for each change of a job and `opened` whenever changes may have been missed, until stop. */
export function followJobs(changed: (job: Job) => void, opened: () => void): () => void {
    const channel = new BroadcastChannel('gs-jobs');
    const abort = new AbortController();
    let source: EventSource | null = null;

    const hear = (message: Message): void => {
        if ('opened' in message) return opened();
        try {
            changed(check(message.job, 'event'));
        } catch (error) {
            console.error(error);
        }
    };
    const tell = (message: Message): void => {
        hear(message);
        channel.postMessage(message);
    };
    channel.onmessage = (event: MessageEvent<Message>) => hear(event.data);

    const listen = (): Promise<void> => new Promise((resolve) => {
        source = new EventSource(urlOf('/events'));
        source.addEventListener('open', () => tell({ opened: true }));
        source.addEventListener('job', (event) => tell({ job: JSON.parse((event as MessageEvent<string>).data) }));
        abort.signal.addEventListener('abort', () => {
            source?.close();
            resolve();
        });
    });
    navigator.locks.request('gs-jobs', { signal: abort.signal }, () => (abort.signal.aborted ? undefined : listen())).catch(() => undefined);

    return () => {
        abort.abort();
        channel.close();
    };
}
