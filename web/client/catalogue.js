/**
 * The items that an app names by id, and the model by index; runtime/catalogue.py in JavaScript.
 */

import { PocketrecError, shown } from './errors.js';
import { checkId, listed } from './inputs.js';

/** @import { Item } from './bundle.js' */
/** @import { Ranking } from './device.js' */
/** @import { Event, ItemId } from './inputs.js' */

/**
 * What the user did, oldest first: ids, or events that tell more.
 * @typedef {readonly (ItemId | Event)[]} History
 *
 * One line of a list; scores are logits, comparable within one list only.
 * @typedef {{id: ItemId, title: string | null, score: number}} Recommendation
 */

/** A bundle's items; the n-th, counted from 1, has the index n. */
export class Catalogue {
  /** @type {Map<string, number>} */
  #index;

  /** @param {readonly Item[]} items */
  constructor(items) {
    this.items = items;
    this.#index = new Map(items.map((item, place) => [String(item.id), place + 1]));
  }

  /**
   * Whether there is an item of this id.
   * @param {ItemId} id
   */
  has(id) {
    return this.#index.has(String(id));
  }

  /**
   * The events of a history whose items are known; others are left out, or refused.
   * @param {History} history
   * @param {boolean} [strict]
   * @returns {Event[]}
   */
  events(history, strict = false) {
    if (!Array.isArray(history)) {
      throw new PocketrecError('input', 'history must be a list of ids');
    }
    const events = /** @type {Event[]} */ (
      history.map((event) => (typeof event === 'object' && event !== null ? event : { id: event }))
    );
    this.indices(events.map((event) => event.id), 'history', strict);
    return events.filter((event) => this.has(event.id));
  }

  /**
   * The indices of some ids; unknown ones are left out, or refused.
   * @param {Iterable<ItemId>} ids
   * @param {string} name
   * @param {boolean} strict
   */
  indices(ids, name, strict) {
    const given = listed(ids, name);
    for (const id of given) checkId(id, name);
    const unknown = given.filter((id) => !this.has(id));
    if (strict && unknown.length) {
      const more = unknown.length > 3 ? ', ...' : '';
      const quoted = unknown.slice(0, 3).map(shown).join(', ') + more;
      throw new PocketrecError(
        'input',
        `${unknown.length} of ${given.length} ids of ${name} are unknown: ${quoted}`,
      );
    }
    return this.indicesOf(given.filter((id) => this.has(id)).map((id) => ({ id })));
  }

  /**
   * The indices, 1..V, of events of known items.
   * @param {readonly Event[]} events
   */
  indicesOf(events) {
    return Int32Array.from(events, ({ id }) => Number(this.#index.get(String(id))));
  }

  /**
   * Refuse what is no length of a list.
   * @param {number} k
   */
  checkCount(k) {
    checkCount(k, 'k');
    const most = this.items.length;
    if (k > most) {
      throw new PocketrecError('input', `k = ${k} is more than the catalogue's ${most} items`);
    }
  }

  /**
   * A list as an app reads it.
   * @param {Ranking} ranking
   * @returns {Recommendation[]}
   */
  lines({ ids, scores }) {
    return Array.from(ids, (index, place) => {
      const { id, title } = /** @type {Item} */ (this.items[index - 1]);
      return { id, title, score: Number(scores[place]) };
    });
  }
}

/**
 * Refuse what is no positive whole number.
 * @param {number} count
 * @param {string} name
 */
export function checkCount(count, name) {
  if (!Number.isSafeInteger(count) || count < 1) {
    const message = `${name} must be a positive whole number, not ${shown(count)}`;
    throw new PocketrecError('input', message);
  }
}
