/**
 * Wraps LiteRT.js: loads it once, compiles models, runs signatures, and turns its silent failures
 * into errors.
 *
 * When inference fails inside the WebAssembly, LiteRT.js resolves with stale memory and only prints
 * a line that starts with ERROR. So every line is collected here, runs wait for each other (a line
 * does not name its run), and a run that printed an error rejects.
 */

import { loadAndCompile, loadLiteRt, Tensor } from '@litertjs/core';

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

/** Lines that the WebAssembly printed since the last task began. */
let printed = /** @type {string[]} */ ([]);

/** Whether the WebAssembly trapped: its memory cannot be trusted afterwards. */
let trapped = false;

/**
 * Load the runtime. Later calls wait for the first one and ignore their folder.
 *
 * @param {string | URL} wasm address of the folder with LiteRT.js's wasm/ files
 * @returns {Promise<unknown>} rejects with a PocketrecError when a file did not arrive
 */
export function loadRuntime(wasm) {
  loading ??= load(new URL(wasm, globalThis.document?.baseURI).href).catch((error) => {
    loading = undefined; // the network may be back at the next call
    throw error;
  });
  return loading;
}

/** @param {string} folder */
async function load(folder) {
  const print = (/** @type {string} */ line) => printed.push(line);
  // LiteRT.js passes this global to the WebAssembly's loader; it has no argument for it.
  /** @type {any} */ (globalThis.self).Module = { printErr: print, print };
  try {
    await loadLiteRt(folder);
  } catch (cause) {
    const why = cause instanceof Error ? ` (${cause.message})` : ''; // a script that fails rejects with an Event
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
   * Compile a model; its signatures must be the expected ones.
   *
   * @param {Uint8Array} bytes of a .tflite file
   * @param {Record<string, SignatureSpec>} specs
   * @returns {Promise<RuntimeModel>}
   */
  static load(bytes, specs) {
    return inTurn('load the model', async () => {
      // LiteRT.js would choose a graphics processor, on which small models run slower.
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
   * Run one signature and free its tensors.
   *
   * @param {string} name
   * @param {Values} inputs flat, each with the size of its tensor
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
      const tensors = {};
      /** @type {Record<string, Tensor>} */
      let results = {};
      try {
        for (const [input, { shape }] of Object.entries(spec.inputs)) {
          tensors[input] = new Tensor(/** @type {any} */ (inputs[input]), shape);
        }
        results = await runner.run(tensors);
        const error = failure();
        if (error) throw new Error(error);
        return Object.fromEntries(
          Object.keys(spec.outputs).map((output) => [
            output,
            /** @type {any} */ (results[output]).toTypedArray(),
          ]),
        );
      } finally {
        for (const tensor of [...Object.values(tensors), ...Object.values(results)]) {
          tensor.delete();
        }
      }
    });
  }

  /** Free the model's memory once earlier calls are answered. */
  close() {
    return inTurn('close the model', async () => {
      if (!this.closed) this.compiled.delete();
      this.closed = true;
    });
  }
}

/**
 * Run a task after all earlier ones; when it fails, the error names it.
 * @template T
 * @param {string} what
 * @param {() => Promise<T>} task
 * @returns {Promise<T>}
 */
function inTurn(what, task) {
  const result = lastTask.then(async () => {
    if (trapped) {
      throw new PocketrecError('runtime', 'the runtime crashed earlier: reload the page');
    }
    printed = [];
    try {
      return await task();
    } catch (cause) {
      if (cause instanceof PocketrecError) throw cause;
      if (cause instanceof WebAssembly.RuntimeError) trapped = true;
      const reason = failure() ?? /** @type {Error} */ (cause).message;
      throw new PocketrecError('runtime', `the runtime could not ${what}: ${reason}`, { cause });
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
 * The signatures of a compiled model.
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
