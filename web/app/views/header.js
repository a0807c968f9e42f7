/** The page's head: online or not, requests since the first list, theme, installation. */

import { counted } from '../model/wording.js';
import { byId, h } from './dom.js';
import { icon } from './icons.js';

const THEMES = /** @type {const} */ (['auto', 'light', 'dark']);
const THEME = 'pocketrec-theme';

let requests = 0;
let keptOffline = false;

/**
 * Show whether there is a network, and how many requests this page has made since its first list:
 * the browser's own count of what it fetched for this page.
 */
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

/** Say that the next visit needs no network. */
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
  status.title = 'Requests are counted by the browser itself, since this page had its first list.';
}

/** Wear the theme that was chosen, and let the button choose the next one. */
export function applyTheme() {
  const button = byId('theme');
  const wear = (/** @type {typeof THEMES[number]} */ theme) => {
    document.documentElement.dataset.theme = theme;
    button.replaceChildren(icon(theme));
    button.title = `Theme: ${theme}`;
    button.setAttribute('aria-label', `Theme: ${theme}`);
  };
  button.onclick = () => {
    const next = THEMES[(THEMES.indexOf(chosenTheme()) + 1) % THEMES.length] ?? 'auto';
    remember(next);
    wear(next);
  };
  wear(chosenTheme());
}

/** Used where storage is blocked. @type {string | null} */
let remembered = null;

function chosenTheme() {
  try {
    remembered = localStorage.getItem(THEME);
  } catch {
    // Blocked storage: the theme lasts as long as the page.
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

/** Forget the theme, with everything else that is wiped. */
export function forgetTheme() {
  remembered = null;
  try {
    localStorage.removeItem(THEME);
  } catch {
    // Nothing was kept.
  }
  applyTheme();
}

/** Offer the installation when the browser does. */
export function offerInstallation() {
  const button = byId('install');
  window.addEventListener('beforeinstallprompt', (event) => {
    event.preventDefault();
    button.hidden = false;
    button.onclick = () => {
      button.hidden = true;
      /** @type {any} */ (event).prompt(); // not in TypeScript's DOM: Chromium alone has it
    };
  });
  window.addEventListener('appinstalled', () => (button.hidden = true));
}
