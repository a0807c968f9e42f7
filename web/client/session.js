/**
 * One user whose events come one by one. src/pocketrec/runtime/session.py is the same in Python.
 */

import { NEWEST } from './contract.js';
import { checkOrder, checkValues, encodeInputs, seconds } from './events.js';

/** @import { Catalogue, History, Recommendation } from './catalogue.js' */
/** @import { DeviceModel } from './device.js' */
/** @import { Event, ItemId } from './events.js' */
/** @import { Query, Rows } from './inputs.js' */
/** @import { Context } from './recommender.js' */

/**
 * Options of `Recommender.recommend`, without the user: the session has one.
 * @typedef {{k?: number, blocked?: Iterable<ItemId>, strict?: boolean} & Omit<Context, 'user'>} Options
 *
 * Everything that a session keeps; each call replaces it as a whole.
 * @typedef {object} Kept
 * @property {Event[]} events of known items
 * @property {Int32Array} indices
 * @property {Rows} rows of the whole history
 * @property {readonly [Float32Array, Float32Array]} states before the newest two events, and before
 *   the newest; a new event continues from the second, a repeated request from the first
 */

/**
 * A user's history, and the list after each event, as `recommend` gives it.
 *
 * When the model has the signature `step`, a tap costs two events, however long the history;
 * otherwise it costs a call of `recommend`. With `step` a session also remembers events older than
 * the newest L, which `recommend` ignores. A refused call changes nothing. Calls are answered in
 * order.
 */
export class Session {
  #device;
  #catalogue;
  #user;
  /** @type {Kept} */
  #kept;
  /** @type {Promise<unknown>} */
  #last = Promise.resolve();

  /**
   * Use `Recommender.session` instead.
   * @param {DeviceModel} device
   * @param {Catalogue} catalogue
   * @param {Context['user']} user
   * @param {Kept} kept
   */
  constructor(device, catalogue, user, kept) {
    this.#device = device;
    this.#catalogue = catalogue;
    this.#user = user;
    this.#kept = kept;
  }

  /**
   * Start the session of a user with a history.
   * @param {DeviceModel} device
   * @param {Catalogue} catalogue
   * @param {History} history
   * @param {{user?: Context['user'], strict?: boolean}} options
   */
  static async begin(device, catalogue, history, { user = null, strict = false }) {
    const { features } = device.spec;
    const events = catalogue.events(history, strict).map((event) => ({ ...event }));
    const rows = encodeInputs(features, events, user);
    if (strict) checkValues(features, events, user);
    const indices = catalogue.indicesOf(events);
    const states = await device.states({ history: indices, rows });
    return new Session(device, catalogue, user && { ...user }, { events, indices, rows, states });
  }

  /**
   * The events of known items, oldest first; a new session can start from them.
   * @returns {Event[]}
   */
  get history() {
    return this.#kept.events.map((event) => ({ ...event }));
  }

  /**
   * The best k items after one more event. An unknown item is ignored, or refused when `strict`.
   * @param {ItemId | Event} event
   * @param {Options} [options]
   * @returns {Promise<Recommendation[]>}
   */
  tap(event, options = {}) {
    return this.#inTurn(() => this.#recommend([event], options));
  }

  /**
   * The best k items without another event.
   * @param {Options} [options]
   * @returns {Promise<Recommendation[]>}
   */
  recommend(options = {}) {
    return this.#inTurn(() => this.#recommend([], options));
  }

  /**
   * The list after a new event, or after none. The session changes only when all went well.
   * @param {History} added
   * @param {Options} options
   */
  async #recommend(added, { k = 10, blocked = [], now = null, userVector, strict = false }) {
    const [device, catalogue] = [this.#device, this.#catalogue];
    catalogue.checkCount(k);
    const fresh = catalogue.events(added, strict).map((event) => ({ ...event }));
    const { events: before, states } = this.#kept;
    const events = [...before, ...fresh];
    checkOrder([...events.map(({ time }) => seconds(time)), seconds(now)]);
    const rows = this.#rowsOf(events, now);
    if (strict) checkValues(device.spec.features, fresh);
    const indices = new Int32Array(events.length);
    indices.set(this.#kept.indices);
    indices.set(catalogue.indicesOf(fresh), before.length);
    /** @type {Query} */
    const query = { history: indices, userVector, rows };
    query.blocked = catalogue.indices(blocked, 'blocked', strict);
    if (!device.steps) {
      const lines = catalogue.lines(await device.recommend(query, k));
      this.#kept = { events, indices, rows, states };
      return lines;
    }
    const from = states[fresh.length ? 1 : 0];
    const { state, ranking } = await device.step(from, query, k);
    this.#kept = { events, indices, rows, states: [from, state] };
    return catalogue.lines(ranking);
  }

  /**
   * Rows of the whole history; only those of the newest two events are encoded again.
   *
   * The gap of the older one depends on the event before it, so three events are encoded.
   *
   * @param {Event[]} events
   * @param {Context['now']} now
   * @returns {Rows}
   */
  #rowsOf(events, now) {
    const newest = events.slice(-NEWEST - 1);
    const first = events.length - newest.length + 1;
    const { features } = this.#device.spec;
    const rows = encodeInputs(features, newest, this.#user, now, first);
    for (const { input, of, slots } of features) {
      if (of !== 'event') continue;
      const all = new Int32Array(slots * events.length);
      const fresh = /** @type {Int32Array} */ (rows[input]).subarray(-slots * NEWEST);
      const kept = /** @type {Int32Array} */ (this.#kept.rows[input]);
      all.set(kept.subarray(0, all.length - fresh.length));
      all.set(fresh, all.length - fresh.length);
      rows[input] = all;
    }
    return rows;
  }

  /**
   * Run a task after all earlier ones, whether they succeeded or failed.
   * @template T
   * @param {() => Promise<T>} task
   * @returns {Promise<T>}
   */
  #inTurn(task) {
    const result = this.#last.then(task);
    this.#last = result.catch(() => {});
    return result;
  }
}
