/**
 * The page without a network: its own files, the runtime's and its own bundle, from a cache.
 *
 * A version of the page is kept whole or not at all, and so is a bundle. Nothing of another origin
 * and no other bundle is ever kept.
 */

/// <reference lib="webworker" />

import { BUNDLE, FILES, MANIFEST, OWN_BUNDLE } from './own_bundle.js';
import { wasmBuild } from './wasm.js';

const worker = /** @type {ServiceWorkerGlobalScope} */ (/** @type {unknown} */ (self));

// Names that build.mjs fills in.
const VERSION = /** @type {string} */ (__VERSION__);
const PRECACHE = /** @type {string[]} */ (__PRECACHE__);
const WASM = /** @type {Record<'relaxedSimd' | 'compat', string[]>} */ (__WASM__);

const PREFIX = `pocketrec ${worker.registration.scope} `;
const PAGE_CACHE = `${PREFIX}page ${VERSION}`;
const BUNDLE_CACHE = `${PREFIX}bundle`;

/** How long the network may take to say that the bundle is still the same one. */
const PATIENCE_MS = 1500;

/** The address of a file of the page. @param {string} name */
const address = (name) => new URL(name, worker.registration.scope).href;

const wasm = WASM[wasmBuild()];
const pageFiles = new Set([...PRECACHE, ...wasm].map(address));
const bundleFiles = new Set(BUNDLE.map(address));

/** By page (its client's id): whether the kept bundle is the one that is served. */
const sameBundle = /** @type {Map<string, Promise<boolean>>} */ (new Map());

worker.addEventListener('install', (event) => {
  // One file that is missing fails the whole; the next visit tries again.
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
    // Only the page itself; not, say, a licence that somebody opens.
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
  // Asked of the server, whatever the browser's own cache holds; addAll writes all or nothing.
  await cache.addAll(addresses.map((url) => new Request(url, { cache: 'no-cache' })));
}

/**
 * Keep the bundle that is served, if its three files belong together; else what is kept stays. (A
 * page that is used with dropped bundles alone has none, and a captive portal answers anything.)
 */
async function keepBundle() {
  try {
    const manifest = await fetchFile(MANIFEST);
    const { files } = await manifest.clone().json();
    const others = await Promise.all(
      FILES.map(async (name) => {
        const answer = await fetchFile(`${OWN_BUNDLE}${name}`);
        const digest = await crypto.subtle.digest('SHA-256', await answer.clone().arrayBuffer());
        const found = Array.from(new Uint8Array(digest), (n) => n.toString(16).padStart(2, '0'));
        if (found.join('') !== files[name].sha256) throw new Error(`${name} is of another bundle`);
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
 * A file of the bundle: the kept one, unless another bundle is served here now; that one is then
 * kept in its place.
 *
 * @param {Request} request
 * @param {string} clientId
 * @param {ExtendableEvent} event
 */
async function fromBundle(request, clientId, event) {
  const asked = sameBundle.get(clientId) ?? isSame(event);
  sameBundle.set(clientId, asked);
  if (!(await asked)) return fetch(request);
  return kept(BUNDLE_CACHE, request.url, request);
}

/**
 * Whether the kept bundle has the manifest that is served; where nothing answers in time, it has.
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
