/** A bundle's items, as the page shows, searches and filters them. */

import { Entry } from './entry.js';
import { findFacets } from './facets.js';
import { words } from './titles.js';

/** @import { Item } from '../../pocketrec.js' */
/** @import { Facet, Filters } from './facets.js' */
/** @import { Naming } from './entry.js' */

export class Catalogue {
  /** @param {readonly Item[]} items most popular first */
  constructor(items) {
    this.facets = findFacets(items);
    const naming = namingOf(this.facets);
    this.entries = items.map((item) => new Entry(item, naming));
    this.byKey = new Map(this.entries.map((entry) => [entry.key, entry]));
  }

  get size() {
    return this.entries.length;
  }

  /** @param {Item['id']} id */
  has(id) {
    return this.byKey.has(String(id));
  }

  /**
   * The entry of an id that the catalogue has.
   * @param {Item['id']} id
   */
  entry(id) {
    const entry = this.byKey.get(String(id));
    if (!entry) throw new RangeError(`the catalogue has no item ${id}`);
    return entry;
  }

  /**
   * Entries that pass the filters and have, for each word of the query, a word that starts with it.
   * Entries that start with the whole query come first; both groups are sorted by popularity.
   *
   * @param {string} query
   * @param {Filters} filters
   * @returns {Entry[]}
   */
  search(query, filters) {
    const passed = this.entries.filter((entry) => filters.passes(entry.item));
    const normalized = words(query);
    const parts = normalized
      .split(' ')
      .filter(Boolean)
      .map((word) => ` ${word}`);
    if (!parts.length) return passed;
    const matches = passed.filter(({ searched }) => parts.every((part) => searched.includes(part)));
    const starts = matches.filter(({ searched }) => searched.startsWith(normalized));
    return [...starts, ...matches.filter(({ searched }) => !searched.startsWith(normalized))];
  }

  /**
   * Ids of the items that the filters exclude.
   * @param {Filters} filters
   */
  outside(filters) {
    const excluded = this.entries.filter((entry) => !filters.passes(entry.item));
    return excluded.map((entry) => entry.id);
  }
}

/**
 * @param {readonly Facet[]} facets
 * @returns {Naming}
 */
function namingOf(facets) {
  const choices = facets.filter((facet) => facet.kind === 'choice');
  const values = choices.flatMap((choice) => choice.values);
  return {
    labels: choices.map(({ name }) => name),
    year: facets.find((facet) => facet.kind === 'range' && facet.years)?.name,
    counts: new Map(values.map(({ value, count }) => [value, count])),
  };
}
