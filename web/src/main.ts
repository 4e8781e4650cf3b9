// SPDX-License-Identifier: AGPL-3.0-or-later
import './style/tokens.css';
import './style/base.css';
import './style/parts.css';
import { mount } from 'svelte';
import App from './app.svelte';
import { readIsland } from './lib/api';
import { router } from './lib/router.svelte';
import { pageLanguage, tellZone } from './lib/settings.svelte';
import { useLanguage } from './lib/text';
import { loadPage } from './pages/routes';

const language = pageLanguage();
document.documentElement.lang = language;
readIsland();
tellZone();
router.start();
// The server's HTML stays until the language and the page's own code are here: then one replaces the other at once.
const [, page] = await Promise.all([useLanguage(language), loadPage(location.pathname)]);
const target = document.getElementById('app') as HTMLElement;
target.replaceChildren();
mount(App, { target, props: { first: page } });
document.documentElement.dataset['ready'] = '';
