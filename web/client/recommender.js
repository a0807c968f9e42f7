/**
 * Recommend from a bundle: ids in, ids and titles out. Nothing is sent anywhere.
 */

import { readBundle } from './bundle.js';
import { DeviceModel } from './device.js';
import { PocketrecError, shown } from './errors.js';
import { leaveOneOut } from './explain.js';
import { checkGolden } from './golden.js';
import { checkId, checkValues, encodeInputs, listed } from './inputs.js';
import { loadRuntime } from './runtime.js';

/** @import { Bundle, Item, Progress } from './bundle.js' */
/** @import { Explanation } from './explain.js' */
/** @import { Event, ItemId, Moment } from './inputs.js' */
/** @import { Source } from './source.js' */

/**
 * What the user did, oldest first: ids, or events that tell more.
 * @typedef {readonly (ItemId | Event)[]} History
 *
 * `user` are values by the names of the model's user features, `now` the moment of asking (for
 * features of time), `userVector` what is added to the user (D numbers). What is left out, the
 * model does without.
 * @typedef {{user?: Record<string, unknown> | null, now?: Moment | null,
 *   userVector?: ArrayLike<number> | null}} Context
 *
 * One line of a list; scores are logits, comparable within one list only.
 * @typedef {{id: ItemId, title: string | null, score: number}} Recommendation
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
  /** @type {Map<string, number>} */
  #index;

  /**
   * @param {Bundle} bundle
   * @param {DeviceModel} device
   */
  constructor(bundle, device) {
    this.#bundle = bundle;
    this.#device = device;
    this.#index = new Map(bundle.items.map((item, place) => [String(item.id), place + 1]));
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
    return this.#index.has(String(id));
  }

  /**
   * Throw a PocketrecError unless the catalogue has all of some items.
   * @param {Iterable<ItemId>} ids
   */
  checkKnown(ids) {
    this.#indices(ids, 'ids', true);
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
    checkCount(k, 'k');
    if (k > this.items.length) {
      const most = this.items.length;
      throw new PocketrecError('input', `k = ${k} is more than the catalogue's ${most} items`);
    }
    const known = this.#known(history, strict);
    const { events, told } = this.#tell(known, context);
    if (strict) checkValues(this.features, known, context.user);
    const hidden = this.#indices(blocked, 'blocked', strict);
    const { ids, scores } = await this.#device.recommend(events, { k, blocked: hidden, ...told });
    return Array.from(ids, (index, place) => {
      const { id, title } = /** @type {Item} */ (this.items[index - 1]);
      return { id, title, score: Number(scores[place]) };
    });
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
    const { events, told } = this.#tell(this.#known(history), context);
    const indices = this.#indices(candidates, 'candidates', true);
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
    const index = this.#indices([id], 'adapt', true);
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
    const candidates = this.#indices(asked, 'ids', true);
    const score = async (/** @type {Event[]} */ known) => {
      const { events, told } = this.#tell(known, context);
      return this.#device.score(events, candidates, told);
    };
    const found = await leaveOneOut(score, this.#known(history), most);
    return asked.map((id, n) => ({ id, because: found[n] ?? [] }));
  }

  /** Free the model's memory; calls are refused from then on. */
  close() {
    return this.#device.close();
  }

  /**
   * The events of a history whose items the catalogue has; others are left out, or refused.
   * @param {History} history
   * @param {boolean} [strict]
   * @returns {Event[]}
   */
  #known(history, strict = false) {
    if (!Array.isArray(history)) {
      throw new PocketrecError('input', 'history must be a list of ids');
    }
    const events = /** @type {Event[]} */ (
      history.map((event) => (typeof event === 'object' && event !== null ? event : { id: event }))
    );
    this.#indices(events.map((event) => event.id), 'history', strict);
    return events.filter((event) => this.has(event.id));
  }

  /**
   * Indices and rows of known events, as the device takes them.
   * @param {Event[]} known
   * @param {Context} context
   */
  #tell(known, { user, now, userVector }) {
    const events = Int32Array.from(known, ({ id }) => this.#indexOf(id));
    return { events, told: { rows: encodeInputs(this.features, known, user, now), userVector } };
  }

  /**
   * @param {Iterable<ItemId>} ids
   * @param {string} name
   * @param {boolean} strict
   */
  #indices(ids, name, strict) {
    const given = listed(ids, name);
    for (const id of given) checkId(id, name);
    const unknown = given.filter((id) => !this.has(id));
    if (strict && unknown.length) {
      const more = unknown.length > 3 ? ', ...' : '';
      const quoted = unknown.slice(0, 3).map(shown).join(', ') + more;
      throw new PocketrecError(
        'input',
        `${unknown.length} of ${given.length} ids of ${name} are unknown: ${quoted}`,
      );
    }
    return Int32Array.from(
      given.filter((id) => this.has(id)),
      (id) => this.#indexOf(id),
    );
  }

  /**
   * The index, 1..V, of an item that the catalogue has.
   * @param {ItemId} id
   */
  #indexOf(id) {
    return /** @type {number} */ (this.#index.get(String(id)));
  }
}

/**
 * @param {number} count
 * @param {string} name
 */
function checkCount(count, name) {
  if (!Number.isSafeInteger(count) || count < 1) {
    const message = `${name} must be a positive whole number, not ${shown(count)}`;
    throw new PocketrecError('input', message);
  }
}
