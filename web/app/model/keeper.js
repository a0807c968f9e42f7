/** One session's record in the store, and the other tabs that share it. */

/** @import { PersonalState, Recommender } from '../../pocketrec.js' */
/** @import { About, Store, StoredRecord } from './store.js' */

export class Keeper {
  #store;
  #channel = new BroadcastChannel('pocketrec');

  /** Of the record that the session stands on; nothing when there is none. */
  #revision = '';

  /**
   * @param {Recommender} recommender
   * @param {Store} store
   */
  constructor(recommender, store) {
    this.#store = store;
    this.key = {
      model: recommender.fingerprint,
      catalogue: String(recommender.manifest.files['items.json'].sha256),
    };
  }

  /**
   * Call back when another tab has stored or wiped something.
   * @param {() => void} changed
   */
  listen(changed) {
    this.#channel.onmessage = changed;
  }

  /**
   * The record of this model; without one, the newest of another model of the same catalogue.
   * @returns {Promise<StoredRecord | undefined>}
   */
  async find() {
    const own = await this.#store.read(this.key);
    if (own) return own;
    const records = await this.#store.all();
    const same = records.filter(({ catalogue }) => catalogue === this.key.catalogue);
    return same.sort((a, b) => (a.saved < b.saved ? 1 : -1))[0];
  }

  /**
   * Stand on a record from now on.
   * @param {StoredRecord | undefined} record
   */
  takeUp(record) {
    this.#revision = record?.model === this.key.model ? record.revision : '';
  }

  /**
   * What another tab has stored since, if it has; its record is none after a wipe.
   * @returns {Promise<{ record: StoredRecord | undefined } | null>}
   */
  async newer() {
    const record = await this.#store.read(this.key);
    return (record?.revision ?? '') === this.#revision ? null : { record };
  }

  /**
   * The record of a state.
   *
   * @param {PersonalState} state
   * @param {About} about
   * @returns {StoredRecord}
   */
  record(state, about) {
    const saved = new Date().toISOString();
    return { ...this.key, revision: this.#revision, saved, about, state };
  }

  /**
   * Store a state; gives what another tab stored first, if so, and then stores nothing.
   *
   * @param {PersonalState} state
   * @param {About} about
   * @returns {Promise<{ record: StoredRecord | undefined, unkept: boolean } | null>} `unkept` if this
   *   tab had changes that only its memory held
   */
  async keep(state, about) {
    const revision = crypto.getRandomValues(new Uint32Array(3)).join('-');
    const record = { ...this.record(state, about), revision };
    const result = await this.#store.exchange(record, this.#revision);
    if (!result.written) return { record: result.found, unkept: result.unkept };
    this.#revision = revision;
    this.#channel.postMessage('changed');
    return null;
  }

  /** Delete every record, of other models as well. */
  async wipe() {
    await this.#store.wipe();
    this.#channel.postMessage('changed');
  }

  close() {
    this.#channel.close();
  }
}
