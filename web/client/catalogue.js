/**
 * Maps item ids, which the app uses, to indices, which the model uses.
 * src/pocketrec/runtime/catalogue.py is the same in Python.
 */

import { PocketrecError, shown } from './errors.js';
import { checkId, listed } from './events.js';

/** @import { Item } from './bundle.js' */
/** @import { Event, ItemId } from './events.js' */
/** @import { Ranking } from './outputs.js' */

/**
 * A user's events, oldest first; a bare id is an event without time and features.
 * @typedef {readonly (ItemId | Event)[]} History
 *
 * One line of a list. Scores are logits; compare them only within one list.
 * @typedef {{id: ItemId, title: string | null, score: number}} Recommendation
 */

/** A bundle's items; item n, counted from 1, has the index n. */
export class Catalogue {
  /** @type {Map<string, number>} */
  #index;

  /** @param {readonly Item[]} items */
  constructor(items) {
    this.items = items;
    this.#index = new Map(items.map((item, place) => [String(item.id), place + 1]));
  }

  /**
   * Whether an item has this id.
   * @param {ItemId} id
   */
  has(id) {
    return this.#index.has(String(id));
  }

  /**
   * The events of known items; others are dropped, or refused when `strict`.
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
    this.indices(
      events.map((event) => event.id),
      'history',
      strict,
    );
    return events.filter((event) => this.has(event.id));
  }

  /**
   * The indices of some ids; unknown ids are dropped, or refused when `strict`.
   * @param {Iterable<ItemId>} ids
   * @param {string} name
   * @param {boolean} strict
   */
  indices(ids, name, strict) {
    const all = listed(ids, name);
    for (const id of all) checkId(id, name);
    const unknown = all.filter((id) => !this.has(id));
    if (strict && unknown.length) {
      const more = unknown.length > 3 ? ', ...' : '';
      const quoted = unknown.slice(0, 3).map(shown).join(', ') + more;
      throw new PocketrecError(
        'input',
        `${unknown.length} of ${all.length} ids of ${name} are unknown: ${quoted}`,
      );
    }
    return this.indicesOf(all.filter((id) => this.has(id)).map((id) => ({ id })));
  }

  /**
   * The indices, 1..V, of events whose items are known.
   * @param {readonly Event[]} events
   */
  indicesOf(events) {
    return Int32Array.from(events, ({ id }) => Number(this.#index.get(String(id))));
  }

  /**
   * Throw a PocketrecError unless k is a list length from 1 to V.
   * @param {number} k
   */
  checkCount(k) {
    checkCount(k, 'k');
    const size = this.items.length;
    if (k > size) {
      throw new PocketrecError('input', `k = ${k} is more than the catalogue's ${size} items`);
    }
  }

  /**
   * A ranking with ids and titles.
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
 * Throw a PocketrecError unless a count is a positive whole number.
 * @param {number} count
 * @param {string} name
 */
export function checkCount(count, name) {
  if (!Number.isSafeInteger(count) || count < 1) {
    const message = `${name} must be a positive whole number, not ${shown(count)}`;
    throw new PocketrecError('input', message);
  }
}
