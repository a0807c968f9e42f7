/** Sentences on why items are recommended. */

import { listed } from './wording.js';

/** @import { Catalogue } from './catalogue.js' */
/** @import { Entry } from './entry.js' */
/** @import { Visit } from './visit.js' */

/** Reasons with a smaller share are not named. */
const LEAST_SHARE = 0.1;

/**
 * Sentences by key: "Because you liked Toy Story and Aladdin."
 *
 * @param {Visit} visit
 * @param {Catalogue} catalogue
 * @param {readonly Entry[]} entries
 * @returns {Promise<Map<string, string>>}
 */
export async function reasonsFor(visit, catalogue, entries) {
  if (!visit.personal.history.length) {
    const popular = 'Because many people choose it: you have not liked anything yet.';
    return new Map(entries.map(({ key }) => [key, popular]));
  }
  const ids = entries.map(({ id }) => id);
  const explanations = await visit.personal.explain(ids, { now: visit.now, user: visit.about });
  return new Map(
    explanations.map(({ id, because }) => {
      const reasons = because.filter(({ share }) => share >= LEAST_SHARE);
      const causes = reasons.map((reason) => catalogue.entry(reason.id));
      return [String(id), sentence(causes, visit)];
    }),
  );
}

/**
 * @param {Entry[]} entries
 * @param {Visit} visit
 */
function sentence(entries, visit) {
  const named = (/** @type {boolean} */ liked) =>
    listed(
      entries
        .filter(({ id }) => (visit.verdict(id) === 'like') === liked)
        .map(({ title }) => title),
    );
  const [liked, seen] = [named(true), named(false)];
  const parts = [liked && `liked ${liked}`, seen && `have seen ${seen}`].filter(Boolean);
  return parts.length
    ? `Because you ${parts.join(' and ')}.`
    : 'Because of everything you tapped; no single item stands out.';
}
