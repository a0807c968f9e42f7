/**
 * Reads a bundle: model.tflite, items.json (entry n, counted from 1, is the item with index n) and
 * manifest.json. Everything is checked before the runtime loads the model.
 */

import { contractBreach, readShapes, signatures } from './contract.js';
import { Feature } from './encoding.js';
import { PocketrecError } from './errors.js';
import { checkGoldenForm } from './golden.js';
import { readFile } from './source.js';

/** @import { GraphSpec } from './contract.js' */
/** @import { ItemId } from './events.js' */
/** @import { Source } from './source.js' */

/**
 * @typedef {{id: ItemId, title: string | null, attributes: Record<string, any>}} Item
 *
 * @typedef {object} Bundle
 * @property {Record<string, any>} manifest
 * @property {GraphSpec} spec
 * @property {Item[]} items
 * @property {Uint8Array<ArrayBuffer>} model
 * @property {string} fingerprint sha256 of the model's bytes
 *
 * Bytes received so far, and in total; the total is 0 until the manifest has arrived.
 * @typedef {{loaded: number, total: number}} Progress
 */

const FORMAT_VERSION = 1;

const MANIFEST = 'manifest.json';
const ITEMS = 'items.json';
const MODEL = 'model.tflite';

/**
 * Largest size of each file in bytes: a larger file is never read into memory.
 * @type {Record<string, number>}
 */
const MOST_BYTES = { [MANIFEST]: 2 ** 24, [ITEMS]: 2 ** 28, [MODEL]: 2 ** 29 };

/**
 * Read and check a bundle's three files; no other file is ever requested.
 *
 * Rejects with a PocketrecError for the first problem: hashes, version, contract or items.
 *
 * @param {Source} source
 * @param {(progress: Progress) => void} [onProgress]
 * @returns {Promise<Bundle>}
 */
export async function readBundle(source, onProgress) {
  const progress = { loaded: 0, total: 0 };
  const abort = new AbortController();
  const read = (/** @type {string} */ name) =>
    readFile(
      source,
      name,
      /** @type {number} */ (MOST_BYTES[name]),
      (bytes) => {
        progress.loaded += bytes;
        onProgress?.({ ...progress });
      },
      abort.signal,
    );
  // All three load at once, but a problem of the manifest is reported first: it explains the rest.
  const files = [read(MANIFEST), read(ITEMS), read(MODEL)];
  for (const file of files) file.catch(() => {});
  try {
    const bytes = /** @type {Uint8Array<ArrayBuffer>} */ (await files[0]);
    const manifest = await readManifest(bytes);
    progress.total = bytes.length + size(manifest, ITEMS) + size(manifest, MODEL);
    const items = await checked(/** @type {any} */ (await files[1]), manifest, ITEMS);
    const model = await checked(/** @type {any} */ (await files[2]), manifest, MODEL);
    return checkBundle(manifest, items, model);
  } catch (error) {
    abort.abort();
    throw error;
  }
}

/**
 * The manifest without its own hash, which must be the hash of all the rest.
 * @param {Uint8Array<ArrayBuffer>} bytes
 * @returns {Promise<Record<string, any>>}
 */
async function readManifest(bytes) {
  const manifest = parse(bytes, MANIFEST);
  if (manifest?.kind !== 'bundle') {
    throw broken(`this is not a bundle (its manifest says ${JSON.stringify(manifest?.kind)})`);
  }
  if (manifest.format_version !== FORMAT_VERSION) {
    throw broken(
      `the bundle has format version ${JSON.stringify(manifest.format_version)}; this page ` +
        `reads ${FORMAT_VERSION}: export it again, or reload for a newer page`,
    );
  }
  // Line 2 has the hash of the text without line 2, so even a changed space is noticed.
  const second = bytes.indexOf(10) + 1;
  const third = bytes.indexOf(10, second) + 1;
  const line = new TextDecoder().decode(bytes.subarray(second, third));
  const rest = new Uint8Array(bytes.length - (third - second));
  rest.set(bytes.subarray(0, second));
  rest.set(bytes.subarray(third), second);
  if (line !== ` "sha256": "${await sha256(rest)}",\n`) {
    throw broken(`'${MANIFEST}' is not as it was written: it was changed or damaged`);
  }
  const { sha256: _, ...content } = manifest;
  return content;
}

/**
 * @param {Uint8Array<ArrayBuffer>} bytes
 * @param {Record<string, any>} manifest
 * @param {string} name
 */
async function checked(bytes, manifest, name) {
  const expected = size(manifest, name);
  if (bytes.length !== expected) {
    throw broken(
      `'${name}' has another size than the ${expected} bytes of its manifest: it was damaged`,
    );
  }
  if ((await sha256(bytes)) !== manifest.files[name].sha256) {
    throw broken(`'${name}' is not the file its manifest describes (sha256 differs)`);
  }
  return bytes;
}

/**
 * @param {Record<string, any>} manifest
 * @param {string} name
 * @returns {number}
 */
function size(manifest, name) {
  const bytes = manifest.files?.[name]?.bytes;
  if (!Number.isSafeInteger(bytes)) throw broken(`the manifest has no size for '${name}'`);
  return bytes;
}

/**
 * @param {Record<string, any>} manifest
 * @param {Uint8Array<ArrayBuffer>} itemsText
 * @param {Uint8Array<ArrayBuffer>} model
 * @returns {Bundle}
 */
function checkBundle(manifest, itemsText, model) {
  const spec = readSpec(manifest);
  const items = parse(itemsText, ITEMS);
  checkItems(items, spec.shapes.items);
  if (String.fromCharCode(...model.subarray(4, 8)) !== 'TFL3') {
    throw broken(
      'the model is not a .tflite file (its bytes 4 to 8 are not TFL3): export it again',
    );
  }
  return { manifest, spec, items, model, fingerprint: manifest.files[MODEL].sha256 };
}

/**
 * What the manifest says about the graph; it must keep the contract.
 * @param {Record<string, any>} manifest
 * @returns {GraphSpec}
 */
function readSpec(manifest) {
  try {
    const shapes = readShapes(manifest.shapes);
    const features = manifest.features.map(Feature.fromJson);
    if (typeof manifest.exclude_seen !== 'boolean')
      throw new Error('exclude_seen is neither true nor false');
    const spec = { shapes, features, excludeSeen: manifest.exclude_seen };
    const breach = contractBreach(manifest.signatures, signatures(spec));
    if (breach) throw new Error(breach);
    checkGoldenForm(manifest, spec);
    return spec;
  } catch (error) {
    throw broken(`the bundle cannot be used: ${/** @type {Error} */ (error).message}`);
  }
}

/**
 * @param {any} items
 * @param {number} expected
 */
function checkItems(items, expected) {
  if (!Array.isArray(items) || items.length !== expected) {
    throw broken(`the catalogue has ${items?.length} items, the model ${expected}`);
  }
  items.forEach((item, place) => {
    const { id, title, attributes } = item ?? {};
    if (typeof id === 'number' && !Number.isSafeInteger(id)) {
      throw broken(
        `item ${place + 1} has the id ${id}, which JavaScript cannot hold: export ids as text`,
      );
    }
    if (
      !['string', 'number'].includes(typeof id) ||
      !(title === null || typeof title === 'string') ||
      typeof attributes !== 'object' ||
      attributes === null ||
      Array.isArray(attributes)
    ) {
      throw broken(
        `item ${place + 1} of the catalogue does not have an id, a title and attributes`,
      );
    }
  });
  if (new Set(items.map((item) => String(item.id))).size !== items.length) {
    throw broken('the catalogue lists an item twice');
  }
}

/**
 * @param {Uint8Array} bytes
 * @param {string} name
 * @returns {any}
 */
function parse(bytes, name) {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch (cause) {
    const { message } = /** @type {Error} */ (cause);
    throw new PocketrecError('bundle', `'${name}' cannot be read: ${message}`, { cause });
  }
}

/** @param {Uint8Array<ArrayBuffer>} bytes */
async function sha256(bytes) {
  if (!globalThis.crypto?.subtle) {
    throw new PocketrecError(
      'runtime',
      'the browser cannot compute hashes here: open the page over https or on localhost',
    );
  }
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** @param {string} message */
function broken(message) {
  return new PocketrecError('bundle', message);
}
