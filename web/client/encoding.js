/**
 * Values of a feature -> rows of its table, as src/pocketrec/encoding.py does it.
 */

import { PocketrecError, shown } from './errors.js';

/** Row of a value that is missing, or that training never saw: it is trained like any other. */
export const MISSING = 0;

/** @typedef {'gap' | 'now' | 'hour' | 'weekday'} TimeFeature */

const TIME_FEATURES = ['gap', 'now', 'hour', 'weekday'];

/** One value, or several at once. */
export class Categories {
  /** @param {string[]} values the n-th, from 1, has row n */
  constructor(values) {
    this.values = values;
    this.rowOf = new Map(values.map((value, place) => [value, place + 1]));
  }

  /** Rows of the feature's table, MISSING included. */
  get rows() {
    return this.values.length + 1;
  }

  /**
   * Rows of the values that training saw, each once, in the order given.
   * @param {unknown} value a string, a number, a boolean or a list of them; null is missing, and
   *   anything else is refused
   * @returns {number[]}
   */
  known(value) {
    const found = new Set();
    for (const text of this.#told(value)) {
      const row = this.rowOf.get(text);
      if (row !== undefined) found.add(row);
    }
    return [...found];
  }

  /**
   * The values that training never saw.
   * @param {unknown} value as of `known`
   */
  unknown(value) {
    return this.#told(value).filter((text) => !this.rowOf.has(text));
  }

  /** @param {unknown} value */
  #told(value) {
    for (const one of Array.isArray(value) ? value : [value]) {
      const plain = ['string', 'number', 'boolean', 'bigint', 'undefined'].includes(typeof one);
      if (!plain && one !== null) {
        throw new PocketrecError('input', `${shown(one)} is neither text nor a number`);
      }
    }
    return texts(value);
  }
}

/** One row for each stretch between two edges, which rise; an edge begins its stretch. */
export class Bins {
  /** @param {number[]} edges */
  constructor(edges) {
    this.edges = edges;
  }

  /** Rows of the feature's table, MISSING included. */
  get rows() {
    return this.edges.length + 2;
  }

  /**
   * The row of a number; none for null, NaN and infinity.
   * @param {unknown} value anything but a number is refused
   * @returns {number[]}
   */
  known(value) {
    if (value === null || value === undefined) return [];
    if (typeof value !== 'number') {
      throw new PocketrecError('input', `${shown(value)} is no number`);
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
 * What an app tells of each event, or of the user, beside item ids: an input of the graph.
 *
 * `slots` is M, the most values at once. `time` says that the value is made of the events' times:
 * "gap" seconds since the event before, "now" seconds until the next event or, for the newest,
 * until the moment of asking; "hour" 0-23 and "weekday" 0-6 from Monday, of the event, in UTC.
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
    /** Name of the tensor: int32 (1, L, M) of events, (1, M) of the user. */
    this.input = `${of}_${name.toLowerCase().replace(/[^a-z0-9]+/g, '_')}`;
  }

  /**
   * How many numbers the rows of a history with so many events are.
   * @param {number} events
   */
  size(events) {
    return this.of === 'event' ? events * this.slots : this.slots;
  }

  /**
   * Write the M rows of a plain value; values unknown to training are as if not given.
   * @param {unknown} value
   * @param {Int32Array} into zeros (MISSING) from `at` on
   * @param {number} at
   */
  write(value, into, at) {
    const known = this.#named(() => this.encoding.known(value));
    for (let slot = 0; slot < this.slots && slot < known.length; slot += 1) {
      into[at + slot] = /** @type {number} */ (known[slot]);
    }
  }

  /**
   * The values of a category that training never saw.
   * @param {unknown} value
   * @returns {string[]}
   */
  unknown(value) {
    const { encoding } = this;
    return encoding instanceof Categories ? this.#named(() => encoding.unknown(value)) : [];
  }

  /**
   * What some work on a value gives, or its refusal with the feature's name.
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
   * The feature that a manifest describes; throws a plain Error for anything else.
   * @param {any} entry
   * @returns {Feature}
   */
  static fromJson(entry) {
    const { name, of, time, slots, rows, encoding: told, ...rest } = entry;
    const { kind, values, edges, ...more } = told;
    const strange = Object.keys({ ...rest, ...more });
    if (
      typeof name !== 'string' ||
      !['event', 'user'].includes(of) ||
      !(time === null || TIME_FEATURES.includes(time)) ||
      strange.length
    ) {
      throw new Error(`feature ${JSON.stringify(name)} is not described as it should be`);
    }
    let encoding;
    if (kind === 'category' && edges === undefined && isListOf(values, 'string')) {
      encoding = new Categories(values);
    } else if (kind === 'bins' && values === undefined && isListOf(edges, 'number')) {
      const rises = edges.every((edge, place) => !place || !(edge < Number(edges[place - 1])));
      if (rises) encoding = new Bins(edges);
    }
    if (!encoding || !Number.isSafeInteger(slots) || slots < 1 || rows !== encoding.rows) {
      throw new Error(`feature ${JSON.stringify(name)} has an encoding that cannot be used`);
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
 * A category's value, or several, as text: 7, 7.0 and "7" are the same one.
 * @param {unknown} value
 * @returns {string[]}
 */
export function texts(value) {
  const found = [];
  for (const one of Array.isArray(value) ? value : [value]) {
    if (typeof one === 'string') found.push(one);
    else if (typeof one === 'boolean' || typeof one === 'bigint') found.push(String(one));
    else if (typeof one === 'number' && !Number.isNaN(one)) found.push(numberText(one));
  }
  return found;
}

/**
 * A number as Python writes it, since that is how training spelled the values.
 * @param {number} value
 */
function numberText(value) {
  if (Number.isInteger(value)) return BigInt(value).toString();
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  if (Math.abs(value) >= 1e-4) return String(value);
  return value.toExponential().replace(/e-(\d)$/, 'e-0$1');
}
