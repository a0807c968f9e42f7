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
 */

const DATABASE = 'pocketrec';
const RECORDS = 'records';

export class Store {
  /** @type {IDBDatabase | null} */
  #database = null;

  /** @type {Map<string, StoredRecord>} what could not be kept in the browser's storage */
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
    if (this.#memory.size) return [...this.#memory.values()];
    return this.#try((records) => records.getAll(), /** @type {StoredRecord[]} */ ([]));
  }

  /**
   * @param {Key} key
   * @returns {Promise<StoredRecord | undefined>}
   */
  async read(key) {
    const remembered = this.#memory.get(name(key));
    return remembered ?? this.#try((records) => records.get([key.model, key.catalogue]), undefined);
  }

  /**
   * Put a record in the place of the one whose revision is `from` ('' for none); where another one
   * is found, nothing is written.
   *
   * @param {StoredRecord} record
   * @param {string} from
   * @returns {Promise<{ written: true } | { written: false, found: StoredRecord | undefined }>}
   */
  async exchange(record, from) {
    try {
      const result = await this.#exchange(record, from);
      this.#memory.delete(name(record));
      this.problem = null;
      return result;
    } catch (error) {
      // The app goes on in memory, and tries again at the next tap.
      this.problem = explain(error);
      this.#memory.set(name(record), record);
      return { written: true };
    }
  }

  /**
   * @param {StoredRecord} record
   * @param {string} from
   * @returns {Promise<{ written: true } | { written: false, found: StoredRecord | undefined }>}
   */
  #exchange(record, from) {
    const { promise, resolve, reject } = deferred();
    const transaction = this.#transaction('readwrite');
    const records = transaction.objectStore(RECORDS);
    const reading = records.get([record.model, record.catalogue]);
    /** @type {{ written: true } | { written: false, found: StoredRecord | undefined }} */
    let result = { written: true };
    reading.onsuccess = () => {
      const found = /** @type {StoredRecord | undefined} */ (reading.result);
      // What lived in memory alone has no revision that storage knows of: it is not older.
      const same = (found?.revision ?? '') === from || this.#memory.has(name(record));
      if (!same) {
        result = { written: false, found };
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

  /** Delete every record. */
  async wipe() {
    this.#memory.clear();
    await this.#try((records) => records.clear(), undefined, 'readwrite');
  }

  /** @param {IDBTransactionMode} mode */
  #transaction(mode) {
    if (!this.#database) throw new DOMException('no database', 'InvalidStateError');
    return this.#database.transaction(RECORDS, mode, { durability: 'relaxed' });
  }

  /**
   * @template T
   * @param {(records: IDBObjectStore) => IDBRequest} ask
   * @param {T} otherwise
   * @param {IDBTransactionMode} [mode]
   * @returns {Promise<T>}
   */
  async #try(ask, otherwise, mode = 'readonly') {
    if (!this.#database) return otherwise;
    try {
      return await answer(ask(this.#transaction(mode).objectStore(RECORDS)));
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
  const full = error instanceof DOMException && error.name === 'QuotaExceededError';
  return full
    ? 'This browser’s storage is full: nothing new is being kept.'
    : 'This browser blocks storage: nothing is being kept.';
}
