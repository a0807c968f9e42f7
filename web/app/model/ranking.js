/** The current list: the best items that pass the filters, and how long that took. */

/** @import { Recommendation } from '../../pocketrec.js' */
/** @import { Catalogue } from './catalogue.js' */
/** @import { Filters } from './facets.js' */
/** @import { Visit } from './visit.js' */

/**
 * @typedef {{ list: Recommendation[], ms: number }} Ranking milliseconds of the model's work
 */

/**
 * Rank all items and return the best k that pass the filters; fewer when fewer are left.
 *
 * @param {Visit} visit
 * @param {Catalogue} catalogue
 * @param {Filters} filters
 * @param {number} k
 * @returns {Promise<Ranking>}
 */
export async function rank(visit, catalogue, filters, k) {
  const shown = Math.min(k, catalogue.size);
  const { personal, about: user, now } = visit;
  const most = Math.min(personal.recommender.shapes.results, catalogue.size);
  const start = performance.now();
  // One call of the model gives about the best 100. Often enough of them pass the filters.
  const best = await personal.recommend({ k: Math.max(most, shown), now, user });
  let list = best.filter(({ id }) => filters.passes(catalogue.entry(id).item));
  if (filters.active && list.length < shown) {
    const blocked = catalogue.outside(filters);
    const left = catalogue.size - blocked.length;
    list = left ? await personal.recommend({ k: Math.min(shown, left), now, user, blocked }) : [];
  }
  return { list: list.slice(0, shown), ms: performance.now() - start };
}
