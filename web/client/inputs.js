/**
 * Fills the model's input tensors: histories, feature rows, vectors and states, checked and padded.
 * src/pocketrec/bundle/inputs.py is the same in Python.
 */

import { LARGEST, LARGEST_OF_STATE, NEWEST, PADDING } from './contract.js';
import { PocketrecError } from './errors.js';

/** @import { GraphSpec } from './contract.js' */
/** @import { Feature } from './encoding.js' */
/** @import { Values } from './runtime.js' */

/**
 * Feature rows by input name: M numbers for each event, oldest first, or M numbers of the user.
 * @typedef {Record<string, Int32Array>} Rows
 *
 * One question to the model. Only the newest L events of the history reach the graph.
 * @typedef {object} Query
 * @property {Int32Array} history item indices, oldest first
 * @property {Int32Array} [blocked] item indices that must not be recommended
 * @property {ArrayLike<number> | null} [userVector] D numbers added to the user; none means zero
 * @property {Rows} [rows] of the whole history; a feature without rows counts as missing
 */

/** Fills the inputs of one model's signatures; throws a PocketrecError for invalid values. */
export class Inputs {
  #shapes;
  #features;

  /** @param {Pick<GraphSpec, 'shapes' | 'features'>} spec */
  constructor({ shapes, features }) {
    this.#shapes = shapes;
    this.#features = features;
  }

  /**
   * Inputs of the signatures that read the whole history: its newest L events.
   * @param {Query} query
   * @returns {Values}
   */
  history(query) {
    const { length } = this.#shapes;
    const inputs = this.#common(query);
    for (const feature of this.#features) {
      inputs[feature.input] = padded(this.#rows(feature, query, length), feature.size(length));
    }
    return inputs;
  }

  /**
   * Inputs of `step`, which reads the rows of two events; the newest stands in the last place.
   * @param {Query} query
   * @returns {Values}
   */
  newest(query) {
    const inputs = this.#common(query);
    for (const feature of this.#features) {
      const newest = this.#rows(feature, query, NEWEST);
      const rows = new Int32Array(feature.size(NEWEST));
      rows.set(newest, rows.length - newest.length);
      inputs[feature.input] = rows;
    }
    return inputs;
  }

  /**
   * The first N of these items, which is as many as the graph can mask by name.
   * @param {Int32Array} indices
   */
  blocked(indices) {
    const { blocked } = this.#shapes;
    return padded(indices.subarray(0, blocked), blocked);
  }

  /**
   * One block of at most C candidates, padded to C.
   * @param {Int32Array} indices
   */
  candidates(indices) {
    return padded(indices, this.#shapes.candidates);
  }

  /**
   * A user vector (D); none means zeros, which change nothing.
   * @param {ArrayLike<number> | null | undefined} userVector
   */
  vector(userVector) {
    const { dim } = this.#shapes;
    return numbersOf(userVector ?? new Float32Array(dim), dim, LARGEST, 'userVector');
  }

  /**
   * A state (S) of the encoder.
   * @param {ArrayLike<number>} state
   */
  state(state) {
    return numbersOf(state, this.#shapes.state ?? 0, LARGEST_OF_STATE, 'state');
  }

  /**
   * Throw a PocketrecError unless the catalogue has all of these indices.
   * @param {Iterable<number>} indices
   */
  check(indices) {
    const { items } = this.#shapes;
    for (const index of indices) {
      if (!(index > PADDING && index <= items)) {
        throw new PocketrecError('input', `item indices must lie in 1..${items}`);
      }
    }
  }

  /**
   * The inputs that all signatures on a history share.
   * @param {Query} query
   * @returns {Values}
   */
  #common({ history, userVector }) {
    const { length } = this.#shapes;
    const newest = history.subarray(-length);
    this.check(newest);
    return { item_id: padded(newest, length), user_vector: this.vector(userVector) };
  }

  /**
   * A feature's rows of the newest `most` events, or of the user; empty when the query has none.
   * @param {Feature} feature
   * @param {Query} query
   * @param {number} most
   */
  #rows(feature, query, most) {
    const rows = query.rows?.[feature.input];
    if (!rows) return new Int32Array();
    const last = feature.encoding.rows - 1;
    const size = feature.size(query.history.length);
    const newest = rows.subarray(-feature.size(most));
    if (rows.length !== size || !newest.every((row) => row >= 0 && row <= last)) {
      throw new PocketrecError(
        'input',
        `feature '${feature.name}' must be ${size} rows from 0 to ${last}`,
      );
    }
    return newest;
  }
}

/**
 * Integers, then zeros up to `width`.
 * @param {ArrayLike<number>} values
 * @param {number} width
 */
function padded(values, width) {
  const all = new Int32Array(width);
  all.set(values);
  return all;
}

/**
 * Numbers of an app as float32; throws a PocketrecError for another length or invalid numbers.
 * @param {ArrayLike<number>} values
 * @param {number} width
 * @param {number} largest allowed absolute value
 * @param {string} name for the error
 */
function numbersOf(values, width, largest, name) {
  const numbers = Array.from(values);
  const valid = numbers.every((n) => typeof n === 'number' && Math.abs(n) <= largest);
  if (numbers.length !== width || !valid) {
    throw new PocketrecError(
      'input',
      `${name} must be ${width} numbers from ${-largest} to ${largest}`,
    );
  }
  return Float32Array.from(numbers);
}
