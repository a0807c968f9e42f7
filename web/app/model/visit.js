/**
 * One visit of the page with one bundle: verdicts, what was learned from them, and their storage.
 *
 * Changes run one after the other: each is applied, shown and stored. If another tab has stored
 * something in the meantime, its record is loaded and the change is applied again on top of it.
 */

import { Keeper } from './keeper.js';
import { Profile } from './profile.js';
import { withMissing } from './transfer.js';
import { inTurn } from './turns.js';
import { UndoStack } from './undo.js';
import { counted } from './wording.js';

/** @import { Recommender } from '../../pocketrec.js' */
/** @import { Catalogue } from './catalogue.js' */
/** @import { Entry } from './entry.js' */
/** @import { Data, Verdict } from './profile.js' */
/** @import { Store, StoredRecord } from './store.js' */

/** The sentence for a vector that the guard has reset. */
export const ROLLED_BACK =
  'Learning had made your lists worse, so it was undone. Your history stays.';

const ANNOUNCED = { like: 'Liked', seen: 'Seen:', dislike: 'Not for you:' };

export class Visit extends Profile {
  #keeper;
  #run = inTurn();
  #undo = new UndoStack();

  /**
   * Called, and awaited, after each change with a sentence about it.
   * @type {(sentence: string) => Promise<void>}
   */
  onchange = async () => {};

  /** Called once a change is stored; if that failed, the store's `problem` says why. */
  onkept = () => {};

  /**
   * @param {Recommender} recommender
   * @param {Catalogue} catalogue
   * @param {Store} store
   */
  constructor(recommender, catalogue, store) {
    super(recommender, catalogue);
    this.#keeper = new Keeper(recommender, store);
    // An error here comes again at the next tap, which reports it.
    this.#keeper.listen(() => this.refresh().catch(() => {}));
  }

  /**
   * Load what earlier visits stored.
   * @returns {Promise<string[]>} sentences about anything that could not be restored
   */
  async open() {
    const record = await this.#keeper.find();
    if (!record) return [];
    const notes = this.#load(record);
    if (record.model === this.recommender.fingerprint) return notes;
    await this.#keep(); // from now on a wipe in another tab is noticed
    const events = counted(this.personal.events.length, 'event');
    return [`The model is new: ${events} kept, learning starts over.`, ...notes.slice(1)];
  }

  get canUndo() {
    return this.#undo.newest !== undefined;
  }

  /** Everything that is stored. */
  get record() {
    return this.#keeper.record(this.data);
  }

  /**
   * Give a verdict; the same verdict again removes it.
   *
   * @param {Entry} entry
   * @param {Verdict} verdict
   */
  tap(entry, verdict) {
    return this.#change(async () => {
      if (this.verdict(entry.id) === verdict) return this.#forget(entry);
      const { rolledBack } = this.personal;
      await this.personal[verdict](entry.id, { time: this.now, user: this.about });
      const note = this.personal.rolledBack > rolledBack ? ` ${ROLLED_BACK}` : '';
      return `${ANNOUNCED[verdict]} ${entry.title}.${note}`;
    }, entry.key);
  }

  /**
   * Remove an item's verdicts; also what was learned from the newest one, if nothing came after it.
   * @param {Entry} entry
   */
  forget(entry) {
    return this.#change(() => this.#forget(entry));
  }

  /** @param {Entry} entry */
  #forget(entry) {
    const { newest } = this.#undo;
    const before = newest?.data.state.events.some(({ id }) => String(id) === String(entry.id));
    // A verdict from before the newest one must not come back.
    if (newest?.key === entry.key && !before) this.data = newest.data;
    else this.personal.forget(entry.id);
    return `Removed: ${entry.title}.`;
  }

  /** Undo the newest change of this tab. */
  undo() {
    return this.#run(async () => {
      const before = this.#undo.pop();
      if (!before) return;
      this.data = before.data;
      await this.onchange('Undone.');
      const other = await this.#keep();
      // Never undo another tab's tap: load its record instead.
      if (other) await this.#show(other.record, 'Not undone: another tab was faster.');
    });
  }

  /** @param {number} factor multiplies the personal vector; 0 forgets it */
  decay(factor) {
    return this.#change(() => {
      this.personal.decay(factor);
      return factor ? 'What was learned counts less now.' : 'What was learned is forgotten.';
    });
  }

  /**
   * Set the visitor's value of a user feature.
   * @param {string} name
   * @param {string} value '' removes it
   */
  setAbout(name, value) {
    return this.#change(() => {
      const { [name]: _, ...others } = this.about;
      this.data = { ...this.data, about: value ? { ...others, [name]: value } : others };
      return value ? 'Saved on this device.' : 'Removed from this device.';
    });
  }

  /**
   * Replace all data; rejects with a PocketrecError if the new data are invalid.
   *
   * @param {Data} other
   * @returns {Promise<string[]>} sentences about anything that was left out
   */
  async replace(other) {
    const { notes, ...data } = this.fit(other);
    const count = counted(data.state.events.length, 'event');
    await this.#change(() => {
      this.data = data;
      return [`Imported ${count}.`, ...notes].join(' ');
    });
    return notes;
  }

  /** Delete every record, of other models too. */
  wipe() {
    return this.#run(async () => {
      await this.#keeper.wipe();
      await this.#show(undefined, 'Everything is wiped.');
    });
  }

  /** Load what another tab stored, if anything. */
  refresh() {
    return this.#run(async () => {
      const newer = await this.#keeper.newer();
      if (newer) await this.#show(newer.record, 'Updated from another tab.');
    });
  }

  /** Stop listening to other tabs, once earlier changes are done. */
  close() {
    return this.#run(async () => this.#keeper.close());
  }

  /**
   * @param {() => string | Promise<string>} apply returns a sentence about the change
   * @param {string} [key] of the item that the change is about
   */
  #change(apply, key) {
    return this.#run(async () => {
      for (;;) {
        const before = { data: this.data, key };
        try {
          const sentence = await apply();
          this.readVerdicts();
          this.#undo.push(before);
          await this.onchange(sentence);
        } catch (error) {
          this.#undo.drop(before);
          this.data = before.data; // a change that cannot be ranked is not stored either
          throw error;
        }
        const other = await this.#keep();
        if (!other) return;
        this.#load(other.record);
        if (!other.unkept) continue;
        const state = withMissing(this.data.state, before.data.state.events);
        this.data = this.fit({ state, about: this.about });
      }
    });
  }

  /** Store the current state; if another tab stored first, return its record instead. */
  async #keep() {
    const other = await this.#keeper.keep(this.data);
    if (!other) this.onkept();
    return other;
  }

  /** @param {StoredRecord | undefined} record @param {string} sentence */
  async #show(record, sentence) {
    this.#load(record);
    await this.onchange(sentence);
  }

  /**
   * @param {StoredRecord | undefined} record missing after a wipe
   * @returns {string[]} sentences about anything that was left out
   */
  #load(record) {
    this.#keeper.continueFrom(record);
    this.#undo.clear();
    this.clear();
    if (!record) return [];
    try {
      const { notes, ...data } = this.fit(record);
      this.data = data;
      return notes;
    } catch {
      return ['Your saved data are damaged and cannot be read, so you start over.'];
    }
  }
}
