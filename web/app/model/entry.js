/** One item as it is shown; its texts are made when they are first asked for. */

import { texts } from './facets.js';
import { readable, words } from './titles.js';

/** @import { Item } from '../../pocketrec.js' */

/**
 * What all items of a catalogue share: the attributes that hold labels and the year, if any, and
 * how often each label occurs.
 * @typedef {{ labels: string[], year: string | undefined, counts: Map<string, number> }} Naming
 */

export class Entry {
  /** @type {string | undefined} */
  #title;
  /** @type {string | undefined} */
  #found;

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

  /** As people read it; an item without one is known by its id. */
  get title() {
    const { title } = this.item;
    this.#title ??= title ? readable(title, this.year) : `Item ${this.id}`;
    return this.#title;
  }

  /** The year as text, or nothing. */
  get year() {
    const { year } = this.naming;
    const value = year === undefined ? null : this.item.attributes[year];
    return typeof value === 'number' ? String(value) : '';
  }

  /** Its values of what can be chosen from, the rarest first: they say most about it. */
  get labels() {
    const { labels, counts } = this.naming;
    const all = labels.flatMap((name) => texts(this.item.attributes[name]));
    return all.sort((a, b) => (counts.get(a) ?? 0) - (counts.get(b) ?? 0));
  }

  /** What a search looks in. */
  get found() {
    this.#found ??= `${words(this.title)} ${words(this.item.title ?? '')} ${this.year} `;
    return this.#found;
  }
}
