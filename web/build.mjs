/**
 * Build the page: web/app and the client library -> src/pocketrec/app/static.
 *
 *     npm ci && npm run build            [-- --app FOLDER --out FOLDER]
 *
 * index.html, sw.js, manifest.webmanifest and icons/ keep their names. In index.html the addresses
 * main.js and styles.css become those of assets/app-HASH.js and .css. In sw.js three names are
 * filled in: __VERSION__ (a text, another one whenever any file is another), __PRECACHE__ (all
 * addresses that the page needs beside the runtime) and __WASM__ (those of the runtime's two
 * builds, of which a browser picks one: {relaxedSimd: [...], compat: [...]}).
 *
 * The same sources give the same bytes.
 */

import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';

import { build } from 'esbuild';

const HERE = dirname(fileURLToPath(import.meta.url));
const ROOT = dirname(HERE);
const LITERT = join(HERE, 'node_modules/@litertjs/core');
const CACHE = join(HERE, 'node_modules/.cache/pocketrec');

/**
 * LiteRT.js asks for the compat build where a browser has no relaxed SIMD, else for the plain one
 * (load() in its dist/index.js). The threaded and the JSPI builds are for those who ask for them
 * in loadLiteRt's options, which client/runtime.js does not: 38 MB less to ship.
 */
const WASM = {
  relaxedSimd: ['wasm/litert_wasm_internal.js', 'wasm/litert_wasm_internal.wasm'],
  compat: ['wasm/litert_wasm_compat_internal.js', 'wasm/litert_wasm_compat_internal.wasm'],
};

/** Files of other endings hold compressed pictures. */
const COMPRESSIBLE = ['.css', '.html', '.js', '.svg', '.txt', '.wasm', '.webmanifest'];
const LEAST_COMPRESSED = 1024;

const OPTIONS = {
  bundle: true,
  charset: 'utf8',
  format: 'esm',
  legalComments: 'none', // licences.txt has them
  minify: true,
  target: ['es2022'],
  write: false,
};

const { values: folders } = parseArgs({
  options: {
    app: { type: 'string', default: join(HERE, 'app') },
    out: { type: 'string', default: join(ROOT, 'src/pocketrec/app/static') },
  },
});
await main(folders.app, folders.out);

/**
 * @param {string} app
 * @param {string} out
 */
async function main(app, out) {
  /** @type {Map<string, Buffer>} content by name, relative to the page */
  const files = new Map();
  const page = await bundlePage(app);
  for (const [name, content] of page.files) files.set(name, content);
  files.set('index.html', await fillHtml(join(app, 'index.html'), page.addresses));
  files.set('manifest.webmanifest', await readFile(join(app, 'manifest.webmanifest')));
  for (const name of (await readdir(join(app, 'icons'))).sort()) {
    files.set(`icons/${name}`, await readFile(join(app, 'icons', name)));
  }
  const precache = [...files.keys()].sort();
  for (const name of Object.values(WASM).flat()) {
    files.set(name, await readFile(join(LITERT, name)));
  }
  files.set('sw.js', await bundleWorker(join(app, 'sw.js'), files, precache));
  files.set('pocketrec.js', await bundleOne(join(HERE, 'pocketrec.js')));
  files.set('licences.txt', Buffer.from(await licences()));
  for (const [name, content] of await compressed(files)) files.set(name, content);
  await write(files, out);
  report(files, page.addresses, out);
}

/**
 * Script and styles, with hashes in their names; addresses by the source's name.
 * @param {string} app
 */
async function bundlePage(app) {
  const result = await build({
    ...OPTIONS,
    entryPoints: ['main.js', 'styles.css'].map((name) => ({ in: join(app, name), out: 'app' })),
    entryNames: 'assets/[name]-[hash]',
    outdir: '/',
  });
  const files = result.outputFiles.map((file) => [file.path.slice(1), Buffer.from(file.contents)]);
  const named = (ending) => files.map(([name]) => name).find((name) => name.endsWith(ending));
  return { files, addresses: { 'main.js': named('.js'), 'styles.css': named('.css') } };
}

/**
 * @param {string} path
 * @param {Record<string, string>} addresses
 */
async function fillHtml(path, addresses) {
  let html = await readFile(path, 'utf8');
  for (const [source, address] of Object.entries(addresses)) {
    const parts = html.split(`"${source}"`);
    if (parts.length !== 2) throw new Error(`${path} must name "${source}" once`);
    html = parts.join(`"${address}"`);
  }
  return Buffer.from(html);
}

/**
 * @param {string} path
 * @param {Map<string, Buffer>} files all that the page may load
 * @param {string[]} precache
 */
async function bundleWorker(path, files, precache) {
  const fill = (version) =>
    bundleOne(path, {
      format: 'iife',
      define: {
        __VERSION__: JSON.stringify(version),
        __PRECACHE__: JSON.stringify(precache),
        __WASM__: JSON.stringify(WASM),
      },
    });
  const hash = createHash('sha256').update(await fill(''));
  for (const name of [...files.keys()].sort()) hash.update(name).update(sha256(files.get(name)));
  return fill(hash.digest('hex').slice(0, 16));
}

/**
 * @param {string} path
 * @param {import('esbuild').BuildOptions} [options]
 */
async function bundleOne(path, options = {}) {
  const result = await build({ ...OPTIONS, ...options, entryPoints: [path] });
  return Buffer.from(result.outputFiles[0].contents);
}

/** The licence of everything that is built in here: it is the same one. */
async function licences() {
  const apache = await readFile(join(ROOT, 'LICENSE'), 'utf8');
  const { version } = JSON.parse(await readFile(join(LITERT, 'package.json'), 'utf8'));
  return `The Apache License 2.0, below, covers all files of this page:

- pocketrec: index.html, pocketrec.js, sw.js, manifest.webmanifest, assets/ and icons/.
- LiteRT.js (npm @litertjs/core ${version} and @litertjs/wasm-utils), Copyright Google LLC:
  the files in wasm/, unchanged, and a part of pocketrec.js and assets/. Its sources, and those of
  the libraries that are compiled into its WebAssembly, with the licences of these, are at
  https://github.com/google-ai-edge/LiteRT

A bundle (bundle/) has a licence of its own, which its manifest or its README tells.

${apache}`;
}

/**
 * Each file's .br and .gz, where they are worth it.
 * @param {Map<string, Buffer>} files
 */
async function compressed(files) {
  const worth = [...files].filter(
    ([name, content]) => content.length > LEAST_COMPRESSED && COMPRESSIBLE.includes(extname(name)),
  );
  const brotli = promisify(brotliCompress);
  const zip = promisify(gzip);
  const both = worth.flatMap(([name, content]) => [
    cached(`${name}.br`, content, () =>
      brotli(content, {
        params: {
          [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
          [constants.BROTLI_PARAM_LGWIN]: constants.BROTLI_MAX_WINDOW_BITS,
          [constants.BROTLI_PARAM_SIZE_HINT]: content.length,
        },
      }),
    ),
    cached(`${name}.gz`, content, () => zip(content, { level: constants.Z_BEST_COMPRESSION })),
  ]);
  return Promise.all(both);
}

/**
 * What `compress` gives, kept for the next build: 9 MB of WebAssembly take half a minute.
 * @param {string} name
 * @param {Buffer} content
 * @param {() => Promise<Buffer>} compress
 * @returns {Promise<[string, Buffer]>}
 */
async function cached(name, content, compress) {
  const kept = join(CACHE, `${sha256(content)}${extname(name)}`);
  if (existsSync(kept)) return [name, await readFile(kept)];
  const result = await compress();
  await mkdir(CACHE, { recursive: true });
  const draft = `${kept}.${process.pid}`;
  await writeFile(draft, result);
  await rename(draft, kept); // two builds at once, or a killed one, leave no half file
  return [name, result];
}

/**
 * Write all files and their list; what was at `out` is replaced only then.
 * @param {Map<string, Buffer>} files
 * @param {string} out
 */
async function write(files, out) {
  const draft = `${out}.${process.pid}`;
  await rm(draft, { recursive: true, force: true });
  const list = Object.fromEntries(
    [...files.keys()]
      .sort()
      .map((name) => [name, { bytes: files.get(name).length, sha256: sha256(files.get(name)) }]),
  );
  files.set('build.json', Buffer.from(`${JSON.stringify({ files: list }, null, 1)}\n`));
  for (const [name, content] of files) {
    await mkdir(dirname(join(draft, name)), { recursive: true });
    await writeFile(join(draft, name), content);
  }
  await rm(out, { recursive: true, force: true });
  await rename(draft, out);
}

/**
 * @param {Map<string, Buffer>} files
 * @param {Record<string, string>} addresses
 * @param {string} out
 */
function report(files, addresses, out) {
  const shown = [...Object.values(addresses), 'pocketrec.js', ...Object.values(WASM).flat()];
  for (const name of ['index.html', ...shown]) {
    const bytes = [name, `${name}.br`].map((file) => String(files.get(file)?.length ?? '-'));
    const [plain, br] = bytes.map((text) => text.padStart(9));
    console.log(`${name.padEnd(40)} ${plain} bytes ${br} brotli`);
  }
  console.log(`${files.size} files in ${out}`);
}

/** @param {Buffer} content */
function sha256(content) {
  return createHash('sha256').update(content).digest('hex');
}
