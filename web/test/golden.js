/**
 * The golden files, which Python wrote: tests/golden.
 */

import { readFileSync } from 'node:fs';

/** @param {string} name */
export function readGolden(name) {
  const path = new URL(`../../tests/golden/${name}`, import.meta.url);
  return JSON.parse(readFileSync(path, 'utf8'), plain);
}

/** Numbers that JSON lacks are {"number": "NaN"}. */
function plain(_, value) {
  return value && typeof value === 'object' && 'number' in value ? Number(value.number) : value;
}
