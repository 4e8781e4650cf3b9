// SPDX-License-Identifier: AGPL-3.0-or-later
// Runs before the first paint: sets the look that was chosen. See src/lib/settings.svelte.ts.
(function () {
    try {
        var theme = localStorage.getItem('gs.theme');
        if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
    } catch (e) {
        /* storage is closed: the device decides */
    }
})();
