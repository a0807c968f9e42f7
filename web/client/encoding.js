/**
 * Encodes feature values as rows of the feature's table. src/pocketrec/features/encoding.py is the
 * same in Python.
 */

import { PocketrecError, shown } from './errors.js';

/** Row of a missing value, and of one that training never saw; it is trained like any other row. */
export const MISSING = 0;

/** @typedef {'gap' | 'now' | 'hour' | 'weekday'} TimeFeature */

const TIME_FEATURES = ['gap', 'now', 'hour', 'weekday'];

/** The encoding of categories; an event or user may have several at once. */
export class Categories {
  /** @param {string[]} values value n, counted from 1, has row n */
  constructor(values) {
    this.values = values;
    this.rowOf = new Map(values.map((value, place) => [value, place + 1]));
  }

  /** Number of rows in the feature's table, MISSING included. */
  get rows() {
    return this.values.length + 1;
  }

  /**
   * Rows of the values that training saw, each once, in their order.
   * @param {unknown} value a string, a number, a boolean or a list of them; null is missing, and
   *   anything else is refused
   * @returns {number[]}
   */
  known(value) {
    const rows = new Set();
    for (const text of this.#texts(value)) {
      const row = this.rowOf.get(text);
      if (row !== undefined) rows.add(row);
    }
    return [...rows];
  }

  /**
   * The values that training never saw.
   * @param {unknown} value as in `known`
   */
  unknown(value) {
    return this.#texts(value).filter((text) => !this.rowOf.has(text));
  }

  /** @param {unknown} value */
  #texts(value) {
    for (const one of Array.isArray(value) ? value : [value]) {
      const plain = ['string', 'number', 'boolean', 'bigint', 'undefined'].includes(typeof one);
      if (!plain && one !== null) {
        throw new PocketrecError('input', `${shown(one)} is neither text nor a number`);
      }
    }
    return texts(value);
  }
}

/** The encoding of numbers: one row for each bin between rising edges; a bin includes its lower edge. */
export class Bins {
  /** @param {number[]} edges */
  constructor(edges) {
    this.edges = edges;
  }

  /** Number of rows in the feature's table, MISSING included. */
  get rows() {
    return this.edges.length + 2;
  }

  /**
   * The row of a number; empty for null, NaN and infinity.
   * @param {unknown} value anything but a number is refused
   * @returns {number[]}
   */
  known(value) {
    if (value === null || value === undefined) return [];
    if (typeof value !== 'number') {
      throw new PocketrecError('input', `${shown(value)} is not a number`);
    }
    if (!Number.isFinite(value)) return [];
    let [low, high] = [0, this.edges.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (value < /** @type {number} */ (this.edges[middle])) high = middle;
      else low = middle + 1;
    }
    return [1 + low];
  }
}

/**
 * One feature of events or of the user: an input of the graph beside the item ids.
 *
 * `slots` is M, the largest number of values at once. A time feature is computed from the events'
 * times: "gap" is the seconds since the event before, "now" the seconds until the next event or,
 * for the newest event, until the request; "hour" (0-23) and "weekday" (0-6 from Monday) are in UTC.
 */
export class Feature {
  /**
   * @param {string} name
   * @param {'event' | 'user'} of
   * @param {Categories | Bins} encoding
   * @param {number} slots
   * @param {TimeFeature | null} time
   */
  constructor(name, of, encoding, slots, time) {
    this.name = name;
    this.of = of;
    this.encoding = encoding;
    this.slots = slots;
    this.time = time;
    /** Name of the input tensor: int32 (1, L, M) for events, (1, M) for the user. */
    this.input = `${of}_${name.toLowerCase().replace(/[^a-z0-9]+/g, '_')}`;
  }

  /**
   * Numbers in the rows of that many events; M for a user feature.
   * @param {number} events
   */
  size(events) {
    return this.of === 'event' ? events * this.slots : this.slots;
  }

  /**
   * Write the M rows of a value; values that training never saw count as missing.
   * @param {unknown} value
   * @param {Int32Array} into holds zeros (MISSING) from `at` on
   * @param {number} at
   */
  write(value, into, at) {
    const known = this.#named(() => this.encoding.known(value));
    for (let slot = 0; slot < this.slots && slot < known.length; slot += 1) {
      into[at + slot] = /** @type {number} */ (known[slot]);
    }
  }

  /**
   * The values that training never saw; a number never is one.
   * @param {unknown} value
   * @returns {string[]}
   */
  unknown(value) {
    const { encoding } = this;
    return encoding instanceof Categories ? this.#named(() => encoding.unknown(value)) : [];
  }

  /**
   * Run some work on a value; an error names the feature.
   * @template T
   * @param {() => T} work
   * @returns {T}
   */
  #named(work) {
    try {
      return work();
    } catch (error) {
      if (!(error instanceof PocketrecError)) throw error;
      throw new PocketrecError('input', `feature '${this.name}': ${error.message}`);
    }
  }

  /**
   * Read a feature of a manifest; throws a plain Error for an invalid entry.
   * @param {any} entry
   * @returns {Feature}
   */
  static fromJson(entry) {
    const { name, of, time, slots, rows, encoding: described, ...rest } = entry;
    const { kind, values, edges, ...more } = described;
    const unknownKeys = Object.keys({ ...rest, ...more });
    if (
      typeof name !== 'string' ||
      !['event', 'user'].includes(of) ||
      !(time === null || TIME_FEATURES.includes(time)) ||
      unknownKeys.length
    ) {
      throw new Error(`feature ${JSON.stringify(name)} is not described as the format requires`);
    }
    let encoding;
    if (kind === 'category' && edges === undefined && isListOf(values, 'string')) {
      encoding = new Categories(values);
    } else if (kind === 'bins' && values === undefined && isListOf(edges, 'number')) {
      const rises = edges.every((edge, place) => !place || !(edge < Number(edges[place - 1])));
      if (rises) encoding = new Bins(edges);
    }
    if (!encoding || !Number.isSafeInteger(slots) || slots < 1 || rows !== encoding.rows) {
      throw new Error(`feature ${JSON.stringify(name)} has an invalid encoding`);
    }
    return new Feature(name, of, encoding, slots, time);
  }
}

/**
 * @template {'string' | 'number'} T
 * @param {unknown} list
 * @param {T} type
 * @returns {list is (T extends 'string' ? string[] : number[])}
 */
function isListOf(list, type) {
  return Array.isArray(list) && list.every((one) => typeof one === type);
}

/**
 * Category values as text: 7, 7.0 and "7" are the same.
 * @param {unknown} value
 * @returns {string[]}
 */
export function texts(value) {
  const all = [];
  for (const one of Array.isArray(value) ? value : [value]) {
    if (typeof one === 'string') all.push(one);
    else if (typeof one === 'boolean' || typeof one === 'bigint') all.push(String(one));
    else if (typeof one === 'number' && !Number.isNaN(one)) all.push(numberText(one));
  }
  return all;
}

/**
 * A number as Python writes it: training read the values as Python's text.
 * @param {number} value
 */
function numberText(value) {
  if (Number.isInteger(value)) return BigInt(value).toString();
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  if (Math.abs(value) >= 1e-4) return String(value);
  return value.toExponential().replace(/e-(\d)$/, 'e-0$1');
}
