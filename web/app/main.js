/** The page's entry: opens the requested bundle, and owns what all bundles share. */

import { openBundle, PocketrecError } from '../pocketrec.js';
import { byId } from './dom.js';
import { byName, droppedFiles, requestedBundle } from './model/sources.js';
import { Store } from './model/store.js';
import { inTurn } from './model/turns.js';
import { keepOffline } from './offline.js';
import { Page } from './page.js';
import { showBanner } from './views/announce.js';
import { makeDock } from './views/dock.js';
import { applyTheme, offerInstallation, watchStatus } from './views/header.js';
import { listenToKeys } from './views/keys.js';
import { ended, setState, showFailure, showProgress } from './views/loading.js';
import { preloadWasm } from './wasm.js';

/** @import { Source } from '../pocketrec.js' */

/** @type {Page | undefined} */
let page;

const store = Store.open();
const opening = inTurn();

/** Open the bundle of the page's address; on failure, show the error in place of the page. */
async function start() {
  setState('loading');
  try {
    await opening(() => open(requestedBundle(location.search)));
  } catch (error) {
    showFailure(error, { again: start, openFiles });
  }
}

/**
 * Open a bundle and show it in place of the current one.
 * @param {Source} source
 */
async function open(source) {
  if (!globalThis.WebAssembly) {
    throw new PocketrecError(
      'runtime',
      'this browser does not run WebAssembly, which the model needs',
    );
  }
  const recommender = await openBundle(source, { wasm: 'wasm/', onProgress: showProgress });
  const next = new Page(recommender, await store);
  next.openFiles = openFiles;
  try {
    await next.open();
  } catch (error) {
    await next.close();
    throw error; // the current bundle stays open
  }
  page?.close();
  page = next;
  setState('ready');
  performance.mark('first-recommendations');
  page.showParts();
}

/**
 * Open a bundle from files; on failure, the current bundle stays open.
 * @param {Iterable<File>} files
 */
async function openFiles(files) {
  const source = byName(files); // at once: the input's file list is cleared afterwards
  try {
    await opening(() => open(source));
    showBanner(
      'opened',
      'This bundle was opened from your files; it is not kept for the next visit.',
    );
  } catch (error) {
    if (!page) return showFailure(error, { again: start, openFiles });
    showBanner('opened', ended(error instanceof Error ? error.message : String(error)));
  }
}

function acceptDrops() {
  const target = byId('drop');
  window.addEventListener('dragenter', () => (target.hidden = false));
  window.addEventListener('dragover', (event) => event.preventDefault());
  window.addEventListener(
    'dragleave',
    ({ relatedTarget }) => (target.hidden = relatedTarget === null),
  );
  window.addEventListener('drop', async (event) => {
    event.preventDefault();
    target.hidden = true;
    if (!event.dataTransfer) return;
    // Unreadable files count as none, and the error is the same.
    await openFiles(await droppedFiles(event.dataTransfer).catch(() => []));
  });
}

if (globalThis.WebAssembly) preloadWasm();
applyTheme();
watchStatus();
offerInstallation();
start().then(keepOffline);
makeDock();
acceptDrops();
listenToKeys(() => page?.undo());
window.addEventListener('visibilitychange', () => document.hidden || page?.refresh());
