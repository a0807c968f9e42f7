/** A bundle's items as the page shows, finds and filters them. */

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
    const found = this.byKey.get(String(id));
    if (!found) throw new RangeError(`the catalogue has no item ${id}`);
    return found;
  }

  /**
   * Entries that pass the filters and have a word that begins with each word of the query: those
   * that begin with the query itself first, then the most popular first.
   *
   * @param {string} query
   * @param {Filters} filters
   * @returns {Entry[]}
   */
  search(query, filters) {
    const passed = this.entries.filter((entry) => filters.passes(entry.item));
    const asked = words(query);
    const parts = asked
      .split(' ')
      .filter(Boolean)
      .map((word) => ` ${word}`);
    if (!parts.length) return passed;
    const found = passed.filter((entry) => parts.every((part) => entry.found.includes(part)));
    const begins = found.filter((entry) => entry.found.startsWith(asked));
    return [...begins, ...found.filter((entry) => !entry.found.startsWith(asked))];
  }

  /**
   * Ids of what the filters leave out.
   * @param {Filters} filters
   */
  outside(filters) {
    const left = this.entries.filter((entry) => !filters.passes(entry.item));
    return left.map((entry) => entry.id);
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
