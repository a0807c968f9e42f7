/** One visit's record in the store, which other tabs share. */

/** @import { Recommender } from '../../pocketrec.js' */
/** @import { Data } from './profile.js' */
/** @import { Store, StoredRecord } from './store.js' */

export class Keeper {
  #store;
  #channel = new BroadcastChannel('pocketrec');

  /** Revision of the record that the visit continues from; '' when there is none. */
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
   * This model's record; otherwise the newest record of another model with the same catalogue.
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
   * Continue from a record.
   * @param {StoredRecord | undefined} record
   */
  continueFrom(record) {
    this.#revision = record?.model === this.key.model ? record.revision : '';
  }

  /**
   * What another tab has stored since; null for nothing, and without a record after a wipe.
   * @returns {Promise<{ record: StoredRecord | undefined } | null>}
   */
  async newer() {
    const record = await this.#store.read(this.key);
    return (record?.revision ?? '') === this.#revision ? null : { record };
  }

  /**
   * The record of some data.
   *
   * @param {Data} data
   * @returns {StoredRecord}
   */
  record({ state, about }) {
    const saved = new Date().toISOString();
    return { ...this.key, revision: this.#revision, saved, about, state };
  }

  /**
   * Store data. If another tab stored first, nothing is written and its record is returned.
   *
   * @param {Data} data
   * @returns {Promise<{ record: StoredRecord | undefined, unkept: boolean } | null>} `unkept` if this
   *   tab had changes that only its memory held
   */
  async keep(data) {
    const revision = crypto.getRandomValues(new Uint32Array(3)).join('-');
    const record = { ...this.record(data), revision };
    const result = await this.#store.swap(record, this.#revision);
    if (!result.written) return { record: result.current, unkept: result.unkept };
    this.#revision = revision;
    this.#channel.postMessage('changed');
    return null;
  }

  /** Delete every record, of other models too. */
  async wipe() {
    await this.#store.wipe();
    this.#channel.postMessage('changed');
  }

  close() {
    this.#channel.close();
  }
}
