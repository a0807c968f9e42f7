/**
 * LiteRT.js, with its silent failures made loud: load it once, compile models, run signatures.
 *
 * When inference fails inside the WebAssembly, LiteRT.js resolves with whatever the memory held
 * and only prints a line that starts with ERROR. So each line is caught here, runs wait for each
 * other (a line does not say whose it is), and a run that printed an error rejects.
 */

import { Tensor, loadAndCompile, loadLiteRt } from '@litertjs/core';

import { contractBreach } from './contract.js';
import { PocketrecError } from './errors.js';

/** @import { CompiledModel } from '@litertjs/core' */
/** @import { SignatureSpec, TensorSpecs } from './contract.js' */

/**
 * Values by tensor's name.
 * @typedef {Record<string, Int32Array | Float32Array>} Values
 */

/** @type {Promise<unknown> | undefined} */
let loading;

/** @type {Promise<unknown>} */
let lastTask = Promise.resolve();

/** What the WebAssembly printed since the last task began. */
let printed = /** @type {string[]} */ ([]);

/** After a trap nothing in the WebAssembly's memory can be relied on. */
let trapped = false;

/**
 * Load the runtime; the first call's folder counts, and later calls wait for the same loading.
 *
 * @param {string | URL} wasm address of the folder with LiteRT.js's wasm/ files
 * @returns {Promise<unknown>} rejects with a PocketrecError when a file did not arrive
 */
export function loadRuntime(wasm) {
  loading ??= load(new URL(wasm, globalThis.document?.baseURI).href).catch((error) => {
    loading = undefined; // the next call may find the network again
    throw error;
  });
  return loading;
}

/** @param {string} folder */
async function load(folder) {
  const print = (/** @type {string} */ line) => printed.push(line);
  // LiteRT.js hands this object to the WebAssembly's loader, and has no argument for it.
  /** @type {any} */ (globalThis.self).Module = { printErr: print, print };
  try {
    await loadLiteRt(folder);
  } catch (cause) {
    const why = cause instanceof Error ? ` (${cause.message})` : ''; // a script's is an Event
    throw new PocketrecError(
      'network',
      `the runtime did not arrive from '${folder}'${why}: check the connection and try again`,
      { cause },
    );
  }
}

/** A compiled model. */
export class RuntimeModel {
  /**
   * @param {CompiledModel} compiled
   * @param {Record<string, SignatureSpec>} specs
   */
  constructor(compiled, specs) {
    this.compiled = compiled;
    this.specs = specs;
    this.closed = false;
  }

  /**
   * Compile a model, whose signatures must be those expected.
   *
   * @param {Uint8Array} bytes of a .tflite file
   * @param {Record<string, SignatureSpec>} specs
   * @returns {Promise<RuntimeModel>}
   */
  static load(bytes, specs) {
    return inTurn('load the model', async () => {
      // Where there is a graphics processor LiteRT.js would pick it, and small models run slower.
      const compiled = await loadAndCompile(bytes, { accelerator: 'wasm' });
      const breach = failure() ?? contractBreach(signaturesOf(compiled), specs);
      if (breach) {
        compiled.delete();
        throw new PocketrecError('bundle', `the runtime cannot load the model: ${breach}`);
      }
      return new RuntimeModel(compiled, specs);
    });
  }

  /**
   * Run one signature; no tensor outlives the call.
   *
   * @param {string} name
   * @param {Values} inputs flat, of the sizes that the signature has
   * @returns {Promise<Values>}
   */
  run(name, inputs) {
    return inTurn(`run '${name}'`, async () => {
      if (this.closed) {
        throw new PocketrecError('runtime', 'the recommender was closed: open it again');
      }
      const runner = /** @type {any} */ (this.compiled.signatures[name]);
      const spec = /** @type {SignatureSpec} */ (this.specs[name]);
      /** @type {Record<string, Tensor>} */
      const feed = {};
      /** @type {Record<string, Tensor>} */
      let results = {};
      try {
        for (const [input, { shape }] of Object.entries(spec.inputs)) {
          feed[input] = new Tensor(/** @type {any} */ (inputs[input]), shape);
        }
        results = await runner.run(feed);
        const error = failure();
        if (error) throw new Error(error);
        return Object.fromEntries(
          Object.keys(spec.outputs).map((output) => [
            output,
            /** @type {any} */ (results[output]).toTypedArray(),
          ]),
        );
      } finally {
        for (const tensor of [...Object.values(feed), ...Object.values(results)]) tensor.delete();
      }
    });
  }

  /** Free the model's memory, once what was asked before is answered. */
  close() {
    return inTurn('close the model', async () => {
      if (!this.closed) this.compiled.delete();
      this.closed = true;
    });
  }
}

/**
 * Do a task when all earlier ones are done, and name it in the error when it fails.
 * @template T
 * @param {string} what
 * @param {() => Promise<T>} task
 * @returns {Promise<T>}
 */
function inTurn(what, task) {
  const result = lastTask.then(async () => {
    if (trapped) {
      throw new PocketrecError('runtime', 'the runtime broke down earlier: reload the page');
    }
    printed = [];
    try {
      return await task();
    } catch (cause) {
      if (cause instanceof PocketrecError) throw cause;
      if (cause instanceof WebAssembly.RuntimeError) trapped = true;
      const told = failure() ?? /** @type {Error} */ (cause).message;
      throw new PocketrecError('runtime', `the runtime could not ${what}: ${told}`, { cause });
    }
  });
  lastTask = result.catch(() => {});
  return result;
}

/** The first error that the WebAssembly printed during this task, if any. */
function failure() {
  return printed.find((line) => line.startsWith('ERROR'));
}

/**
 * What a compiled model says that its signatures are.
 * @param {CompiledModel} compiled
 * @returns {Record<string, SignatureSpec>}
 */
function signaturesOf(compiled) {
  return Object.fromEntries(
    Object.entries(compiled.signatures).map(([name, runner]) => [
      name,
      { inputs: specsOf(runner.getInputDetails()), outputs: specsOf(runner.getOutputDetails()) },
    ]),
  );
}

/**
 * @param {readonly {name: string, dtype: string, shape: Int32Array}[]} details
 * @returns {TensorSpecs}
 */
function specsOf(details) {
  return Object.fromEntries(
    details.map(({ name, dtype, shape }) => [name, { dtype, shape: [...shape] }]),
  );
}
