/**
 * The page's storage in IndexedDB: one record for each model and catalogue.
 *
 * A record replaces only the record that it was made from. Reading, comparing and writing are one
 * transaction, so two tabs never lose each other's taps. Where the browser blocks storage, records
 * live in memory, and `problem` says so.
 */

/** @import { PersonalState } from '../../pocketrec.js' */

/**
 * The visitor's values of the model's user features.
 * @typedef {Record<string, string>} About
 *
 * `revision` changes with every write.
 * @typedef {{
 *   model: string, catalogue: string, revision: string, saved: string,
 *   state: PersonalState, about: About,
 * }} StoredRecord
 *
 * @typedef {Pick<StoredRecord, 'model' | 'catalogue'>} Key
 *
 * Whether a record was written; otherwise the current record, and `unkept` if the tab had kept
 * earlier changes in memory only.
 * @typedef {{ written: true }
 *   | { written: false, current: StoredRecord | undefined, unkept: boolean }} Swapped
 */

const DATABASE = 'pocketrec';
const RECORDS = 'records';

export class Store {
  /** @type {IDBDatabase | null} */
  #database = null;

  /**
   * Records that could not be stored, each with the stored revision that it was made from.
   * @type {Map<string, { record: StoredRecord, from: string }>}
   */
  #memory = new Map();

  /** Why nothing is being stored, in one sentence; null while storage works. @type {string | null} */
  problem = null;

  /** Open the browser's storage. This never throws: on failure `problem` says why. */
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
   * Replace the record whose revision is `from` ('' for none); if the current record has another
   * revision, nothing is written.
   *
   * @param {StoredRecord} record
   * @param {string} from
   * @returns {Promise<Swapped>}
   */
  async swap(record, from) {
    const remembered = this.#memory.get(name(record));
    // Revisions of records in memory were never written to storage.
    const base = remembered ? remembered.from : from;
    try {
      const result = await this.#swap(record, base);
      this.#memory.delete(name(record));
      this.problem = null;
      return result;
    } catch (error) {
      // Keep it in memory and try again at the next tap.
      this.problem = explain(error);
      this.#memory.set(name(record), { record, from: base });
      return { written: true };
    }
  }

  /**
   * @param {StoredRecord} record
   * @param {string} from
   * @returns {Promise<Swapped>}
   */
  #swap(record, from) {
    const { promise, resolve, reject } = deferred();
    const transaction = this.#transaction('readwrite');
    const records = transaction.objectStore(RECORDS);
    const reading = records.get([record.model, record.catalogue]);
    /** @type {Swapped} */
    let result = { written: true };
    reading.onsuccess = () => {
      const current = /** @type {StoredRecord | undefined} */ (reading.result);
      if ((current?.revision ?? '') !== from) {
        result = { written: false, current, unkept: this.#memory.has(name(record)) };
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

  /** Delete every record; rejects when the browser refuses. */
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
      throw new Error(
        'nothing was wiped because the browser refused: close other tabs of this page',
        { cause },
      );
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
  const parts = {};
  parts.promise = new Promise((resolve, reject) => Object.assign(parts, { resolve, reject }));
  return parts;
}

/** @param {Key} key */
const name = (key) => `${key.model} ${key.catalogue}`;

/** @param {unknown} error */
function explain(error) {
  switch (error instanceof DOMException && error.name) {
    case 'QuotaExceededError':
      return 'This browser’s storage is full: nothing new is being kept.';
    case 'InvalidStateError': // a newer version of the page closed it
      return 'This tab has lost the browser’s storage: nothing new is being kept; reload it.';
    default:
      return 'This browser blocks storage: nothing is being kept.';
  }
}
