/** The page's entry: open the bundle that is asked for, and keep what belongs to all bundles. */

import { PocketrecError, openBundle } from '../pocketrec.js';
import { askedBundle, byName, droppedFiles } from './model/sources.js';
import { Store } from './model/store.js';
import { inTurn } from './model/turns.js';
import { Page } from './page.js';
import { showBanner } from './views/announce.js';
import { makeDock } from './views/dock.js';
import { byId } from './views/dom.js';
import { applyTheme, offerInstallation, watchStatus } from './views/header.js';
import { listenToKeys } from './views/keys.js';
import { ended, setState, showFailure, showProgress } from './views/loading.js';
import { keepOffline } from './offline.js';
import { preloadWasm } from './wasm.js';

/** @import { Source } from '../pocketrec.js' */

/** @type {Page | undefined} */
let page;

const store = Store.open();
const opening = inTurn();

/** Open the bundle of the page's address; where it fails, say so in the page's middle. */
async function start() {
  setState('loading');
  try {
    await opening(() => open(askedBundle(location.search)));
  } catch (error) {
    showFailure(error, { again: start, openFiles });
  }
}

/**
 * Open a bundle, and show it in the place of the one before.
 * @param {Source} source
 */
async function open(source) {
  if (!globalThis.WebAssembly) {
    throw new PocketrecError('runtime', 'this browser runs no WebAssembly, which the model needs');
  }
  const recommender = await openBundle(source, { wasm: 'wasm/', onProgress: showProgress });
  const next = new Page(recommender, await store);
  next.openFiles = openFiles;
  try {
    await next.open();
  } catch (error) {
    await next.close();
    throw error; // what was open stays
  }
  page?.close();
  page = next;
  setState('ready');
  performance.mark('first-recommendations');
  page.showParts();
}

/**
 * Open a bundle from files; where it fails, what is open stays.
 * @param {Iterable<File>} files
 */
async function openFiles(files) {
  const source = byName(files); // at once: an input's list of files is emptied afterwards
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
    // What cannot be read is like nothing dropped, and told as that.
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
