// SPDX-License-Identifier: AGPL-3.0-or-later
//
// What only the pages of an account ask for.
import { array, boolean, maybe, number, object, or, string, type Checked } from './check';
import { time } from './model';

export const totp = object({ secret: string, uri: string, qr_svg: or(string, '') });
export type Totp = Checked<typeof totp>;
export const recovery = object({ recovery_codes: array(string) });

export const sessions = object({ items: array(object({
    id: string,
    created_at: maybe(time),
    seen_at: maybe(time),
    agent: or(string, ''),
    address: or(string, ''),
    is_this: or(boolean, false),
})) });
export type Session = Checked<typeof sessions>['items'][number];

export const consents = object({ items: array(object({ purpose: string, text: or(string, ''), is_granted: or(boolean, false), at: maybe(time) })) });
export type Consent = Checked<typeof consents>['items'][number];

export const invitation = object({ email: or(string, ''), organisation: or(string, ''), has_account: or(boolean, false), household: maybe(object({ name: or(string, ''), inviter: or(string, '') })) });

export const householdAdults = object({
    adults_max: number,
    adults: array(object({ id: string, name: or(string, ''), email: or(string, ''), is_me: or(boolean, false), is_owner: or(boolean, false), joined_at: maybe(time) })),
    invitations: array(object({ id: string, email: or(string, ''), expires_at: maybe(time) })),
});
export type HouseholdAdult = Checked<typeof householdAdults>['adults'][number];
