/**
 * Plain values -> the rows that the model's inputs take, as src/pocketrec/runtime/inputs.py does.
 */

import { PocketrecError, shown } from './errors.js';

/** @import { Feature } from './encoding.js' */

/**
 * Seconds since 1970, or a Date.
 * @typedef {number | Date} Moment
 *
 * @typedef {string | number} ItemId
 *
 * One thing that the user did; what is not known is left out. `features` are values by the names
 * of the model's event features: {rating: 4, tags: ['gift', 'new']}.
 * @typedef {{id: ItemId, time?: Moment | null, features?: Record<string, unknown>}} Event
 *
 * Rows by input's name: of the events, oldest first, n times M numbers; of the user M numbers.
 * @typedef {Record<string, Int32Array>} Rows
 */

/**
 * Rows of what is told beside item ids.
 *
 * Times give the features of time; `now` is the moment of asking. Values that training never saw
 * are as if not given. Refused are a feature that the model does not have, a value of the wrong
 * kind, and times that run backwards.
 *
 * @param {readonly Feature[]} features
 * @param {readonly Event[]} events
 * @param {Record<string, unknown> | null} [user] values by the names of the user features
 * @param {Moment | null} [now]
 * @param {number} [first] number of the first event, for whoever reads an error
 * @returns {Rows}
 */
export function encodeInputs(features, events, user = null, now = null, first = 1) {
  checkNames(features, user ?? {}, 'user', 'user');
  events.forEach((event, place) => {
    checkNames(features, event.features ?? {}, 'event', `event ${place + first}`);
  });
  const moments = [...events.map((event) => seconds(event.time)), seconds(now)];
  checkOrder(moments);
  /** @type {Rows} */
  const rows = {};
  for (const feature of features) {
    const found = new Int32Array(feature.size(events.length));
    if (feature.of === 'user') {
      feature.write(own(user ?? {}, feature.name), found, 0);
    } else {
      events.forEach((event, place) => {
        const value = feature.time
          ? ofTime(feature.time, moments, place)
          : own(event.features ?? {}, feature.name);
        feature.write(value, found, place * feature.slots);
      });
    }
    rows[feature.input] = found;
  }
  return rows;
}

/**
 * Refuse values that training never saw, among such as `encodeInputs` takes.
 * @param {readonly Feature[]} features
 * @param {readonly Event[]} events
 * @param {Record<string, unknown> | null} [user]
 */
export function checkValues(features, events, user) {
  for (const feature of features) {
    const told = feature.of === 'user' ? [user ?? {}] : events.map((e) => e.features ?? {});
    const [unknown] = told.flatMap((values) => feature.unknown(own(values, feature.name)));
    if (unknown !== undefined) {
      throw new PocketrecError(
        'input',
        `${feature.of} feature '${feature.name}' has a value that training never saw, ` +
          `'${shown(unknown)}'`,
      );
    }
  }
}

/**
 * Refuse moments of which one is before an earlier one; unknown ones are passed over.
 * @param {readonly (number | null)[]} moments
 */
export function checkOrder(moments) {
  let latest = -Infinity;
  for (const moment of moments) {
    if (moment === null) continue;
    if (moment < latest) {
      throw new PocketrecError(
        'input',
        'times run backwards: give events oldest first, and now at the end',
      );
    }
    latest = moment;
  }
}

/**
 * @param {readonly Feature[]} features
 * @param {Record<string, unknown>} given
 * @param {'event' | 'user'} of
 * @param {string} what
 */
function checkNames(features, given, of, what) {
  if (typeof given !== 'object' || Array.isArray(given)) {
    throw new PocketrecError(
      'input',
      "features of users and events are values by name, such as {'age': 25}",
    );
  }
  const known = features.filter((f) => f.of === of && f.time === null).map((f) => f.name);
  const unknown = Object.keys(given).filter((name) => !known.includes(name));
  if (unknown.length) {
    throw new PocketrecError(
      'input',
      `${what} has a feature '${shown(unknown.sort()[0])}', which the model does not read ` +
        `(it reads ${known.join(', ') || 'none'})`,
    );
  }
}

/**
 * @param {Record<string, unknown>} values
 * @param {string} name any text: 'constructor' is no value unless it was given
 */
function own(values, name) {
  return Object.hasOwn(values, name) ? values[name] : null;
}

/**
 * A feature's value of one event; the last of `moments` is now.
 * @param {import('./encoding.js').TimeFeature} time
 * @param {(number | null)[]} moments
 * @param {number} place
 * @returns {number | null}
 */
function ofTime(time, moments, place) {
  const at = moments[place] ?? null;
  if (at === null) return null;
  const earlier = place ? (moments[place - 1] ?? null) : null;
  const later = moments[place + 1] ?? null;
  if (time === 'gap') return earlier === null ? null : at - earlier;
  if (time === 'now') return later === null ? null : later - at;
  if (time === 'hour') return floorDivide(at, 3600) % 24;
  return (floorDivide(at, 86400) + 3) % 7; // the first of January 1970 was a Thursday, 3
}

/**
 * Whole times that `divisor` fits in a number >= 0; a / b alone can round up to the next one.
 * @param {number} number
 * @param {number} divisor
 */
function floorDivide(number, divisor) {
  return Math.round((number - (number % divisor)) / divisor);
}

/** Seconds since 1970 that a moment may be: dates end there. */
export const LATEST = 8.64e12;

/**
 * Seconds since 1970 of a moment, null of none; anything else is refused.
 * @param {unknown} moment
 * @returns {number | null}
 */
export function seconds(moment) {
  if (moment === null || moment === undefined) return null;
  const found = moment instanceof Date ? moment.getTime() / 1000 : moment;
  if (typeof found !== 'number' || !(found >= 0 && found <= LATEST)) {
    throw new PocketrecError(
      'input',
      `time ${shown(moment)} is neither seconds since 1970 nor a Date after it`,
    );
  }
  return found;
}

/**
 * The members of a list of ids, or of anything like one; what is none is refused.
 * @param {Iterable<ItemId>} ids
 * @param {string} name
 * @returns {ItemId[]}
 */
export function listed(ids, name) {
  if (typeof ids === 'string' || typeof ids?.[Symbol.iterator] !== 'function') {
    throw new PocketrecError('input', `${name} must be a list of ids, not ${shown(ids)}`);
  }
  return [...ids];
}

/**
 * Refuse what is no id.
 * @param {unknown} id
 * @param {string} [name]
 */
export function checkId(id, name = 'item') {
  if (typeof id !== 'string' && !Number.isSafeInteger(id)) {
    throw new PocketrecError(
      'input',
      `${name} holds ${shown(id)}, which is neither a string nor an integer`,
    );
  }
}
