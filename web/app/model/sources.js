/** Bundle sources: the page's own folder, another folder of its site, or dropped files. */

import { PocketrecError } from '../../pocketrec.js';
import { OWN_BUNDLE } from '../own_bundle.js';

/**
 * The folder that "?bundle=" names, or the folder of the page's own bundle.
 *
 * @param {string} search the query string of the page's address
 * @returns {string}
 */
export function requestedBundle(search) {
  const name = new URLSearchParams(search).get('bundle');
  if (!name) return OWN_BUNDLE;
  const folder = new URL(name.endsWith('/') ? name : `${name}/`, document.baseURI);
  if (folder.origin !== location.origin) {
    throw new PocketrecError(
      'input',
      `?bundle= names '${name}', which is on another site: only folders beside this page are read`,
    );
  }
  return folder.href;
}

/**
 * Files by name, without folders.
 *
 * @param {Iterable<File>} files
 * @returns {Map<string, File>}
 */
export function byName(files) {
  return new Map([...files].map((file) => [file.name, file]));
}

/**
 * Dropped files, including those in dropped folders.
 *
 * @param {DataTransfer} dropped
 * @returns {Promise<File[]>}
 */
export async function droppedFiles(dropped) {
  // The browser returns entries only while it handles the event: collect all before any await.
  const entries = [...dropped.items].map((item) => item.webkitGetAsEntry());
  const files = entries.map((entry) => entry && filesOf(entry));
  return (await Promise.all(files)).flatMap((some) => some ?? []);
}

/**
 * @param {FileSystemEntry} entry
 * @returns {Promise<File[]>}
 */
async function filesOf(entry) {
  if (entry instanceof FileSystemFileEntry) {
    return [await new Promise((resolve, reject) => entry.file(resolve, reject))];
  }
  if (!(entry instanceof FileSystemDirectoryEntry)) return [];
  const reader = entry.createReader();
  /** @type {FileSystemEntry[]} */
  const inside = [];
  let some;
  do {
    // Each call returns at most 100 entries; an empty list is the end.
    some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    inside.push(...some);
  } while (some.length);
  const files = inside.filter(({ isFile }) => isFile).map(filesOf);
  return (await Promise.all(files)).flat();
}
