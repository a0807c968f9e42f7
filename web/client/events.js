/**
 * Encodes events and users as feature rows. src/pocketrec/runtime/events.py is the same in Python.
 */

import { PocketrecError, shown } from './errors.js';

/** @import { Feature, TimeFeature } from './encoding.js' */
/** @import { Rows } from './inputs.js' */

/**
 * Seconds since 1970, or a Date.
 * @typedef {number | Date} Moment
 *
 * @typedef {string | number} ItemId
 *
 * One thing that the user did; omit what you don't know. `features` has values by the names of the
 * model's event features: {rating: 4, tags: ['gift', 'new']}.
 * @typedef {{id: ItemId, time?: Moment | null, features?: Record<string, unknown>}} Event
 */

/**
 * Encode everything beside the item ids as feature rows.
 *
 * Time features are computed from the events' times; `now` is the time of the request. Values that
 * training never saw count as missing. Throws a PocketrecError for a feature that the model does
 * not have, a value of the wrong type, and times that run backwards.
 *
 * @param {readonly Feature[]} features
 * @param {readonly Event[]} events
 * @param {Record<string, unknown> | null} [user] values by the names of the user features
 * @param {Moment | null} [now]
 * @param {number} [first] number of the first event in error messages
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
    const encoded = new Int32Array(feature.size(events.length));
    if (feature.of === 'user') {
      feature.write(own(user ?? {}, feature.name), encoded, 0);
    } else {
      events.forEach((event, place) => {
        const value = feature.time
          ? ofTime(feature.time, moments, place)
          : own(event.features ?? {}, feature.name);
        feature.write(value, encoded, place * feature.slots);
      });
    }
    rows[feature.input] = encoded;
  }
  return rows;
}

/**
 * Throw a PocketrecError for a value that training never saw; arguments are those of `encodeInputs`.
 * @param {readonly Feature[]} features
 * @param {readonly Event[]} events
 * @param {Record<string, unknown> | null} [user]
 */
export function checkValues(features, events, user) {
  for (const feature of features) {
    const all = feature.of === 'user' ? [user ?? {}] : events.map((e) => e.features ?? {});
    const [unknown] = all.flatMap((values) => feature.unknown(own(values, feature.name)));
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
 * Throw a PocketrecError unless moments rise; unknown ones are skipped.
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
 * @param {Record<string, unknown>} values
 * @param {'event' | 'user'} of
 * @param {string} what
 */
function checkNames(features, values, of, what) {
  if (typeof values !== 'object' || Array.isArray(values)) {
    throw new PocketrecError(
      'input',
      "features of users and events are values by name, such as {'age': 25}",
    );
  }
  const known = features.filter((f) => f.of === of && f.time === null).map((f) => f.name);
  const unknown = Object.keys(values).filter((name) => !known.includes(name));
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
 * @param {string} name any text, even 'constructor', which every object inherits
 */
function own(values, name) {
  return Object.hasOwn(values, name) ? values[name] : null;
}

/**
 * A time feature's value of one event; the last of `moments` is now.
 * @param {TimeFeature} time
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
 * Integer division of a number >= 0. Rounding `number / divisor` down could be off by one.
 * @param {number} number
 * @param {number} divisor
 */
function floorDivide(number, divisor) {
  return Math.round((number - (number % divisor)) / divisor);
}

/** Latest moment in seconds since 1970: JavaScript's dates end there. */
export const LATEST = 8.64e12;

/**
 * A moment in seconds since 1970, or null for none. Throws a PocketrecError for anything else.
 * @param {unknown} moment
 * @returns {number | null}
 */
export function seconds(moment) {
  if (moment === null || moment === undefined) return null;
  const time = moment instanceof Date ? moment.getTime() / 1000 : moment;
  if (typeof time !== 'number' || !(time >= 0 && time <= LATEST)) {
    throw new PocketrecError(
      'input',
      `time ${shown(moment)} is neither seconds since 1970 nor a Date after it`,
    );
  }
  return time;
}

/**
 * The ids of any iterable but a string. Throws a PocketrecError for anything else.
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
 * Throw a PocketrecError unless an id is a string or an integer.
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
