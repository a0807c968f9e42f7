/** Makes the page work offline, and announces new versions of it. */

import { BUNDLE } from './own_bundle.js';
import { showBanner } from './views/announce.js';
import { sayOffline } from './views/header.js';

/**
 * Register the service worker if the browser allows one; the page works without it too.
 * `data-offline="ready"` on the document means that the next visit needs no network.
 */
export async function keepOffline() {
  if (!navigator.serviceWorker) return;
  try {
    const registration = await navigator.serviceWorker.register('sw.js');
    if (registration.waiting) offerReload(registration.waiting);
    registration.addEventListener('updatefound', () => {
      const coming = registration.installing;
      coming?.addEventListener('statechange', () => {
        // Without a controller this is the first version, which replaces nothing.
        const replaces = coming.state === 'installed' && navigator.serviceWorker.controller;
        if (replaces) offerReload(coming);
      });
    });
    await navigator.serviceWorker.ready;
    const bundle = BUNDLE.map((name) => caches.match(new URL(name, registration.scope)));
    // Without the page's own bundle it would open offline but have nothing to rank.
    if (!(await Promise.all(bundle)).every(Boolean)) return;
    document.documentElement.dataset.offline = 'ready';
    sayOffline();
  } catch {
    // No https, or a file did not arrive: the next visit tries again.
  }
}

/** @param {ServiceWorker} waiting */
function offerReload(waiting) {
  showBanner('update', 'A new version is ready.', {
    label: 'Reload',
    run: () => {
      const reload = () => location.reload();
      navigator.serviceWorker.addEventListener('controllerchange', reload, { once: true });
      waiting.postMessage('activate');
    },
  });
}
