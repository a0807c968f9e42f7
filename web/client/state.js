/**
 * A user's personal state as JSON: their verdicts, and the vector learned from them.
 * src/pocketrec/runtime/state.py is the same in Python.
 */

import { LARGEST } from './contract.js';
import { PocketrecError, shown } from './errors.js';
import { checkOrder, LATEST } from './events.js';

/** @import { Event, ItemId } from './events.js' */
/** @import { Recommender } from './recommender.js' */

/**
 * @typedef {'like' | 'seen' | 'dislike'} Verdict
 *
 * A verdict on an item, and when it was given (seconds since 1970, if known).
 * @typedef {{id: ItemId, verdict: Verdict, time: number | null}} Feedback
 *
 * @typedef {object} PersonalState
 * @property {number} format
 * @property {string} model fingerprint of the vector's model
 * @property {Feedback[]} events oldest first
 * @property {number[]} vector D numbers; [] is zero
 * @property {number} steps of learning so far, without undone ones; later steps are smaller
 * @property {[number, number][]} gains of the newest likes, with the vector and without it
 * @property {number} rolled_back how often the guard reset the vector
 */

const FORMAT = 1;

/** Newest likes whose gains are kept, for the guard. */
export const WINDOW = 10;

const VERDICTS = ['like', 'seen', 'dislike'];

/**
 * The state of a user without verdicts.
 * @param {Recommender} recommender
 * @returns {PersonalState}
 */
export function emptyState({ fingerprint: model }) {
  return { format: FORMAT, model, events: [], vector: [], steps: 0, gains: [], rolled_back: 0 };
}

/**
 * Liked and seen items.
 * @param {readonly Feedback[]} events
 * @returns {Event[]}
 */
export function historyOf(events) {
  return events
    .filter((event) => event.verdict !== 'dislike')
    .map(({ id, time }) => ({ id, time }));
}

/**
 * All events and a new one, which replaces those of its item that it contradicts: every earlier
 * verdict, or only dislikes when the item may repeat.
 * @param {readonly Feedback[]} events
 * @param {Feedback} added
 * @param {boolean} excludeSeen whether items do not repeat
 * @returns {Feedback[]}
 */
export function withFeedback(events, added, excludeSeen) {
  const once = excludeSeen || added.verdict === 'dislike';
  const kept = events.filter(
    ({ id, verdict }) => String(id) !== String(added.id) || !(once || verdict === 'dislike'),
  );
  return ordered([...kept, added]);
}

/**
 * The events, whose times must not run backwards; dislikes may, since the model never reads them.
 * @param {Feedback[]} events
 */
function ordered(events) {
  checkOrder(events.filter(({ verdict }) => verdict !== 'dislike').map(({ time }) => time));
  return events;
}

/**
 * Read a saved state, which may come from anywhere; throws a PocketrecError for an invalid one.
 *
 * A vector belongs to one model; a state whose "vector" is [] fits any model that knows its items.
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
      "the saved state belongs to another model: set its 'vector' to [] to use its events with " +
        'this one',
    );
  }
  const { dim } = recommender.shapes;
  if (vector.length && vector.length !== dim) {
    throw new PocketrecError(
      'input',
      `the saved vector has ${vector.length} numbers, but the model's vectors have ${dim}`,
    );
  }
  recommender.checkKnown(events.map((event) => event.id));
  return {
    format: FORMAT,
    model: recommender.fingerprint,
    events: ordered(events).map(({ id, verdict, time }) => ({ id, verdict, time })),
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
    problem = 'its events do not all have an id, a verdict and a time';
  } else if (!isNumbers(vector) || !vector.every((number) => Math.abs(number) <= LARGEST)) {
    problem = `its vector is not a list of numbers from ${-LARGEST} to ${LARGEST}`;
  } else if (!Array.isArray(gains) || !gains.every(isPair)) {
    problem = 'its gains are not pairs of numbers from 0 to 1';
  } else if (![steps, rolledBack].every((count) => Number.isSafeInteger(count) && count >= 0)) {
    problem = 'its steps and rolled_back are not counts';
  }
  if (problem) throw new PocketrecError('input', `this is not a saved state of a user: ${problem}`);
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
