// SPDX-License-Identifier: AGPL-3.0-or-later
//
// Jobs and channels as they move on. A browser opens six connections to a host over HTTP/1.1, and a held one is gone for as long as
// its tab is open: so all tabs together hold one. Whoever gets the lock listens and tells the others; when its tab closes, the lock, and
// with it the listening, goes to the next.
import { urlOf } from '../lib/api';
import { channel as checkChannel, job as checkJob, type Channel, type Job } from '../lib/model';

type Message = { job: unknown } | { channel: unknown } | { opened: true };

export interface Followers {
    job?: (job: Job) => void;
    channel?: (channel: Channel) => void;
    /** Changes may have been missed: what is shown is asked for anew. */
    opened: () => void;
}

/** Tells each change until stop. */
export function follow(followers: Followers): () => void {
    const post = new BroadcastChannel('gs-events');
    const abort = new AbortController();
    let source: EventSource | null = null;

    const hear = (message: Message): void => {
        try {
            if ('opened' in message) followers.opened();
            else if ('job' in message) followers.job?.(checkJob(message.job, 'event'));
            else followers.channel?.(checkChannel(message.channel, 'event'));
        } catch (error) {
            console.error(error);
        }
    };
    const tell = (message: Message): void => {
        hear(message);
        post.postMessage(message);
    };
    post.onmessage = (event: MessageEvent<Message>) => hear(event.data);

    const listen = (): Promise<void> => new Promise((resolve) => {
        source = new EventSource(urlOf('/events'));
        source.addEventListener('open', () => tell({ opened: true }));
        source.addEventListener('job', (event) => tell({ job: JSON.parse((event as MessageEvent<string>).data) }));
        source.addEventListener('channel', (event) => tell({ channel: JSON.parse((event as MessageEvent<string>).data) }));
        abort.signal.addEventListener('abort', () => {
            source?.close();
            resolve();
        });
    });
    navigator.locks.request('gs-events', { signal: abort.signal }, () => (abort.signal.aborted ? undefined : listen())).catch(() => undefined);

    return () => {
        abort.abort();
        post.close();
    };
}
