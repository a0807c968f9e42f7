/** Where bundles come from: beside the page, another folder of its site, dropped files. */

import { PocketrecError } from '../../pocketrec.js';
import { OWN_BUNDLE } from '../own_bundle.js';

/**
 * The folder that "?bundle=" names, or that of the page's own bundle.
 *
 * @param {string} search the part of the page's address behind "?"
 * @returns {string}
 */
export function askedBundle(search) {
  const asked = new URLSearchParams(search).get('bundle');
  if (!asked) return OWN_BUNDLE;
  const folder = new URL(asked.endsWith('/') ? asked : `${asked}/`, document.baseURI);
  if (folder.origin !== location.origin) {
    throw new PocketrecError(
      'input',
      `?bundle= names '${asked}', which is on another site: only folders beside this page are read`,
    );
  }
  return folder.href;
}

/**
 * Files by their names, without folders.
 *
 * @param {Iterable<File>} files
 * @returns {Map<string, File>}
 */
export function byName(files) {
  return new Map([...files].map((file) => [file.name, file]));
}

/**
 * The files that were dropped, and those in a dropped folder.
 *
 * @param {DataTransfer} dropped
 * @returns {Promise<File[]>}
 */
export async function droppedFiles(dropped) {
  // Entries are only given while the event is being handled: all are asked for before any wait.
  const entries = [...dropped.items].map((item) => item.webkitGetAsEntry());
  const files = entries.map((entry) => entry && filesOf(entry));
  return (await Promise.all(files)).flatMap((found) => found ?? []);
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
    // At most 100 at a time, and none at the end.
    some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    inside.push(...some);
  } while (some.length);
  const files = inside.filter(({ isFile }) => isFile).map(filesOf);
  return (await Promise.all(files)).flat();
}
