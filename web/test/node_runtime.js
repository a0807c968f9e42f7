/**
 * LiteRT.js outside of a browser: it takes this for a worker, and loads its files from disk.
 */

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { runInThisContext } from 'node:vm';

/** Address of the folder with the WebAssembly. */
export const WASM = new URL('../node_modules/@litertjs/core/wasm/', import.meta.url);

Object.assign(globalThis, {
  self: globalThis,
  require: createRequire(import.meta.url),
  __filename: fileURLToPath(new URL('litert_wasm_internal.js', WASM)),
  __dirname: fileURLToPath(WASM),
  importScripts: (/** @type {string} */ url) => {
    runInThisContext(readFileSync(fileURLToPath(url), 'utf8'), { filename: fileURLToPath(url) });
  },
});
