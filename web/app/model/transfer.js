/** Fits data from elsewhere, or from earlier, to this model and this catalogue. */

import { PocketrecError } from '../../pocketrec.js';
import { counted } from './wording.js';

/** @import { Feedback, PersonalState, Recommender } from '../../pocketrec.js' */
/** @import { Catalogue } from './catalogue.js' */
/** @import { Visit } from './visit.js' */
/** @import { About } from './store.js' */

const MOST_BYTES = 2e7;

/**
 * The text of an exported file. Its `state` is the JSON of `pocketrec.runtime.Personal` in Python.
 *
 * @param {Visit} visit
 */
export function exported(visit) {
  const { state, about } = visit.record;
  return `${JSON.stringify({ pocketrec: 'personal data', about, state }, null, 1)}\n`;
}

/**
 * Read an exported file, or a state saved by Python; rejects with a PocketrecError.
 *
 * @param {Blob} file
 * @returns {Promise<{ state: PersonalState, about: About }>}
 */
export async function readExport(file) {
  if (file.size > MOST_BYTES) throw refused('it is larger than 20 MB');
  /** @type {any} */
  let content;
  try {
    content = JSON.parse(await file.text());
  } catch {
    throw refused('it is not JSON');
  }
  const state = content?.state ?? content;
  if (!Array.isArray(state?.events)) throw refused('it has no events as “Export” writes them');
  const about = Object.entries(content.about ?? {}).filter(
    ([, value]) => typeof value === 'string',
  );
  return { state, about: Object.fromEntries(about) };
}

/** @param {string} why */
const refused = (why) => new PocketrecError('input', `this file cannot be imported: ${why}`);

/**
 * Fit a state and the values about the visitor to this model and this catalogue.
 *
 * @param {{ state: PersonalState, about: About }} data
 * @param {Recommender} recommender
 * @param {Catalogue} catalogue
 * @returns {{ state: PersonalState, about: About, notes: string[] }} with sentences about what was
 *   left out
 */
export function fit({ state, about }, recommender, catalogue) {
  const fitted = fitState(state, recommender, catalogue);
  return { ...fitted, about: fitAbout(about, recommender) };
}

/**
 * Drop events of unknown items, and everything but the events if the state belongs to
 * another model, whose vector means nothing to this one.
 *
 * @param {PersonalState} state
 * @param {Recommender} recommender
 * @param {Catalogue} catalogue
 * @returns {{ state: PersonalState, notes: string[] }} with sentences about what was left out
 */
function fitState(state, recommender, catalogue) {
  const known = state.events.filter((event) => catalogue.has(event?.id));
  const unknown = state.events.length - known.length;
  const notes = unknown ? [`${counted(unknown, 'event')} of unknown items left out.`] : [];
  const events = inOrder(known);
  if (state.model === recommender.fingerprint) return { state: { ...state, events }, notes };
  notes.unshift('What another model learned is left out: this model cannot use it.');
  const unlearned = { vector: [], gains: [], steps: 0, rolled_back: 0 };
  return { state: { ...state, ...unlearned, model: recommender.fingerprint, events }, notes };
}

/**
 * A state with those events of a list whose items it lacks, added at the end.
 *
 * @param {PersonalState} state
 * @param {readonly Feedback[]} events
 * @returns {PersonalState}
 */
export function withMissing(state, events) {
  const known = new Set(state.events.map(({ id }) => String(id)));
  const missing = events.filter(({ id }) => !known.has(String(id)));
  return { ...state, events: [...state.events, ...missing] };
}

/**
 * Events sorted by time; an event without a time stays behind the one before it.
 * @param {readonly Feedback[]} events
 */
function inOrder(events) {
  let latest = 0;
  const timed = events.map((event) => {
    latest = event.time ?? latest;
    return { event, time: latest };
  });
  return timed.sort((a, b) => a.time - b.time).map(({ event }) => event);
}

/**
 * The values about the visitor that this model can read.
 *
 * @param {About} about
 * @param {Recommender} recommender
 * @returns {About}
 */
function fitAbout(about, recommender) {
  const features = new Map(
    recommender.features.filter(({ of }) => of === 'user').map((one) => [one.name, one]),
  );
  const fits = (/** @type {string} */ name, /** @type {string} */ value) => {
    try {
      features.get(name)?.encoding.known(value);
      return features.has(name);
    } catch {
      return false; // text where the model reads a number
    }
  };
  return Object.fromEntries(Object.entries(about).filter((entry) => fits(...entry)));
}
