/**
 * The guard against learning that makes lists worse.
 */

import { WINDOW } from './state.js';

/** @import { Event, ItemId } from './events.js' */
/** @import { Context, Recommender } from './recommender.js' */
/** @import { PersonalState } from './state.js' */

/** How much learning may cost the newest likes, as the sum of their gains. */
const MARGIN = 1;

/**
 * The gain of a like with the vector, and without it: 1 / log2(1 + rank) in the list before the
 * like, 0 outside of it.
 *
 * @param {Recommender} recommender
 * @param {Event[]} history before the like
 * @param {ItemId} id
 * @param {number[]} vector
 * @param {{blocked: ItemId[]} & Omit<Context, 'userVector'>} options
 * @returns {Promise<[number, number]>}
 */
export async function gainsOf(recommender, history, id, vector, options) {
  const gain = async (/** @type {number[] | null} */ userVector) => {
    const k = recommender.shapes.results;
    const lines = await recommender.recommend(history, { ...options, k, userVector });
    const place = lines.findIndex((line) => String(line.id) === String(id));
    return place < 0 ? 0 : 1 / Math.log2(2 + place);
  };
  const plain = await gain(null);
  return [vector.some((number) => number !== 0) ? await gain(vector) : plain, plain];
}

/**
 * The state with the gains of one more like; the newest WINDOW are kept.
 * @param {PersonalState} state
 * @param {[number, number]} gains
 * @returns {PersonalState}
 */
export function withGains(state, gains) {
  return { ...state, gains: [...state.gains, gains].slice(-WINDOW) };
}

/**
 * The state, with the vector reset to zero if it made the newest likes' lists worse.
 * @param {PersonalState} state
 * @returns {PersonalState}
 */
export function guarded(state) {
  const lost = state.gains.reduce((sum, [adapted, plain]) => sum + (plain - adapted), 0);
  if (lost <= MARGIN) return state;
  return { ...state, vector: [], gains: [], rolled_back: state.rolled_back + 1 };
}
