/** Why items are recommended, in sentences. */

import { listed } from './wording.js';

/** @import { Catalogue } from './catalogue.js' */
/** @import { Entry } from './entry.js' */
/** @import { Session } from './session.js' */

/** A reason that says less than this share of it is not worth naming. */
const LEAST_SHARE = 0.1;

/**
 * Sentences by key: "Because you liked Toy Story and Aladdin."
 *
 * @param {Session} session
 * @param {Catalogue} catalogue
 * @param {readonly Entry[]} entries
 * @returns {Promise<Map<string, string>>}
 */
export async function reasonsFor(session, catalogue, entries) {
  if (!session.personal.history.length) {
    const popular = 'Because many people choose it: you have not liked anything yet.';
    return new Map(entries.map(({ key }) => [key, popular]));
  }
  const ids = entries.map(({ id }) => id);
  const found = await session.personal.explain(ids, { now: session.now, user: session.about });
  return new Map(
    found.map(({ id, because }) => {
      const worth = because.filter(({ share }) => share >= LEAST_SHARE);
      return [
        String(id),
        sentence(
          worth.map((reason) => catalogue.entry(reason.id)),
          session,
        ),
      ];
    }),
  );
}

/**
 * @param {Entry[]} entries
 * @param {Session} session
 */
function sentence(entries, session) {
  const named = (/** @type {boolean} */ liked) =>
    listed(
      entries
        .filter(({ id }) => (session.verdict(id) === 'like') === liked)
        .map(({ title }) => title),
    );
  const [liked, seen] = [named(true), named(false)];
  const parts = [liked && `liked ${liked}`, seen && `have seen ${seen}`].filter(Boolean);
  return parts.length
    ? `Because you ${parts.join(' and ')}.`
    : 'Because of all that you tapped together: none stands out.';
}
