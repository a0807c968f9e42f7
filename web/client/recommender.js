/**
 * Recommends from a bundle: ids in, ids and titles out. Nothing is sent anywhere.
 */

import { readBundle } from './bundle.js';
import { Catalogue, checkCount } from './catalogue.js';
import { DeviceModel } from './device.js';
import { PocketrecError, shown } from './errors.js';
import { checkValues, encodeInputs, listed } from './events.js';
import { leaveOneOut } from './explain.js';
import { checkGolden } from './golden.js';
import { loadRuntime } from './runtime.js';
import { Session } from './session.js';

/** @import { Bundle, Progress } from './bundle.js' */
/** @import { History, Recommendation } from './catalogue.js' */
/** @import { Event, ItemId, Moment } from './events.js' */
/** @import { Explanation } from './explain.js' */
/** @import { Query } from './inputs.js' */
/** @import { Source } from './source.js' */

/**
 * `user` has values by the names of the model's user features, `now` is the time of the request
 * (time features read it), and `userVector` (D numbers) is added to the user. Omit anything you
 * don't know: the model was trained with missing values.
 * @typedef {{user?: Record<string, unknown> | null, now?: Moment | null,
 *   userVector?: ArrayLike<number> | null}} Context
 */

/**
 * Open a bundle: fetch its files, check hashes and contract, load the runtime and the model, and
 * compare the golden vectors.
 *
 * `wasm` is the folder with LiteRT.js's files; a page has one runtime, so later calls ignore it.
 * `onProgress` is called as bytes of the bundle arrive. Rejects with a PocketrecError.
 *
 * @param {Source} source the folder's address, or a Map of its three files by name
 * @param {{wasm?: string | URL, onProgress?: (progress: Progress) => void}} [options]
 * @returns {Promise<Recommender>}
 */
export async function openBundle(source, { wasm = 'wasm/', onProgress } = {}) {
  const runtime = loadRuntime(wasm); // while the bundle's files arrive
  runtime.catch(() => {}); // a problem of the bundle is reported first
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

/** An opened bundle. It keeps nothing between calls; calls are answered in order. */
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

  /** Features of events and users that the model reads beside item ids. */
  get features() {
    return this.#bundle.spec.features;
  }

  get shapes() {
    return this.#bundle.spec.shapes;
  }

  /** sha256 of the model's bytes: a personal vector belongs to one model. */
  get fingerprint() {
    return this.#bundle.fingerprint;
  }

  /**
   * Whether the catalogue has an item. 50 and '50' are the same id.
   * @param {ItemId} id
   */
  has(id) {
    return this.#catalogue.has(id);
  }

  /**
   * Throw a PocketrecError unless the catalogue has all of these items.
   * @param {Iterable<ItemId>} ids
   */
  checkKnown(ids) {
    this.#catalogue.indices(ids, 'ids', true);
  }

  /**
   * Start a session: a user whose events come one by one, after an optional history.
   *
   * Arguments are those of `recommend`. When the model has the signature `step`, a tap costs two
   * events instead of L, but starting costs one call of the model for each of the newest L events.
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
   * Items of the history are excluded (unless the bundle's domain repeats), and `blocked` items
   * always. An empty history gives popular items. Unknown ids, and feature values that training
   * never saw, are ignored, or refused when `strict`. The list is shorter than k when fewer items
   * are left.
   *
   * @param {History} history
   * @param {{k?: number, blocked?: Iterable<ItemId>, strict?: boolean} & Context} [options]
   * @returns {Promise<Recommendation[]>}
   */
  async recommend(history, { k = 10, blocked = [], strict = false, ...context } = {}) {
    this.#catalogue.checkCount(k);
    const known = this.#catalogue.events(history, strict);
    const query = this.#query(known, context);
    if (strict) checkValues(this.features, known, context.user);
    query.blocked = this.#catalogue.indices(blocked, 'blocked', strict);
    return this.#catalogue.lines(await this.#device.recommend(query, k));
  }

  /**
   * Ranking scores of the candidates, in their order. Unknown candidates are refused.
   *
   * @param {History} history
   * @param {Iterable<ItemId>} candidates
   * @param {Context} [context]
   * @returns {Promise<number[]>}
   */
  async score(history, candidates, context = {}) {
    const query = this.#query(this.#catalogue.events(history), context);
    const indices = this.#catalogue.indices(candidates, 'candidates', true);
    return Array.from(await this.#device.score(query, indices));
  }

  /**
   * The user vector (D) after one step of learning from a liked or disliked item.
   *
   * `Personal` keeps the vector and chooses the rates. An unknown item is refused.
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
   * For each item the events of the history that raise its score most.
   *
   * Each of the newest 50 events is left out once, which costs one call of the model. Unknown ids
   * in the history are ignored; unknown items are refused.
   *
   * @param {History} history
   * @param {readonly ItemId[]} ids
   * @param {{most?: number} & Context} [options]
   * @returns {Promise<Explanation[]>}
   */
  async explain(history, ids, { most = 2, ...context } = {}) {
    checkCount(most, 'most');
    const items = listed(ids, 'ids');
    const candidates = this.#catalogue.indices(items, 'ids', true);
    const score = async (/** @type {Event[]} */ events) =>
      this.#device.score(this.#query(events, context), candidates);
    const reasons = await leaveOneOut(score, this.#catalogue.events(history), most);
    return items.map((id, n) => ({ id, because: reasons[n] ?? [] }));
  }

  /** Free the model's memory; later calls are refused. */
  close() {
    return this.#device.close();
  }

  /**
   * The query of known events.
   * @param {Event[]} known
   * @param {Context} context
   * @returns {Query}
   */
  #query(known, { user, now, userVector }) {
    const history = this.#catalogue.indicesOf(known);
    return { history, userVector, rows: encodeInputs(this.features, known, user, now) };
  }
}
