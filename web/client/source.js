/**
 * Reads a bundle's files from an address, or from files dropped on the page.
 */

import { PocketrecError, shown } from './errors.js';

/**
 * The base address of a bundle's folder, or its three files by name.
 * @typedef {string | URL | Map<string, Blob>} Source
 */

/**
 * All bytes of one file; stops as soon as there are more than `most`.
 *
 * @param {Source} source
 * @param {string} name
 * @param {number} most
 * @param {(bytes: number) => void} arrived called with the size of each piece
 * @param {AbortSignal} signal
 * @returns {Promise<Uint8Array<ArrayBuffer>>}
 */
export async function readFile(source, name, most, arrived, signal) {
  if (source instanceof Map) {
    const blob = source.get(name);
    if (!blob) {
      const names = [...source.keys()].join(', ') || 'nothing';
      throw new PocketrecError('bundle', `the bundle lacks its file '${name}' (given: ${names})`);
    }
    if (blob.size > most) throw tooLarge(name, most);
    const bytes = new Uint8Array(await readBlob(blob, name));
    arrived(bytes.length);
    return bytes;
  }
  const response = await fetchFile(source, name, signal);
  const pieces = [];
  let size = 0;
  try {
    const reader = /** @type {ReadableStream<Uint8Array>} */ (response.body).getReader();
    for (let piece = await reader.read(); piece.value; piece = await reader.read()) {
      size += piece.value.length;
      if (size > most) throw tooLarge(name, most);
      pieces.push(piece.value);
      arrived(piece.value.length);
    }
  } catch (error) {
    if (error instanceof PocketrecError) throw error;
    throw unreachable(response.url, error);
  }
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}

/**
 * @param {Blob} blob
 * @param {string} name
 */
async function readBlob(blob, name) {
  try {
    return await blob.arrayBuffer();
  } catch (cause) {
    // A dropped file is read only now: it may have moved or changed in the meantime.
    throw new PocketrecError(
      'bundle',
      `'${name}' can no longer be read: choose the bundle's files again`,
      { cause },
    );
  }
}

/**
 * @param {string | URL} base
 * @param {string} name
 * @param {AbortSignal} signal
 */
async function fetchFile(base, name, signal) {
  let folder;
  try {
    folder = new URL(base, globalThis.document?.baseURI);
  } catch {
    throw new PocketrecError('input', `${shown(base)} is not the address of a bundle's folder`);
  }
  if (!folder.pathname.endsWith('/')) folder.pathname += '/';
  const url = new URL(name, folder).href;
  let response;
  try {
    // Ask the server every time, so that files of two versions never mix.
    response = await fetch(url, { cache: 'no-cache', signal });
  } catch (error) {
    throw unreachable(url, error);
  }
  if (!response.ok) {
    throw new PocketrecError('network', `'${url}' is not there (HTTP ${response.status})`);
  }
  return response;
}

/**
 * @param {string} url
 * @param {unknown} cause
 */
function unreachable(url, cause) {
  const message = `'${url}' did not arrive: check the connection and try again`;
  return new PocketrecError('network', message, { cause });
}

/**
 * @param {string} name
 * @param {number} most
 */
function tooLarge(name, most) {
  return new PocketrecError(
    'bundle',
    `'${name}' is larger than ${most} bytes: it does not belong to a bundle`,
  );
}
