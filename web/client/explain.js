/**
 * Explains a recommendation: leaves each event out and compares the scores.
 */

/** @import { ItemId } from './events.js' */

/**
 * An item of the history, and its share in the explained item's score.
 * @typedef {{id: ItemId, share: number}} Reason
 *
 * An item and its reasons, the largest share first.
 * @typedef {{id: ItemId, because: Reason[]}} Explanation
 */

/** Newest events that may become reasons: each costs one call of the model. */
export const LOOKED_AT = 50;

/**
 * For each of n items at most `most` events without which its score falls most.
 *
 * An event's part is the fall of the score when the event is left out; its share is that part over
 * the sum of all parts. An event whose absence raises the score is no reason. Only the newest
 * LOOKED_AT events are left out. An item may have no reason, as with an empty history.
 *
 * @template {{id: ItemId}} E
 * @param {(events: E[]) => Promise<Float32Array>} score the items' scores (n) after some events
 * @param {readonly E[]} events oldest first
 * @param {number} most
 * @returns {Promise<Reason[][]>}
 */
export async function leaveOneOut(score, events, most) {
  const whole = await score([...events]);
  const first = Math.max(events.length - LOOKED_AT, 0);
  /** @type {{id: ItemId, parts: Float32Array}[]} */
  const lookedAt = [];
  for (let place = events.length - 1; place >= first; place -= 1) {
    const rest = await score(events.filter((_, other) => other !== place));
    const parts = whole.map((score, n) => Math.max(score - Number(rest[n]), 0));
    lookedAt.push({ id: /** @type {E} */ (events[place]).id, parts });
  }
  return Array.from(whole, (_, n) => {
    const reasons = lookedAt.map(({ id, parts }) => ({ id, part: Number(parts[n]) }));
    const total = reasons.reduce((sum, { part }) => sum + part, 0);
    return reasons
      .filter(({ part }) => part > 0)
      .sort((a, b) => b.part - a.part) // stable: of equal parts the newer event comes first
      .slice(0, most)
      .map(({ id, part }) => ({ id, share: part / total }));
  });
}
