/**
 * Golden vectors: what the exporter's machine answered to some histories. They are answered here
 * again before the first recommendation, so that kernels which compute something else are found.
 */

import { PocketrecError } from './errors.js';

/** @import { Shapes } from './contract.js' */
/** @import { DeviceModel } from './device.js' */
/** @import { Feature } from './encoding.js' */

/**
 * By how much scores may differ between machines' kernels, in units of their spread. Quantized
 * kernels round activations each in their own way.
 * @type {Record<string, number>}
 */
const TOLERANCE = { float32: 1e-3, int8: 0.2, int4: 0.2, pq: 0.2 };

/**
 * Events of the longest golden history that is gone through step by step as well, which costs a
 * call of the model each.
 */
const STEPPED = 10;

/**
 * Throw a plain Error unless the golden vectors are such as an export gives.
 * @param {Record<string, any>} manifest
 * @param {Shapes} shapes
 * @param {readonly Feature[]} features
 */
export function checkGoldenForm(manifest, shapes, features) {
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
      throw new Error("a golden vector is not of the model's features");
    }
    for (const feature of features) {
      const found = rows[feature.input].flat();
      if (found.length !== feature.size(history.length) || !found.every(Number.isInteger)) {
        throw new Error(`a golden vector has other rows than its feature '${feature.name}'`);
      }
    }
    if (!ids.length || ids.length !== scores.length || adapted.length !== shapes.dim) {
      throw new Error('a golden vector has too few scores or numbers, or too many');
    }
    if (![...scores, ...adapted].every(Number.isFinite)) {
      throw new Error('a golden vector has scores or numbers that are none');
    }
  }
}

/**
 * Reject with a PocketrecError unless this browser's kernels give the recorded scores and vectors.
 * @param {Record<string, any>} manifest
 * @param {DeviceModel} device
 */
export async function checkGolden(manifest, device) {
  const golden = /** @type {any[]} */ (manifest.golden);
  const tolerance = /** @type {number} */ (TOLERANCE[manifest.quantization]);
  const limit = (/** @type {'scores' | 'adapted'} */ name) =>
    tolerance * spread(golden.flatMap((vector) => vector[name])) + 1e-5;
  const limits = { scores: limit('scores'), adapted: limit('adapted') };
  for (const vector of golden) {
    const rows = Object.fromEntries(
      device.features.map((f) => [f.input, Int32Array.from(vector.features[f.input].flat())]),
    );
    const history = Int32Array.from(vector.history);
    const ids = Int32Array.from(vector.ids);
    const scores = await device.score(history, ids, { rows });
    compare('scores', scores, vector.scores, limits.scores);
    const list = await device.recommend(history, { k: ids.length, rows });
    compare('scores', list.scores, vector.scores, limits.scores);
    if (device.steps && history.length <= Math.min(STEPPED, device.shapes.length)) {
      // The same list again, come to event by event.
      const [state] = await device.states(history, rows);
      const { ranking } = await device.step(state, history, { k: ids.length, rows });
      compare('scores', ranking.scores, vector.scores, limits.scores);
    }
    // Recorded is the user vector after the first of them was liked, and the second disliked.
    const few = ids.subarray(0, Math.min(2, device.shapes.candidates));
    const adapted = await device.adapt(few, [1, -1].slice(0, few.length), { learningRate: 1 });
    compare('adapted', adapted, vector.adapted, limits.adapted);
  }
}

/**
 * @param {string} name
 * @param {Float32Array} found
 * @param {number[]} recorded
 * @param {number} limit
 */
function compare(name, found, recorded, limit) {
  const worst = Math.max(...recorded.map((value, n) => Math.abs(value - Number(found[n]))));
  if (!(worst <= limit)) {
    throw new PocketrecError(
      'runtime',
      `the model answers a golden history otherwise than where it was made (${name} differ by ` +
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
