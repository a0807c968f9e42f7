/**
 * Checks what a model answered before it is returned: rankings and vectors.
 */

import { LARGEST_OF_STATE, MASKED, PADDING } from './contract.js';
import { PocketrecError } from './errors.js';

/** @import { Shapes } from './contract.js' */
/** @import { Values } from './runtime.js' */

/**
 * Item indices and their ranking scores, best first.
 * @typedef {{ids: Int32Array, scores: Float32Array}} Ranking
 */

/**
 * The list in a signature's outputs, without masked items and without excluded ones.
 *
 * @param {string} signature
 * @param {Values} outputs
 * @param {Shapes} shapes
 * @param {Int32Array} excluded item indices; the graph was given only the first N
 * @returns {Ranking}
 */
export function rankingOf(signature, { ids, scores: numbers }, shapes, excluded) {
  const { results, items, blocked } = shapes;
  const scores = numbersOf(signature, numbers, results);
  const firstMasked = scores.findIndex((score) => score <= MASKED / 2);
  const count = firstMasked < 0 ? results : firstMasked;
  const list = /** @type {Int32Array} */ (ids).subarray(0, count);
  const valid =
    scores.every((score, place) => !place || score <= Number(scores[place - 1])) &&
    list.every((index) => index > PADDING && index <= items) &&
    new Set(list).size === count;
  if (!valid) throw invalidAnswer(signature);
  const unmasked = new Set(excluded.subarray(blocked));
  return {
    ids: list.filter((index) => !unmasked.has(index)),
    scores: scores.subarray(0, count).filter((_, place) => !unmasked.has(Number(list[place]))),
  };
}

/**
 * An encoder's state (S) in a signature's outputs.
 *
 * @param {string} signature
 * @param {Values} outputs
 * @param {Shapes} shapes
 */
export function stateOf(signature, outputs, { state: size = 0 }) {
  const state = numbersOf(signature, outputs.state, size);
  if (!state.every((number) => Math.abs(number) <= LARGEST_OF_STATE)) {
    throw invalidAnswer(signature);
  }
  return state;
}

/**
 * An output of `size` finite numbers.
 *
 * @param {string} signature
 * @param {Values[string] | undefined} numbers
 * @param {number} size
 * @returns {Float32Array}
 */
export function numbersOf(signature, numbers, size) {
  const valid = numbers instanceof Float32Array && numbers.length === size;
  if (!valid || !numbers.every(Number.isFinite)) throw invalidAnswer(signature);
  return numbers;
}

/** @param {string} signature */
function invalidAnswer(signature) {
  return new PocketrecError(
    'runtime',
    `the runtime gave an invalid answer to '${signature}': reload the page`,
  );
}
