/**
 * Serves the page offline: its own files, the runtime's and its own bundle come from a cache.
 *
 * A version of the page is cached as a whole or not at all, and so is a bundle. Other bundles and
 * other origins are never cached.
 */

/// <reference lib="webworker" />

import { BUNDLE, FILES, MANIFEST, OWN_BUNDLE } from './own_bundle.js';
import { wasmBuild } from './wasm.js';

const worker = /** @type {ServiceWorkerGlobalScope} */ (/** @type {unknown} */ (self));

// build.mjs fills in these names.
const VERSION = /** @type {string} */ (__VERSION__);
const PRECACHE = /** @type {string[]} */ (__PRECACHE__);
const WASM = /** @type {Record<'relaxedSimd' | 'compat', string[]>} */ (__WASM__);

const PREFIX = `pocketrec ${worker.registration.scope} `;
const PAGE_CACHE = `${PREFIX}page ${VERSION}`;
const BUNDLE_CACHE = `${PREFIX}bundle`;

/** How long to wait for the network when checking whether the served bundle has changed. */
const PATIENCE_MS = 1500;

/** The address of a file of the page. @param {string} name */
const address = (name) => new URL(name, worker.registration.scope).href;

const wasm = WASM[wasmBuild()];
const pageFiles = new Set([...PRECACHE, ...wasm].map(address));
const bundleFiles = new Set(BUNDLE.map(address));

/** Whether the cached bundle is the served one, by the page's client id. */
const sameBundle = /** @type {Map<string, Promise<boolean>>} */ (new Map());

worker.addEventListener('install', (event) => {
  // One missing file fails the installation; the next visit tries again.
  const page = keep(PAGE_CACHE, [...pageFiles]);
  event.waitUntil(Promise.all([page, keepBundle()]));
});

worker.addEventListener('activate', (event) => {
  event.waitUntil(
    caches.keys().then((names) => {
      const old = names.filter((name) => name.startsWith(`${PREFIX}page`) && name !== PAGE_CACHE);
      return Promise.all(old.map((name) => caches.delete(name)));
    }),
  );
});

worker.addEventListener('message', ({ data }) => {
  if (data === 'activate') worker.skipWaiting();
});

worker.addEventListener('fetch', (event) => {
  const { request, clientId } = event;
  const [bare = ''] = request.url.split(/[?#]/);
  if (request.method !== 'GET') return;
  if (request.mode === 'navigate') {
    // Only the page itself, and not a licence that somebody opens.
    const page = [worker.registration.scope, address('index.html')].includes(bare);
    if (page) event.respondWith(kept(PAGE_CACHE, address('index.html'), request));
  } else if (pageFiles.has(request.url)) {
    event.respondWith(kept(PAGE_CACHE, request.url, request));
  } else if (bundleFiles.has(request.url)) {
    event.respondWith(fromBundle(request, clientId, event));
  }
});

/**
 * @param {string} cacheName
 * @param {string[]} addresses
 */
async function keep(cacheName, addresses) {
  const cache = await caches.open(cacheName);
  // Always ask the server, past the browser's HTTP cache; addAll writes all or nothing.
  await cache.addAll(addresses.map((url) => new Request(url, { cache: 'no-cache' })));
}

/**
 * Cache the served bundle if its three files belong together; otherwise the cached one stays. (A
 * page may be served without a bundle, and a captive portal answers anything.)
 */
async function keepBundle() {
  try {
    const manifest = await fetchFile(MANIFEST);
    const { files } = await manifest.clone().json();
    const others = await Promise.all(
      FILES.map(async (name) => {
        const answer = await fetchFile(`${OWN_BUNDLE}${name}`);
        const digest = await crypto.subtle.digest('SHA-256', await answer.clone().arrayBuffer());
        const hash = Array.from(new Uint8Array(digest), (n) => n.toString(16).padStart(2, '0'));
        if (hash.join('') !== files[name].sha256) throw new Error(`${name} is of another bundle`);
        return answer;
      }),
    );
    const cache = await caches.open(BUNDLE_CACHE);
    const answers = [manifest, ...others];
    await Promise.all(answers.map((answer, n) => cache.put(address(BUNDLE[n] ?? ''), answer)));
  } catch {
    // The next visit tries again.
  }
}

/** @param {string} name */
async function fetchFile(name) {
  const answer = await fetch(address(name), { cache: 'no-cache' });
  if (!answer.ok) throw new Error(`${name}: ${answer.status}`);
  return answer;
}

/**
 * @param {string} cacheName
 * @param {string} url
 * @param {Request} request
 */
async function kept(cacheName, url, request) {
  return (await caches.match(url, { cacheName })) ?? fetch(request);
}

/**
 * A file of the bundle: the cached one, unless another bundle is served now, which then replaces it.
 *
 * @param {Request} request
 * @param {string} clientId
 * @param {ExtendableEvent} event
 */
async function fromBundle(request, clientId, event) {
  const same = sameBundle.get(clientId) ?? isSame(event);
  sameBundle.set(clientId, same);
  if (!(await same)) return fetch(request);
  return kept(BUNDLE_CACHE, request.url, request);
}

/**
 * Whether the cached manifest equals the served one; true if the server does not answer in time.
 * @param {ExtendableEvent} event
 */
async function isSame(event) {
  const url = address(MANIFEST);
  const own = await caches.match(url, { cacheName: BUNDLE_CACHE });
  if (!own) return false;
  try {
    const signal = AbortSignal.timeout(PATIENCE_MS);
    const served = await fetch(url, { cache: 'no-cache', signal });
    if (!served.ok || (await served.text()) === (await own.text())) return true;
  } catch {
    return true;
  }
  event.waitUntil(keepBundle());
  return false;
}
