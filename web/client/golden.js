/**
 * Golden vectors: answers to some histories that the export recorded. This browser must give the
 * same answers before the first recommendation, so that wrong kernels are found.
 * src/pocketrec/bundle/golden.py is the same in Python.
 */

import { PocketrecError } from './errors.js';

/** @import { GraphSpec } from './contract.js' */
/** @import { DeviceModel } from './device.js' */
/** @import { Query } from './inputs.js' */

/**
 * Allowed difference of scores between machines, in standard deviations: each quantized kernel
 * rounds activations in its own way.
 * @type {Record<string, number>}
 */
const TOLERANCE = { float32: 1e-3, int8: 0.2, int4: 0.2, pq: 0.2 };

/** Longest golden history that is also replayed step by step: each event costs a call. */
const STEPPED = 10;

/**
 * Throw a plain Error unless the golden vectors fit the graph.
 * @param {Record<string, any>} manifest
 * @param {GraphSpec} spec
 */
export function checkGoldenForm(manifest, { shapes, features }) {
  if (!Object.hasOwn(TOLERANCE, manifest.quantization)) {
    throw new Error(`unknown quantization ${JSON.stringify(manifest.quantization)}`);
  }
  const inputs = features.map((feature) => feature.input).sort();
  for (const { history, features: rows, ids, scores, adapted } of manifest.golden) {
    const known = (/** @type {number} */ index) =>
      Number.isInteger(index) && index >= 1 && index <= shapes.items;
    if (![...history, ...ids].every(known)) {
      throw new Error('an index of a golden vector is not in the catalogue');
    }
    if (Object.keys(rows).sort().join() !== inputs.join()) {
      throw new Error("a golden vector's features are not the model's");
    }
    for (const feature of features) {
      const ofFeature = rows[feature.input].flat();
      const size = feature.size(history.length);
      if (ofFeature.length !== size || !ofFeature.every(Number.isInteger)) {
        throw new Error(`a golden vector has other rows than its feature '${feature.name}'`);
      }
    }
    if (!ids.length || ids.length !== scores.length || adapted.length !== shapes.dim) {
      throw new Error('a golden vector has too few scores or numbers, or too many');
    }
    if (![...scores, ...adapted].every(Number.isFinite)) {
      throw new Error('a golden vector has a number that is not finite');
    }
  }
}

/**
 * Reject with a PocketrecError unless this browser gives the recorded scores and vectors.
 * @param {Record<string, any>} manifest
 * @param {DeviceModel} device
 */
export async function checkGolden(manifest, device) {
  const { shapes, features } = device.spec;
  const golden = /** @type {any[]} */ (manifest.golden);
  const tolerance = /** @type {number} */ (TOLERANCE[manifest.quantization]);
  const limit = (/** @type {'scores' | 'adapted'} */ name) =>
    tolerance * spread(golden.flatMap((vector) => vector[name])) + 1e-5;
  const limits = { scores: limit('scores'), adapted: limit('adapted') };
  for (const vector of golden) {
    const rows = Object.fromEntries(
      features.map((f) => [f.input, Int32Array.from(vector.features[f.input].flat())]),
    );
    /** @type {Query} */
    const query = { history: Int32Array.from(vector.history), rows };
    const ids = Int32Array.from(vector.ids);
    compare('scores', await device.score(query, ids), vector.scores, limits.scores);
    const list = await device.recommend(query, ids.length);
    compare('scores', list.scores, vector.scores, limits.scores);
    if (device.steps && query.history.length <= Math.min(STEPPED, shapes.length)) {
      const [state] = await device.states(query);
      const { ranking } = await device.step(state, query, ids.length);
      compare('scores', ranking.scores, vector.scores, limits.scores);
    }
    // The export recorded the user vector after a like of the first item and a dislike of the second.
    const few = ids.subarray(0, Math.min(2, shapes.candidates));
    const adapted = await device.adapt(few, [1, -1].slice(0, few.length), { learningRate: 1 });
    compare('adapted', adapted, vector.adapted, limits.adapted);
  }
}

/**
 * @param {string} name
 * @param {Float32Array} computed
 * @param {number[]} recorded
 * @param {number} limit
 */
function compare(name, computed, recorded, limit) {
  const worst = Math.max(...recorded.map((value, n) => Math.abs(value - Number(computed[n]))));
  if (!(worst <= limit)) {
    throw new PocketrecError(
      'runtime',
      `the model does not answer a golden history as it did where it was made (${name} differ by ` +
        `${worst.toPrecision(3)}): this browser's kernels compute something else`,
    );
  }
}

/**
 * Standard deviation.
 * @param {number[]} values
 */
function spread(values) {
  if (!values.length) return 0;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
}
