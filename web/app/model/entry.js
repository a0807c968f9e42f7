/** One item as the page shows it; texts are computed when they are first needed. */

import { texts } from './facets.js';
import { readable, words } from './titles.js';

/** @import { Item } from '../../pocketrec.js' */

/**
 * Shared by all items of a catalogue: the attributes with labels, the attribute with the year, if
 * any, and how often each label occurs.
 * @typedef {{ labels: string[], year: string | undefined, counts: Map<string, number> }} Naming
 */

export class Entry {
  /** @type {string | undefined} */
  #title;
  /** @type {string | undefined} */
  #searched;

  /**
   * @param {Item} item
   * @param {Naming} naming
   */
  constructor(item, naming) {
    this.item = item;
    this.id = item.id;
    this.naming = naming;
    /** The id as text. */
    this.key = String(item.id);
  }

  /** The readable title, or the id of an item without a title. */
  get title() {
    const { title } = this.item;
    this.#title ??= title ? readable(title, this.year) : `Item ${this.id}`;
    return this.#title;
  }

  /** The year as text, or ''. */
  get year() {
    const { year } = this.naming;
    const value = year === undefined ? null : this.item.attributes[year];
    return typeof value === 'number' ? String(value) : '';
  }

  /** The item's labels, rarest first, since those say most about it. */
  get labels() {
    const { labels, counts } = this.naming;
    const all = labels.flatMap((name) => texts(this.item.attributes[name]));
    return all.sort((a, b) => (counts.get(a) ?? 0) - (counts.get(b) ?? 0));
  }

  /** The text that a search looks in. */
  get searched() {
    this.#searched ??= `${words(this.title)} ${words(this.item.title ?? '')} ${this.year} `;
    return this.#searched;
  }
}
