/**
 * Recommend from a bundle: ids in, ids and titles out. Nothing is sent anywhere.
 */

import { readBundle } from './bundle.js';
import { Catalogue, checkCount } from './catalogue.js';
import { DeviceModel } from './device.js';
import { PocketrecError, shown } from './errors.js';
import { leaveOneOut } from './explain.js';
import { checkGolden } from './golden.js';
import { checkValues, encodeInputs, listed } from './inputs.js';
import { loadRuntime } from './runtime.js';
import { Session } from './session.js';

/** @import { Bundle, Progress } from './bundle.js' */
/** @import { History, Recommendation } from './catalogue.js' */
/** @import { Explanation } from './explain.js' */
/** @import { Event, ItemId, Moment } from './inputs.js' */
/** @import { Source } from './source.js' */

/**
 * `user` are values by the names of the model's user features, `now` the moment of asking (for
 * features of time), `userVector` what is added to the user (D numbers). What is left out, the
 * model does without.
 * @typedef {{user?: Record<string, unknown> | null, now?: Moment | null,
 *   userVector?: ArrayLike<number> | null}} Context
 */

/**
 * Open a bundle: fetch its files, check hashes and contract, load the runtime and the model, and
 * answer the golden vectors.
 *
 * `wasm` is the folder with LiteRT.js's files (the first call's counts, for a page has one
 * runtime); `onProgress` is called as bytes of the bundle arrive. Rejects with a PocketrecError.
 *
 * @param {Source} source the folder's address, or a Map of its three files by name
 * @param {{wasm?: string | URL, onProgress?: (progress: Progress) => void}} [options]
 * @returns {Promise<Recommender>}
 */
export async function openBundle(source, { wasm = 'wasm/', onProgress } = {}) {
  const runtime = loadRuntime(wasm); // while the bundle's files arrive
  runtime.catch(() => {}); // a problem of the bundle is told first
  const bundle = await readBundle(source, onProgress);
  await runtime;
  const device = await DeviceModel.load(bundle);
  try {
    await checkGolden(bundle.manifest, device);
  } catch (error) {
    await device.close();
    throw error;
  }
  return new Recommender(bundle, device);
}

/** An opened bundle. It remembers nothing between calls, which answer in the order they came. */
export class Recommender {
  #device;
  #bundle;
  #catalogue;

  /**
   * @param {Bundle} bundle
   * @param {DeviceModel} device
   */
  constructor(bundle, device) {
    this.#bundle = bundle;
    this.#device = device;
    this.#catalogue = new Catalogue(bundle.items);
  }

  /** The catalogue, most popular in training first. */
  get items() {
    return this.#bundle.items;
  }

  get manifest() {
    return this.#bundle.manifest;
  }

  /** What the model can be told of events and users beside item ids. */
  get features() {
    return this.#bundle.features;
  }

  get shapes() {
    return this.#bundle.shapes;
  }

  /** sha256 of the model's bytes: what is learned for one model is nothing to another. */
  get fingerprint() {
    return this.#bundle.fingerprint;
  }

  /**
   * Whether the catalogue has an item; 50 and '50' are the same id.
   * @param {ItemId} id
   */
  has(id) {
    return this.#catalogue.has(id);
  }

  /**
   * Throw a PocketrecError unless the catalogue has all of some items.
   * @param {Iterable<ItemId>} ids
   */
  checkKnown(ids) {
    this.#catalogue.indices(ids, 'ids', true);
  }

  /**
   * A user whose events come one by one, after what is known of them already.
   *
   * Arguments are those of `recommend`. Where the model has a state, a tap costs two events and
   * not L, but to begin costs a call of the model for each of the newest L events.
   *
   * @param {History} [history]
   * @param {{user?: Context['user'], strict?: boolean}} [options]
   * @returns {Promise<Session>}
   */
  async session(history = [], options = {}) {
    return Session.begin(this.#device, this.#catalogue, history, options);
  }

  /**
   * The best k items after a history, best first.
   *
   * Seen items are left out (unless the bundle is of a domain where users repeat), and `blocked`
   * ones always. An empty history gives what is popular. Ids that the catalogue does not have, and
   * values of features that training never saw, are ignored, or refused when `strict`. The list is
   * shorter than k when fewer items are left.
   *
   * @param {History} history
   * @param {{k?: number, blocked?: Iterable<ItemId>, strict?: boolean} & Context} [options]
   * @returns {Promise<Recommendation[]>}
   */
  async recommend(history, { k = 10, blocked = [], strict = false, ...context } = {}) {
    this.#catalogue.checkCount(k);
    const known = this.#catalogue.events(history, strict);
    const { events, told } = this.#tell(known, context);
    if (strict) checkValues(this.features, known, context.user);
    const hidden = this.#catalogue.indices(blocked, 'blocked', strict);
    const ranking = await this.#device.recommend(events, { k, blocked: hidden, ...told });
    return this.#catalogue.lines(ranking);
  }

  /**
   * Scores of the candidates, in their order; the numbers that `recommend` ranks by.
   * A candidate that the catalogue does not have is refused.
   *
   * @param {History} history
   * @param {Iterable<ItemId>} candidates
   * @param {Context} [context]
   * @returns {Promise<number[]>}
   */
  async score(history, candidates, context = {}) {
    const { events, told } = this.#tell(this.#catalogue.events(history), context);
    const indices = this.#catalogue.indices(candidates, 'candidates', true);
    return Array.from(await this.#device.score(events, indices, told));
  }

  /**
   * The user vector (D) after learning that an item was liked, or disliked.
   *
   * One step in the model; `Personal` keeps the vector and chooses the rates. An item that the
   * catalogue does not have is refused.
   *
   * @param {ItemId} id
   * @param {{liked?: boolean, learningRate?: number, userVector?: Context['userVector']}} [options]
   * @returns {Promise<Float32Array>}
   */
  async adapt(id, { liked = true, learningRate = 1, userVector } = {}) {
    const index = this.#catalogue.indices([id], 'adapt', true);
    if (typeof liked !== 'boolean') {
      throw new PocketrecError('input', `liked must be true or false, not ${shown(liked)}`);
    }
    return this.#device.adapt(index, [liked ? 1 : -1], { learningRate, userVector });
  }

  /**
   * For each of some items the events of the history that its score rests on most.
   *
   * Each of the newest 50 events is left out once, which costs a call of the model. Unknown ids of
   * the history are no reasons; an item that the catalogue does not have is refused.
   *
   * @param {History} history
   * @param {readonly ItemId[]} ids
   * @param {{most?: number} & Context} [options]
   * @returns {Promise<Explanation[]>}
   */
  async explain(history, ids, { most = 2, ...context } = {}) {
    checkCount(most, 'most');
    const asked = listed(ids, 'ids');
    const candidates = this.#catalogue.indices(asked, 'ids', true);
    const score = async (/** @type {Event[]} */ known) => {
      const { events, told } = this.#tell(known, context);
      return this.#device.score(events, candidates, told);
    };
    const found = await leaveOneOut(score, this.#catalogue.events(history), most);
    return asked.map((id, n) => ({ id, because: found[n] ?? [] }));
  }

  /** Free the model's memory; calls are refused from then on. */
  close() {
    return this.#device.close();
  }

  /**
   * Indices and rows of known events, as the device takes them.
   * @param {Event[]} known
   * @param {Context} context
   */
  #tell(known, { user, now, userVector }) {
    const events = this.#catalogue.indicesOf(known);
    return { events, told: { rows: encodeInputs(this.features, known, user, now), userVector } };
  }
}
