/**
 * One user whose events come one by one; src/pocketrec/runtime/session.py is the same in Python.
 */

import { NEWEST } from './contract.js';
import { checkOrder, checkValues, encodeInputs, seconds } from './inputs.js';

/** @import { Catalogue, History, Recommendation } from './catalogue.js' */
/** @import { DeviceModel } from './device.js' */
/** @import { Event, ItemId, Rows } from './inputs.js' */
/** @import { Context } from './recommender.js' */

/**
 * Those of `Recommender.recommend`, but for the user, whom the session knows.
 * @typedef {{k?: number, blocked?: Iterable<ItemId>, strict?: boolean} & Omit<Context, 'user'>} Asked
 *
 * All that is remembered; every event makes a new one. `states` are those before the newest two
 * events and before the newest: which of them is asked from depends on whether an event comes.
 * @typedef {object} Remembered
 * @property {Event[]} events of known items
 * @property {Int32Array} indices
 * @property {Rows} rows of the whole history
 * @property {readonly [Float32Array, Float32Array]} states
 */

/**
 * A user's history, and the list after each event: the one that `recommend` gives of it.
 *
 * Where the model has the signature `step`, a tap costs two events, whatever the history; else a
 * call of `recommend`. With `step` a session remembers its events beyond the newest L too, which
 * `recommend` does not look at. What is refused changes nothing. Calls are answered in turn.
 */
export class Session {
  #device;
  #catalogue;
  #user;
  /** @type {Remembered} */
  #remembered;
  /** @type {Promise<unknown>} */
  #last = Promise.resolve();

  /**
   * `Recommender.session` makes one.
   * @param {DeviceModel} device
   * @param {Catalogue} catalogue
   * @param {Context['user']} user
   * @param {Remembered} remembered
   */
  constructor(device, catalogue, user, remembered) {
    this.#device = device;
    this.#catalogue = catalogue;
    this.#user = user;
    this.#remembered = remembered;
  }

  /**
   * The session of a user with a history.
   * @param {DeviceModel} device
   * @param {Catalogue} catalogue
   * @param {History} history
   * @param {{user?: Context['user'], strict?: boolean}} options
   */
  static async begin(device, catalogue, history, { user = null, strict = false }) {
    const events = catalogue.events(history, strict).map((event) => ({ ...event }));
    const rows = encodeInputs(device.features, events, user);
    if (strict) checkValues(device.features, events, user);
    const indices = catalogue.indicesOf(events);
    const states = await device.states(indices, rows);
    return new Session(device, catalogue, user && { ...user }, { events, indices, rows, states });
  }

  /**
   * The events of known items, oldest first: all that is needed to begin again.
   * @returns {Event[]}
   */
  get history() {
    return this.#remembered.events.map((event) => ({ ...event }));
  }

  /**
   * The best k items after one more event. That of an unknown item is ignored, or refused when
   * `strict`.
   * @param {ItemId | Event} event
   * @param {Asked} [options]
   * @returns {Promise<Recommendation[]>}
   */
  tap(event, options = {}) {
    return this.#inTurn(() => this.#ask([event], options));
  }

  /**
   * The best k items as of now, without another event.
   * @param {Asked} [options]
   * @returns {Promise<Recommendation[]>}
   */
  recommend(options = {}) {
    return this.#inTurn(() => this.#ask([], options));
  }

  /**
   * The list after a new event, or none; what is remembered changes when all went well.
   * @param {History} added
   * @param {Asked} options
   */
  async #ask(added, { k = 10, blocked = [], now = null, userVector, strict = false }) {
    const [device, catalogue] = [this.#device, this.#catalogue];
    catalogue.checkCount(k);
    const fresh = catalogue.events(added, strict).map((event) => ({ ...event }));
    const { events: before, states } = this.#remembered;
    const events = [...before, ...fresh];
    checkOrder([...events.map(({ time }) => seconds(time)), seconds(now)]);
    const rows = this.#rowsOf(events, now);
    if (strict) checkValues(device.features, fresh);
    const indices = new Int32Array(events.length);
    indices.set(this.#remembered.indices);
    indices.set(catalogue.indicesOf(fresh), before.length);
    const hidden = catalogue.indices(blocked, 'blocked', strict);
    const told = { k, blocked: hidden, userVector, rows };
    if (!device.steps) {
      const lines = catalogue.lines(await device.recommend(indices, told));
      this.#remembered = { events, indices, rows, states };
      return lines;
    }
    const from = states[fresh.length ? 1 : 0];
    const { state, ranking } = await device.step(from, indices, told);
    this.#remembered = { events, indices, rows, states: [from, state] };
    return catalogue.lines(ranking);
  }

  /**
   * Rows of the whole history, of which those of the newest two events may be new.
   *
   * The gap of the older of them is seen from the event before it, so three are encoded.
   *
   * @param {Event[]} events
   * @param {Context['now']} now
   * @returns {Rows}
   */
  #rowsOf(events, now) {
    const newest = events.slice(-NEWEST - 1);
    const first = events.length - newest.length + 1;
    const found = encodeInputs(this.#device.features, newest, this.#user, now, first);
    for (const { input, of, slots } of this.#device.features) {
      if (of !== 'event') continue;
      const all = new Int32Array(slots * events.length);
      const fresh = /** @type {Int32Array} */ (found[input]).subarray(-slots * NEWEST);
      const kept = /** @type {Int32Array} */ (this.#remembered.rows[input]);
      all.set(kept.subarray(0, all.length - fresh.length));
      all.set(fresh, all.length - fresh.length);
      found[input] = all;
    }
    return found;
  }

  /**
   * Do a task when those before are done, whether they went well or not.
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
