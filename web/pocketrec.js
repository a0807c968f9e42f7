/**
 * pocketrec in a page: recommendations from a bundle, computed by the browser itself.
 *
 *     import { openBundle, Personal } from './pocketrec.js';
 *
 *     const recommender = await openBundle('bundle/', { wasm: 'wasm/' });
 *     const list = await recommender.recommend(['2571', '260'], { k: 10 });
 *
 *     const session = await recommender.session(['2571']); // of events that come one by one
 *     const next = await session.tap('260', { k: 10 });
 *
 *     const personal = new Personal(recommender); // learns, and keeps the history
 *     await personal.like('2571');
 *     const own = await personal.recommend({ k: 10 });
 */

export { PocketrecError } from './client/errors.js';
export { Personal } from './client/personal.js';
export { openBundle, Recommender } from './client/recommender.js';
export { Session } from './client/session.js';

/**
 * @typedef {import('./client/bundle.js').Item} Item
 * @typedef {import('./client/bundle.js').Progress} Progress
 * @typedef {import('./client/catalogue.js').Recommendation} Recommendation
 * @typedef {import('./client/encoding.js').Feature} Feature
 * @typedef {import('./client/errors.js').ErrorKind} ErrorKind
 * @typedef {import('./client/explain.js').Explanation} Explanation
 * @typedef {import('./client/events.js').Event} Event
 * @typedef {import('./client/events.js').ItemId} ItemId
 * @typedef {import('./client/events.js').Moment} Moment
 * @typedef {import('./client/recommender.js').Context} Context
 * @typedef {import('./client/source.js').Source} Source
 * @typedef {import('./client/state.js').Feedback} Feedback
 * @typedef {import('./client/state.js').PersonalState} PersonalState
 */
