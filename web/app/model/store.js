/**
 * What the page keeps, in IndexedDB: one record for each model and catalogue.
 *
 * A record is exchanged only for the one that it was made from: reading, comparing and writing are
 * one transaction, so that two tabs never lose each other's taps. Where the browser lets nothing be
 * kept, records live in memory, and `problem` says so.
 */

/** @import { PersonalState } from '../../pocketrec.js' */

/**
 * Values of the model's user features, as they were told.
 * @typedef {Record<string, string>} About
 *
 * `revision` is another text after every write.
 * @typedef {{
 *   model: string, catalogue: string, revision: string, saved: string,
 *   state: PersonalState, about: About,
 * }} StoredRecord
 *
 * @typedef {Pick<StoredRecord, 'model' | 'catalogue'>} Key
 *
 * Or what was found instead; `unkept` if what was to be written had been in memory alone before.
 * @typedef {{ written: true }
 *   | { written: false, found: StoredRecord | undefined, unkept: boolean }} Exchanged
 */

const DATABASE = 'pocketrec';
const RECORDS = 'records';

export class Store {
  /** @type {IDBDatabase | null} */
  #database = null;

  /**
   * What could not be kept in the browser's storage, and the revision there that it was made from.
   * @type {Map<string, { record: StoredRecord, from: string }>}
   */
  #memory = new Map();

  /** Why nothing is being kept, in one sentence; null while things are. @type {string | null} */
  problem = null;

  /** Open the browser's storage; where there is none, `problem` says so, and nothing is thrown. */
  static async open() {
    const store = new Store();
    try {
      store.#database = await openDatabase();
      // Another tab with a newer version of the page must not wait for this one.
      store.#database.onversionchange = () => store.#database?.close();
    } catch (error) {
      store.problem = explain(error);
    }
    return store;
  }

  /**
   * Every record.
   * @returns {Promise<StoredRecord[]>}
   */
  async all() {
    if (this.#memory.size) return [...this.#memory.values()].map(({ record }) => record);
    return this.#try((records) => records.getAll(), /** @type {StoredRecord[]} */ ([]));
  }

  /**
   * @param {Key} key
   * @returns {Promise<StoredRecord | undefined>}
   */
  async read(key) {
    const remembered = this.#memory.get(name(key))?.record;
    return remembered ?? this.#try((records) => records.get([key.model, key.catalogue]), undefined);
  }

  /**
   * Put a record in the place of the one whose revision is `from` ('' for none); where another one
   * is found, nothing is written.
   *
   * @param {StoredRecord} record
   * @param {string} from
   * @returns {Promise<Exchanged>}
   */
  async exchange(record, from) {
    const remembered = this.#memory.get(name(record));
    // Storage never knew the revisions of what lived in memory alone.
    const base = remembered ? remembered.from : from;
    try {
      const result = await this.#exchange(record, base);
      this.#memory.delete(name(record));
      this.problem = null;
      return result;
    } catch (error) {
      // The app goes on in memory, and tries again at the next tap.
      this.problem = explain(error);
      this.#memory.set(name(record), { record, from: base });
      return { written: true };
    }
  }

  /**
   * @param {StoredRecord} record
   * @param {string} from
   * @returns {Promise<Exchanged>}
   */
  #exchange(record, from) {
    const { promise, resolve, reject } = deferred();
    const transaction = this.#transaction('readwrite');
    const records = transaction.objectStore(RECORDS);
    const reading = records.get([record.model, record.catalogue]);
    /** @type {Exchanged} */
    let result = { written: true };
    reading.onsuccess = () => {
      const found = /** @type {StoredRecord | undefined} */ (reading.result);
      if ((found?.revision ?? '') !== from) {
        result = { written: false, found, unkept: this.#memory.has(name(record)) };
        return;
      }
      try {
        records.put(record);
      } catch (error) {
        reject(error);
        transaction.abort();
      }
    };
    transaction.oncomplete = () => resolve(result);
    transaction.onabort = () => reject(transaction.error);
    return promise;
  }

  /** Delete every record; rejects when the browser does not let it. */
  async wipe() {
    this.#memory.clear();
    if (!this.#database) return;
    const { promise, resolve, reject } = deferred();
    try {
      const transaction = this.#transaction('readwrite');
      transaction.objectStore(RECORDS).clear();
      transaction.oncomplete = resolve;
      transaction.onabort = () => reject(transaction.error);
      await promise;
    } catch (cause) {
      throw new Error('nothing was wiped, since the browser refused: close its other tabs of this page', {
        cause,
      });
    }
  }

  /** @param {IDBTransactionMode} mode */
  #transaction(mode) {
    if (!this.#database) throw new DOMException('no database', 'NotAllowedError');
    return this.#database.transaction(RECORDS, mode, { durability: 'relaxed' });
  }

  /**
   * @template T
   * @param {(records: IDBObjectStore) => IDBRequest} ask
   * @param {T} otherwise
   * @returns {Promise<T>}
   */
  async #try(ask, otherwise) {
    if (!this.#database) return otherwise;
    try {
      return await answer(ask(this.#transaction('readonly').objectStore(RECORDS)));
    } catch (error) {
      this.problem = explain(error);
      return otherwise;
    }
  }
}

/** @returns {Promise<IDBDatabase>} */
async function openDatabase() {
  const opening = indexedDB.open(DATABASE, 1);
  opening.onupgradeneeded = () => {
    opening.result.createObjectStore(RECORDS, { keyPath: ['model', 'catalogue'] });
  };
  return answer(opening);
}

/**
 * @param {IDBRequest} request
 * @returns {Promise<any>}
 */
function answer(request) {
  const { promise, resolve, reject } = deferred();
  request.onsuccess = () => resolve(request.result);
  request.onerror = () => reject(request.error);
  return promise;
}

/** @returns {{ promise: Promise<any>, resolve: (value: any) => void, reject: (e: any) => void }} */
function deferred() {
  /** @type {any} */
  const made = {};
  made.promise = new Promise((resolve, reject) => Object.assign(made, { resolve, reject }));
  return made;
}

/** @param {Key} key */
const name = (key) => `${key.model} ${key.catalogue}`;

/** @param {unknown} error */
function explain(error) {
  switch (error instanceof DOMException && error.name) {
    case 'QuotaExceededError':
      return 'This browser’s storage is full: nothing new is being kept.';
    case 'InvalidStateError': // closed for a newer version of the page
      return 'This tab has lost the browser’s storage: nothing new is being kept; reload it.';
    default:
      return 'This browser blocks storage: nothing is being kept.';
  }
}
