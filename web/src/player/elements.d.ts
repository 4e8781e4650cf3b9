// SPDX-License-Identifier: AGPL-3.0-or-later
import 'svelte/elements';

declare module 'svelte/elements' {
    interface HTMLAttributes<T> {
        /** media-chrome: stays when the controls hide. */
        noautohide?: true | '';
    }
}
