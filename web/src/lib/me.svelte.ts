// SPDX-License-Identifier: AGPL-3.0-or-later
//
// Who is watching. What may be watched depends on it, so pages are built anew when it changes.
import { get, peek, send } from './api';
import { me as check, nothing, type Me, type Profile } from './model';
import { router } from './router.svelte';
import { site } from './site.svelte';

const nobody: Me = { user: null, household: null, profile: null, profiles: [], territory: '' };

class MeState {
    value = $state.raw<Me>(nobody);
    /** False until the server has said who this is. */
    isKnown = $state(false);
    /** Counts up when somebody else watches on the same page. */
    turn = $state(0);

    start(): void {
        const known = peek('/me', check);
        if (known) this.take(known);
        else void this.reload();
    }
    async reload(): Promise<void> {
        try {
            this.take(await get('/me', check));
        } catch {
            this.isKnown = true; // a page that cannot know shows itself as to a stranger
        }
    }
    take(value: Me): void {
        this.value = value;
        this.isKnown = true;
    }
    /** After signing in: somebody whose profile is not clear says first who watches. */
    arrive(value: Me, to: string): void {
        this.take(value);
        site.reload();
        const isClear = value.profile !== null && value.profiles.length <= 1;
        router.go(value.household === null || isClear ? to : `/who?to=${encodeURIComponent(to)}`, 'replace');
    }
    /** The page that stays after it must be built anew: `turn`. */
    async choose(profile: Profile, proof: { pin?: string; password?: string } = {}): Promise<void> {
        this.take((await send('POST', `/profiles/${profile.id}/choose`, proof, check)).value);
    }
    async signOut(): Promise<void> {
        await send('DELETE', '/session', undefined, nothing);
        this.take(nobody);
        site.reload();
        this.turn++;
        router.go('/');
    }
}
export const me = new MeState();

/** The name of something that is kept on this device for whoever watches: profiles do not see each other's. */
export const personal = (key: string): string => (me.value.profile ? `${key}.${me.value.profile.id}` : key);

/** Where a page was told to lead back to: an address of this site and no other. */
export function wayBack(otherwise = '/'): string {
    const to = new URLSearchParams(location.search).get('to') ?? '';
    return /^\/(?![/\\])/.test(to) && !/^\/(sign-|reset|forgot|invitation|who)/.test(to) ? to : otherwise;
}
/** The address of sign-in that comes back to where one is. */
export const signInFrom = (at: string): string => (at === '/' ? '/sign-in' : `/sign-in?to=${encodeURIComponent(at)}`);
