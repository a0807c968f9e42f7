/** Facets that a catalogue's attributes offer for filtering, and the chosen filters. */

/** @import { Item } from '../../pocketrec.js' */

/**
 * Values to choose from, most frequent first; or a range of numbers.
 * @typedef {{ name: string, kind: 'choice', values: { value: string, count: number }[] }} Choice
 * @typedef {{ name: string, kind: 'range', low: number, high: number, years: boolean }} Range
 * @typedef {Choice | Range} Facet
 */

/** An attribute with more values than this is free text, not a choice. */
const MOST_VALUES = 40;

/**
 * Facets, in the order in which the catalogue names its attributes.
 *
 * @param {readonly Item[]} items
 * @returns {Facet[]}
 */
export function findFacets(items) {
  /** @type {Map<string, unknown[]>} */
  const byName = new Map();
  for (const { attributes } of items) {
    for (const [name, value] of Object.entries(attributes)) {
      if (value === null) continue;
      const values = byName.get(name) ?? [];
      if (!values.length) byName.set(name, values);
      values.push(value);
    }
  }
  const facets = [...byName].map(
    ([name, values]) => asRange(name, values) ?? asChoice(name, values),
  );
  return facets.filter((facet) => facet !== null);
}

/**
 * @param {string} name
 * @param {unknown[]} values
 * @returns {Range | null}
 */
function asRange(name, values) {
  let [low, high, whole] = [Infinity, -Infinity, true];
  for (const value of values) {
    if (typeof value !== 'number' || !Number.isFinite(value)) return null;
    low = Math.min(low, value);
    high = Math.max(high, value);
    whole &&= Number.isInteger(value);
  }
  const years = whole && low >= 1500 && high <= 2200;
  return low < high ? { name, kind: 'range', low, high, years } : null;
}

/**
 * @param {string} name
 * @param {unknown[]} values
 * @returns {Choice | null}
 */
function asChoice(name, values) {
  /** @type {Map<string, number>} */
  const counts = new Map();
  for (const value of values) {
    for (const one of texts(value)) counts.set(one, (counts.get(one) ?? 0) + 1);
    if (counts.size > MOST_VALUES) return null;
  }
  if (counts.size < 2) return null;
  const sorted = [...counts].map(([value, count]) => ({ value, count }));
  sorted.sort((a, b) => b.count - a.count || (a.value < b.value ? -1 : 1));
  return { name, kind: 'choice', values: sorted };
}

/**
 * An attribute's values as strings.
 *
 * @param {unknown} value
 * @returns {string[]}
 */
export function texts(value) {
  const all = Array.isArray(value) ? value : [value];
  return all.filter((one) => one !== null && one !== undefined && one !== '').map(String);
}

/** The chosen filters: an item passes with any chosen value of each facet, and within each range. */
export class Filters {
  /** @type {Map<string, Set<string>>} */
  choices = new Map();

  /** @type {Map<string, [number, number]>} */
  ranges = new Map();

  get active() {
    return this.choices.size > 0 || this.ranges.size > 0;
  }

  /**
   * Choose a value, or remove a chosen one.
   * @param {string} name
   * @param {string} value
   */
  toggle(name, value) {
    const chosen = this.choices.get(name) ?? new Set();
    if (!chosen.delete(value)) chosen.add(value);
    if (chosen.size) this.choices.set(name, chosen);
    else this.choices.delete(name);
  }

  /**
   * @param {Range} facet
   * @param {number} low
   * @param {number} high the whole range counts as no filter
   */
  limit(facet, low, high) {
    if (low <= facet.low && high >= facet.high) this.ranges.delete(facet.name);
    else this.ranges.set(facet.name, [low, high]);
  }

  clear() {
    this.choices.clear();
    this.ranges.clear();
  }

  /** @param {Item} item */
  passes(item) {
    for (const [name, chosen] of this.choices) {
      if (!texts(item.attributes[name]).some((value) => chosen.has(value))) return false;
    }
    for (const [name, [low, high]] of this.ranges) {
      const value = item.attributes[name];
      if (typeof value !== 'number' || value < low || value > high) return false;
    }
    return true;
  }
}
