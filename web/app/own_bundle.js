/** The folder of the page's own bundle, beside the page. */

export const OWN_BUNDLE = 'bundle/';

export const MANIFEST = `${OWN_BUNDLE}manifest.json`;

/** The files whose hashes the manifest has. */
export const FILES = ['items.json', 'model.tflite'];

/** Addresses of all three files, relative to the page. */
export const BUNDLE = [MANIFEST, ...FILES.map((name) => `${OWN_BUNDLE}${name}`)];
