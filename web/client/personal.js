/**
 * One user's personal state: it learns, recommends and explains.
 *
 * The app decides where to store it. src/pocketrec/runtime/personal.py is the same in Python, with
 * the same JSON.
 */

import { DECAY, SLOWING } from './contract.js';
import { PocketrecError, shown } from './errors.js';
import { checkId, listed, seconds } from './events.js';
import { gainsOf, guarded, withGains } from './guard.js';
import { emptyState, historyOf, restoreState, withFeedback } from './state.js';

/** @import { Recommendation } from './catalogue.js' */
/** @import { Event, ItemId, Moment } from './events.js' */
/** @import { Explanation } from './explain.js' */
/** @import { Context, Recommender } from './recommender.js' */
/** @import { PersonalState, Verdict } from './state.js' */

/**
 * `time` is when it happened; `user` and `now` are those of `recommend`.
 * @typedef {{time?: Moment | null, user?: Context['user'], now?: Moment | null}} Circumstances
 */

/**
 * Step sizes, chosen on validation users (docs/decisions/0011-personalization.md).
 * @type {Record<Verdict, number>}
 */
const RATES = { like: 1, seen: 0.25, dislike: -0.25 };

/** Newest changes that can be undone. */
const UNDO = 20;

/**
 * Learns from likes and dislikes, and recommends for one user of a `Recommender`.
 *
 * A liked item moves the vector and joins the history; so does a seen item, with a quarter of the
 * step. A disliked item moves the vector the other way, stays out of the history, and is blocked.
 * A new verdict on an item replaces earlier ones (only dislikes, if items may repeat).
 *
 * The guard: before a like is learned, its place in the list is looked up with and without the
 * vector. When the vector has made the newest likes' lists worse, it is reset to zero
 * (`rolledBack` counts how often).
 */
export class Personal {
  /** @type {Readonly<PersonalState>} replaced by each change */
  #state;
  /** @type {Readonly<PersonalState>[]} */
  #before = [];

  /**
   * @param {Recommender} recommender
   * @param {unknown} [saved] the result of `toJSON`. A vector belongs to one model; a state whose
   *   "vector" is [] fits any model that knows its items. Anything else is refused.
   */
  constructor(recommender, saved) {
    if (typeof recommender?.recommend !== 'function') {
      throw new PocketrecError('input', `Personal takes a Recommender, not ${shown(recommender)}`);
    }
    this.recommender = recommender;
    this.#state = saved === undefined ? emptyState(recommender) : restoreState(saved, recommender);
  }

  /** All verdicts of the user, oldest first. */
  get events() {
    return [...this.#state.events];
  }

  /**
   * Liked and seen items, oldest first.
   * @returns {Event[]}
   */
  get history() {
    return historyOf(this.#state.events);
  }

  /** Disliked items, which are never recommended. */
  get blocked() {
    return this.#state.events.filter((event) => event.verdict === 'dislike').map(({ id }) => id);
  }

  /** The personal vector (D), zero at the start. */
  get vector() {
    const { vector } = this.#state;
    return vector.length ? [...vector] : Array(this.recommender.shapes.dim).fill(0);
  }

  /** Learning steps so far. */
  get steps() {
    return this.#state.steps;
  }

  /** How often the guard reset the vector. */
  get rolledBack() {
    return this.#state.rolled_back;
  }

  /**
   * Learn that the user likes an item.
   * @param {ItemId} id
   * @param {Circumstances} [circumstances]
   */
  like(id, circumstances = {}) {
    return this.#learn(id, 'like', circumstances);
  }

  /**
   * Learn that an item is not for the user.
   * @param {ItemId} id
   * @param {Circumstances} [circumstances]
   */
  dislike(id, circumstances = {}) {
    return this.#learn(id, 'dislike', circumstances);
  }

  /**
   * Learn that the user knows an item, whether they liked it or not.
   * @param {ItemId} id
   * @param {Circumstances} [circumstances]
   */
  seen(id, circumstances = {}) {
    return this.#learn(id, 'seen', circumstances);
  }

  /**
   * Remove all verdicts on an item; the vector stays.
   * @param {ItemId} id
   */
  forget(id) {
    checkId(id);
    const events = this.#state.events.filter((event) => String(event.id) !== String(id));
    this.#change({ ...this.#state, events });
  }

  /** Undo the newest change, including what was learned; false when nothing is left to undo. */
  undo() {
    const state = this.#before.pop();
    if (!state) return false;
    this.#state = state;
    return true;
  }

  /**
   * Multiply the vector by a factor: 1 keeps it, 0 forgets it.
   * @param {number} factor
   */
  decay(factor) {
    if (!(typeof factor === 'number' && factor >= 0 && factor <= 1)) {
      throw new PocketrecError('input', `decay takes a factor from 0 to 1, not ${shown(factor)}`);
    }
    const vector = this.#state.vector.map((number) => number * factor);
    // The guard must not judge a new vector by the gains of a forgotten one.
    const gains = factor ? this.#state.gains : [];
    this.#change({ ...this.#state, vector, gains });
  }

  /** Forget everything: history, verdicts and vector. This can be undone. */
  reset() {
    this.#change(emptyState(this.recommender));
  }

  /**
   * The best k items for the user; see `Recommender.recommend`.
   * @param {{k?: number, blocked?: Iterable<ItemId>} & Omit<Context, 'userVector'>} [options]
   * @returns {Promise<Recommendation[]>}
   */
  async recommend({ blocked = [], ...options } = {}) {
    return this.recommender.recommend(this.history, {
      ...options,
      blocked: [...this.blocked, ...listed(blocked, 'blocked')],
      userVector: this.vector,
    });
  }

  /**
   * Which of the user's items explain these; see `Recommender.explain`.
   * @param {readonly ItemId[]} ids
   * @param {{most?: number} & Omit<Context, 'userVector'>} [options]
   * @returns {Promise<Explanation[]>}
   */
  async explain(ids, options = {}) {
    return this.recommender.explain(this.history, ids, { ...options, userVector: this.vector });
  }

  /**
   * The whole state, for the app to store; pass it to the constructor to restore it.
   * @returns {PersonalState}
   */
  toJSON() {
    return structuredClone(this.#state);
  }

  /**
   * Learn from a verdict. If another change comes while the model computes, compute again from the
   * changed state.
   *
   * @param {ItemId} id
   * @param {Verdict} verdict
   * @param {Circumstances} circumstances
   */
  async #learn(id, verdict, circumstances) {
    let before, after;
    do {
      before = this.#state;
      after = await this.#learned(id, verdict, circumstances);
    } while (before !== this.#state);
    this.#change(verdict === 'like' ? guarded(after) : after);
  }

  /**
   * The state after one learning step.
   * @param {ItemId} id
   * @param {Verdict} verdict
   * @param {Circumstances} circumstances
   * @returns {Promise<PersonalState>}
   */
  async #learned(id, verdict, { time = null, user, now = time }) {
    const state = this.#state;
    const { recommender } = this;
    recommender.checkKnown([id]);
    const feedback = { id, verdict, time: seconds(time) };
    const events = withFeedback(state.events, feedback, recommender.manifest.exclude_seen);
    const rate = RATES[verdict] / (1 + state.steps / SLOWING);
    const vector = await recommender.adapt(id, {
      liked: rate > 0,
      learningRate: Math.abs(rate),
      userVector: this.vector.map((number) => DECAY * number),
    });
    const after = { ...state, events, vector: [...vector], steps: state.steps + 1 };
    if (verdict !== 'like') return after;
    const blocked = this.blocked.filter((other) => String(other) !== String(id));
    const history = historyOf(events).slice(0, -1);
    const options = { user, now, blocked };
    return withGains(after, await gainsOf(recommender, history, id, this.vector, options));
  }

  /** @param {PersonalState} state */
  #change(state) {
    this.#before = [...this.#before, this.#state].slice(-UNDO);
    this.#state = state;
  }
}
