/**
 * One user's own state at work: it learns, recommends and explains.
 *
 * It stays where the app keeps it. src/pocketrec/runtime/personal.py is the same in Python, with
 * the same JSON.
 */

import { DECAY, SLOWING } from './contract.js';
import { PocketrecError, shown } from './errors.js';
import { checkId, checkOrder, listed, seconds } from './inputs.js';
import { emptyState, guarded, historyOf, restoreState, timesOf, withGain } from './state.js';

/** @import { Recommendation } from './catalogue.js' */
/** @import { Explanation } from './explain.js' */
/** @import { Event, ItemId, Moment } from './inputs.js' */
/** @import { Context, Recommender } from './recommender.js' */
/** @import { Feedback, PersonalState, Verdict } from './state.js' */

/**
 * `time` is when it happened; `user` and `now` are those of `recommend`.
 * @typedef {{time?: Moment | null, user?: Context['user'], now?: Moment | null}} Circumstances
 */

/**
 * Sizes of the steps, chosen on validation users (docs/decisions/0011-personalization.md).
 * @type {Record<Verdict, number>}
 */
const RATES = { like: 1, seen: 0.25, dislike: -0.25 };

/** Newest changes that can be undone. */
const UNDO = 20;

/**
 * Learns from likes and dislikes, and recommends for one user of a `Recommender`.
 *
 * A liked item moves the vector and joins the history; so does a seen one, by a quarter of a step;
 * a disliked one moves the vector the other way, stays out of the history, and is not recommended.
 * The newest word on an item replaces those before (of an item that may repeat, its dislikes
 * only).
 *
 * The guard: before a like is learned from, the place of the item in the list is looked up with
 * the vector and without. When the vector has made the lists of the newest likes worse, it goes
 * back to zero (`rolledBack` counts how often).
 */
export class Personal {
  /** @type {Readonly<PersonalState>} every change makes a new one */
  #state;
  /** @type {Readonly<PersonalState>[]} */
  #before = [];

  /**
   * @param {Recommender} recommender
   * @param {unknown} [saved] what `toJSON` gave. A vector belongs to one model; a state whose
   *   "vector" is [] is taken by any model that knows its items. Anything else is refused.
   */
  constructor(recommender, saved) {
    if (typeof recommender?.recommend !== 'function') {
      throw new PocketrecError('input', `Personal takes a Recommender, not ${shown(recommender)}`);
    }
    this.recommender = recommender;
    this.#state = saved === undefined ? emptyState(recommender) : restoreState(saved, recommender);
  }

  /** All that the user said, oldest first. */
  get events() {
    return [...this.#state.events];
  }

  /**
   * What the user liked or has seen, oldest first.
   * @returns {Event[]}
   */
  get history() {
    return historyOf(this.#state.events);
  }

  /** What is not to be recommended to the user. */
  get blocked() {
    return this.#state.events.filter((event) => event.verdict === 'dislike').map(({ id }) => id);
  }

  /** The personal vector (D), zero at the start. */
  get vector() {
    const { vector } = this.#state;
    return vector.length ? [...vector] : Array(this.recommender.shapes.dim).fill(0);
  }

  /** Steps of learning so far. */
  get steps() {
    return this.#state.steps;
  }

  /** How often the guard took back what was learned. */
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
   * Learn that the user knows an item, be it good or bad.
   * @param {ItemId} id
   * @param {Circumstances} [circumstances]
   */
  seen(id, circumstances = {}) {
    return this.#learn(id, 'seen', circumstances);
  }

  /**
   * Take back all that was said of an item; the vector stays as it is.
   * @param {ItemId} id
   */
  forget(id) {
    checkId(id);
    const events = this.#state.events.filter((event) => String(event.id) !== String(id));
    this.#change({ ...this.#state, events });
  }

  /** Take back the newest change, with what was learned; false when there is none left. */
  undo() {
    const state = this.#before.pop();
    if (!state) return false;
    this.#state = state;
    return true;
  }

  /**
   * Shrink the vector, as an app may do from time to time: 1 keeps it, 0 forgets it.
   * @param {number} factor
   */
  decay(factor) {
    if (!(typeof factor === 'number' && factor >= 0 && factor <= 1)) {
      throw new PocketrecError('input', `decay takes a factor from 0 to 1, not ${shown(factor)}`);
    }
    const vector = this.#state.vector.map((number) => number * factor);
    // A vector that was forgotten is not to be judged by what it did.
    const gains = factor ? this.#state.gains : [];
    this.#change({ ...this.#state, vector, gains });
  }

  /** Forget everything: history, verdicts and vector. It can be undone. */
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
   * Which of the user's items speak for these; see `Recommender.explain`.
   * @param {readonly ItemId[]} ids
   * @param {{most?: number} & Omit<Context, 'userVector'>} [options]
   * @returns {Promise<Explanation[]>}
   */
  async explain(ids, options = {}) {
    const told = { ...options, userVector: this.vector };
    return this.recommender.explain(this.history, ids, told);
  }

  /**
   * All that is kept, for the app to store; the constructor takes it back.
   * @returns {PersonalState}
   */
  toJSON() {
    return structuredClone(this.#state);
  }

  /**
   * Learn from a verdict. Changes that are made while the model computes stay: it is then
   * computed again, upon them.
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
   * The state after a step of learning, at the moment when the item was met.
   * @param {ItemId} id
   * @param {Verdict} verdict
   * @param {Circumstances} circumstances
   * @returns {Promise<PersonalState>}
   */
  async #learned(id, verdict, { time = null, user, now = time }) {
    const state = this.#state;
    const events = this.#with(id, verdict, time);
    const rate = RATES[verdict] / (1 + state.steps / SLOWING);
    const vector = await this.recommender.adapt(id, {
      liked: rate > 0,
      learningRate: Math.abs(rate),
      userVector: this.vector.map((number) => DECAY * number),
    });
    const after = { ...state, events, vector: [...vector], steps: state.steps + 1 };
    if (verdict !== 'like') return after;
    return withGain(after, await this.#gains(historyOf(events).slice(0, -1), id, { user, now }));
  }

  /**
   * What the lists before a like were worth to it, with the vector and without it.
   * @param {Event[]} history
   * @param {ItemId} id
   * @param {{user?: Context['user'], now?: Moment | null}} told
   * @returns {Promise<[number, number]>}
   */
  async #gains(history, id, told) {
    const blocked = this.blocked.filter((other) => String(other) !== String(id));
    const { vector } = this;
    const gain = async (/** @type {number[] | null} */ userVector) => {
      const k = this.recommender.shapes.results;
      const options = { ...told, k, blocked, userVector };
      const lines = await this.recommender.recommend(history, options);
      const place = lines.findIndex((line) => String(line.id) === String(id));
      return place < 0 ? 0 : 1 / Math.log2(2 + place);
    };
    const plain = await gain(null);
    return [vector.some((number) => number !== 0) ? await gain(vector) : plain, plain];
  }

  /**
   * All events, with a new one, which replaces those of its item that it contradicts.
   * @param {ItemId} id
   * @param {Verdict} verdict
   * @param {Moment | null} [time]
   * @returns {Feedback[]}
   */
  #with(id, verdict, time) {
    this.recommender.checkKnown([id]);
    const once = this.recommender.manifest.exclude_seen || verdict === 'dislike';
    const kept = this.#state.events.filter(
      (event) => String(event.id) !== String(id) || !(once || event.verdict === 'dislike'),
    );
    const events = [...kept, { id, verdict, time: seconds(time) }];
    checkOrder(timesOf(events));
    return events;
  }

  /** @param {PersonalState} state */
  #change(state) {
    this.#before = [...this.#before, this.#state].slice(-UNDO);
    this.#state = state;
  }
}
