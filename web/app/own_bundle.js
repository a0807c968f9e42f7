/** The bundle that comes with the page: in this folder beside it. */

export const OWN_BUNDLE = 'bundle/';

export const MANIFEST = `${OWN_BUNDLE}manifest.json`;

/** What the manifest has hashes of, by their names there. */
export const FILES = ['items.json', 'model.tflite'];

/** Addresses of all, relative to the page. */
export const BUNDLE = [MANIFEST, ...FILES.map((name) => `${OWN_BUNDLE}${name}`)];
