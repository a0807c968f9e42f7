/**
 * What is kept of a user, as JSON: what they said of items, and what was learned from it.
 */

import { LARGEST } from './contract.js';
import { PocketrecError, shown } from './errors.js';
import { LATEST, checkOrder } from './inputs.js';

/** @import { Event, ItemId } from './inputs.js' */
/** @import { Recommender } from './recommender.js' */

/**
 * @typedef {'like' | 'seen' | 'dislike'} Verdict
 *
 * What the user said of an item, and when (seconds since 1970, if known).
 * @typedef {{id: ItemId, verdict: Verdict, time: number | null}} Feedback
 *
 * @typedef {object} PersonalState
 * @property {number} format
 * @property {string} model fingerprint of the model that the vector belongs to
 * @property {Feedback[]} events oldest first
 * @property {number[]} vector D numbers; [] is zero
 * @property {number} steps of learning so far, undone ones not counted: later ones are smaller
 * @property {[number, number][]} gains of the newest likes: what the list was worth with the
 *   vector, and without it
 * @property {number} rolled_back
 */

const FORMAT = 1;

/** The guard: newest likes that it looks at, and the sum of gains that learning may cost them. */
const WINDOW = 10;
const MARGIN = 1;

const VERDICTS = ['like', 'seen', 'dislike'];

/**
 * Of a user who has said nothing.
 * @param {Recommender} recommender
 * @returns {PersonalState}
 */
export function emptyState({ fingerprint: model }) {
  return { format: FORMAT, model, events: [], vector: [], steps: 0, gains: [], rolled_back: 0 };
}

/**
 * What the user liked or has seen.
 * @param {readonly Feedback[]} events
 * @returns {Event[]}
 */
export function historyOf(events) {
  return events
    .filter((event) => event.verdict !== 'dislike')
    .map(({ id, time }) => ({ id, time }));
}

/**
 * Of the history, which the model may read; a dislike is no part of it.
 * @param {readonly Feedback[]} events
 */
export function timesOf(events) {
  return events.filter((event) => event.verdict !== 'dislike').map((event) => event.time);
}

/**
 * The state with the gains of one more like, of which the newest are kept.
 * @param {PersonalState} state
 * @param {[number, number]} gains
 * @returns {PersonalState}
 */
export function withGain(state, gains) {
  return { ...state, gains: [...state.gains, gains].slice(-WINDOW) };
}

/**
 * The state itself, or with the vector back at zero, if it has made lists worse.
 * @param {PersonalState} state
 * @returns {PersonalState}
 */
export function guarded(state) {
  const lost = state.gains.reduce((sum, [adapted, plain]) => sum + (plain - adapted), 0);
  if (lost <= MARGIN) return state;
  return { ...state, vector: [], gains: [], rolled_back: state.rolled_back + 1 };
}

/**
 * The state that some JSON is, which may come from anywhere; what is none is refused.
 *
 * A vector belongs to one model; a state whose "vector" is [] is taken by any model that knows
 * its items.
 *
 * @param {any} saved
 * @param {Recommender} recommender
 * @returns {PersonalState}
 */
export function restoreState(saved, recommender) {
  const { events, vector, gains, steps, rolled_back: rolledBack } = parsed(saved);
  if (vector.length && saved.model !== recommender.fingerprint) {
    throw new PocketrecError(
      'input',
      "the saved state belongs to another model; without its vector ('vector': []) its events " +
        'can be used with this one',
    );
  }
  const { dim } = recommender.shapes;
  if (vector.length && vector.length !== dim) {
    throw new PocketrecError(
      'input',
      `the saved vector has ${vector.length} numbers, the model's users ${dim}`,
    );
  }
  recommender.checkKnown(events.map((event) => event.id));
  checkOrder(timesOf(events));
  return {
    format: FORMAT,
    model: recommender.fingerprint,
    events: events.map(({ id, verdict, time }) => ({ id, verdict, time })),
    vector: [...vector],
    steps,
    gains: gains.slice(-WINDOW).map(([adapted, plain]) => [adapted, plain]),
    rolled_back: rolledBack,
  };
}

/**
 * @param {any} saved
 * @returns {PersonalState}
 */
function parsed(saved) {
  const { format, events, vector, steps, gains, rolled_back: rolledBack } = saved ?? {};
  let problem;
  if (format !== FORMAT) {
    problem = `format ${shown(format)}, where ${FORMAT} is expected`;
  } else if (!Array.isArray(events) || !events.every(isEvent)) {
    problem = 'its events are not id, verdict and time each';
  } else if (!isNumbers(vector) || !vector.every((number) => Math.abs(number) <= LARGEST)) {
    problem = `its vector is not of numbers from ${-LARGEST} to ${LARGEST}`;
  } else if (!Array.isArray(gains) || !gains.every(isPair)) {
    problem = 'its gains are not pairs of numbers from 0 to 1';
  } else if (![steps, rolledBack].every((count) => Number.isSafeInteger(count) && count >= 0)) {
    problem = 'its steps and rolled_back are no counts';
  }
  if (problem) throw new PocketrecError('input', `this is no saved state of a user: ${problem}`);
  return saved;
}

/** @param {any} event */
function isEvent(event) {
  const { id, verdict, time } = event ?? {};
  const named = typeof id === 'string' || Number.isSafeInteger(id);
  const timed = time === null || (Number.isFinite(time) && time >= 0 && time <= LATEST);
  return named && VERDICTS.includes(verdict) && timed;
}

/** @param {unknown} pair */
function isPair(pair) {
  return isNumbers(pair) && pair.length === 2 && pair.every((gain) => gain >= 0 && gain <= 1);
}

/**
 * @param {unknown} list
 * @returns {list is number[]}
 */
function isNumbers(list) {
  return Array.isArray(list) && list.every(Number.isFinite);
}
