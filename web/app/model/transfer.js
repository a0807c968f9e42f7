/** What was kept elsewhere or earlier -> a state that fits this model and this catalogue. */

import { PocketrecError } from '../../pocketrec.js';
import { counted } from './wording.js';

/** @import { Feedback, PersonalState, Recommender } from '../../pocketrec.js' */
/** @import { Catalogue } from './catalogue.js' */
/** @import { Session } from './session.js' */
/** @import { About } from './store.js' */

const MOST_BYTES = 2e7;

/**
 * The text of an exported file; its `state` is as `pocketrec.runtime.Personal` keeps it too.
 *
 * @param {Session} session
 */
export function exported(session) {
  const { state, about } = session.record;
  return `${JSON.stringify({ pocketrec: 'personal data', about, state }, null, 1)}\n`;
}

/**
 * Read an exported file, or a state as Python saves it; a PocketrecError tells what is wrong.
 *
 * @param {Blob} file
 * @returns {Promise<{ state: PersonalState, about: About }>}
 */
export async function readExport(file) {
  if (file.size > MOST_BYTES) throw refused('it is larger than 20 MB');
  /** @type {any} */
  let found;
  try {
    found = JSON.parse(await file.text());
  } catch {
    throw refused('it is no JSON');
  }
  const state = found?.state ?? found;
  if (!Array.isArray(state?.events)) throw refused('it has no events as “Export” writes them');
  const about = Object.entries(found.about ?? {}).filter(([, value]) => typeof value === 'string');
  return { state, about: Object.fromEntries(about) };
}

/** @param {string} why */
const refused = (why) => new PocketrecError('input', `this file cannot be imported: ${why}`);

/**
 * Leave out events of items that the catalogue does not have; of another model keep the events
 * alone, since its personal vector means nothing to this one.
 *
 * @param {PersonalState} state
 * @param {Recommender} recommender
 * @param {Catalogue} catalogue
 * @returns {{ state: PersonalState, notes: string[] }} with a sentence on what was left out
 */
export function fitState(state, recommender, catalogue) {
  const known = state.events.filter((event) => catalogue.has(event?.id));
  const unknown = state.events.length - known.length;
  const notes = unknown ? [`${counted(unknown, 'event')} of unknown items left out.`] : [];
  const events = inOrder(known);
  if (state.model === recommender.fingerprint) return { state: { ...state, events }, notes };
  notes.unshift('What another model had learned is left out: it means nothing to this one.');
  const unlearned = { vector: [], gains: [], steps: 0, rolled_back: 0 };
  return { state: { ...state, ...unlearned, model: recommender.fingerprint, events }, notes };
}

/**
 * Events by time, as the model wants them; one without a time stays behind the one before it.
 * @param {readonly Feedback[]} events
 */
function inOrder(events) {
  let latest = 0;
  const timed = events.map((event) => ({ event, time: (latest = event.time ?? latest) }));
  return timed.sort((a, b) => a.time - b.time).map(({ event }) => event);
}

/**
 * Of what was told about the visitor, what this model reads.
 *
 * @param {About} about
 * @param {Recommender} recommender
 * @returns {About}
 */
export function fitAbout(about, recommender) {
  const features = new Map(
    recommender.features.filter(({ of }) => of === 'user').map((one) => [one.name, one]),
  );
  const fits = (/** @type {string} */ name, /** @type {string} */ value) => {
    try {
      features.get(name)?.encoding.known(value);
      return features.has(name);
    } catch {
      return false; // a text where the model reads a number
    }
  };
  return Object.fromEntries(Object.entries(about).filter((entry) => fits(...entry)));
}
