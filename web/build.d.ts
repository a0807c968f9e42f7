/** Names that build.mjs fills in, in app/sw.js. */

/** Another text whenever any file of the page is another. */
declare const __VERSION__: string;

/** Addresses, relative to the page, of all that it needs beside the runtime. */
declare const __PRECACHE__: string[];

/** Addresses of the runtime's two builds, of which a browser picks one. */
declare const __WASM__: Record<'relaxedSimd' | 'compat', string[]>;
