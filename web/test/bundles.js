/**
 * The bundle that comes with pocketrec, as it is, and sealed again after a change.
 */

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

const FOLDER = new URL('../../src/pocketrec/pretrained/movielens-1m/', import.meta.url);

const read = (name) => readFileSync(new URL(name, FOLDER));
const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

export const FILES = {
  'manifest.json': read('manifest.json'),
  'items.json': read('items.json'),
  'model.tflite': read('model.tflite'),
};

/** Files as a page gets them when they are dropped on it. */
export function dropped(files = FILES) {
  return new Map(Object.entries(files).map(([name, bytes]) => [name, new Blob([bytes])]));
}

/**
 * Files with hashes that fit, whatever they hold: `change` may edit the manifest and the items.
 * @param {(manifest: any, items: any[]) => void} change
 */
export function sealed(change, model = FILES['model.tflite']) {
  const { sha256: _, ...manifest } = JSON.parse(FILES['manifest.json'].toString());
  const items = JSON.parse(FILES['items.json'].toString());
  manifest.files['items.json'] = null;
  change(manifest, items);
  const itemsText = Buffer.from(JSON.stringify(items));
  manifest.files['items.json'] ??= { bytes: itemsText.length, sha256: sha256(itemsText) };
  manifest.files['model.tflite'] = { bytes: model.length, sha256: sha256(model) };
  return dropped({
    'manifest.json': seal(`${JSON.stringify(manifest, null, 1)}\n`),
    'items.json': itemsText,
    'model.tflite': model,
  });
}

/** A manifest's text with the line that hashes all the rest of it. @param {string} text */
export function seal(text) {
  return Buffer.from(text.replace('{\n', `{\n "sha256": "${sha256(text)}",\n`));
}
