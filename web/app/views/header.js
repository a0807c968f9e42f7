/** The page's header: network status, requests since the first list, theme, installation. */

import { byId, h } from '../dom.js';
import { counted } from '../model/wording.js';
import { icon } from './icons.js';

const THEMES = /** @type {const} */ (['auto', 'light', 'dark']);
const THEME = 'pocketrec-theme';

let requests = 0;
let keptOffline = false;

/** Show whether there is a network, and the browser's count of requests since the first list. */
export function watchStatus() {
  new PerformanceObserver((list) => {
    const first = performance.getEntriesByName('first-recommendations')[0]?.startTime ?? Infinity;
    requests += list.getEntries().filter(({ startTime }) => startTime > first).length;
    showStatus();
  }).observe({ type: 'resource', buffered: true });
  window.addEventListener('online', showStatus);
  window.addEventListener('offline', showStatus);
  showStatus();
}

/** Show that the next visit needs no network. */
export function sayOffline() {
  keptOffline = true;
  showStatus();
}

function showStatus() {
  const status = byId('status');
  status.dataset.online = String(navigator.onLine);
  status.dataset.requests = String(requests);
  const facts = [
    navigator.onLine ? 'Online' : 'Offline',
    `${counted(requests, 'request')} since start`,
    keptOffline && 'works offline',
  ];
  const text = facts.filter(Boolean).join(' · ');
  status.replaceChildren(h('span', { class: 'dot', 'aria-hidden': 'true' }), text);
  status.title = 'The browser itself counts the requests since the first list.';
}

/** Apply the chosen theme, and let the button choose the next one. */
export function applyTheme() {
  const button = byId('theme');
  const apply = (/** @type {typeof THEMES[number]} */ theme) => {
    document.documentElement.dataset.theme = theme;
    button.replaceChildren(icon(theme));
    button.title = `Theme: ${theme}`;
    button.setAttribute('aria-label', `Theme: ${theme}`);
  };
  button.onclick = () => {
    const next = THEMES[(THEMES.indexOf(chosenTheme()) + 1) % THEMES.length] ?? 'auto';
    remember(next);
    apply(next);
  };
  apply(chosenTheme());
}

/** The chosen theme, for browsers that block storage. @type {string | null} */
let remembered = null;

function chosenTheme() {
  try {
    remembered = localStorage.getItem(THEME);
  } catch {
    // Storage is blocked: the theme lasts until the page is closed.
  }
  return THEMES.find((theme) => theme === remembered) ?? 'auto';
}

/** @param {string} theme */
function remember(theme) {
  remembered = theme;
  try {
    localStorage.setItem(THEME, theme);
  } catch {
    // As above.
  }
}

/** Forget the theme, as part of a wipe. */
export function forgetTheme() {
  remembered = null;
  try {
    localStorage.removeItem(THEME);
  } catch {
    // Nothing was stored.
  }
  applyTheme();
}

/** Show the installation button when the browser offers installation. */
export function offerInstallation() {
  const button = byId('install');
  window.addEventListener('beforeinstallprompt', (event) => {
    event.preventDefault();
    button.hidden = false;
    button.onclick = () => {
      button.hidden = true;
      /** @type {any} */ (event).prompt(); // missing in TypeScript: only Chromium has it
    };
  });
  window.addEventListener('appinstalled', () => (button.hidden = true));
}
