/**
 * One visitor with one bundle: what was tapped, what was learned from it, and its keeping.
 *
 * Changes run one after the other: each is applied, shown, and then stored. Where another tab has
 * stored something in the meantime, that is taken up first, and the change is applied upon it.
 */

import { Personal } from '../../pocketrec.js';
import { Keeper } from './keeper.js';
import { fitAbout, fitState } from './transfer.js';
import { inTurn } from './turns.js';
import { counted } from './wording.js';

/** @import { Feedback, ItemId, PersonalState, Recommender } from '../../pocketrec.js' */
/** @import { Catalogue } from './catalogue.js' */
/** @import { Entry } from './entry.js' */
/** @import { About, Store, StoredRecord } from './store.js' */

/**
 * @typedef {'like' | 'seen' | 'dislike'} Verdict
 *
 * What can be gone back to; `key` is of the item that the change after it was about, if it was.
 * @typedef {{ state: PersonalState, about: About, key?: string }} Moment
 */

/** What is said when the guard took back what was learned. */
export const ROLLED_BACK =
  'What was learned had made your lists worse, so it is taken back; your history stays.';

const SAID = { like: 'Liked', seen: 'Seen:', dislike: 'Not for you:' };
const MOST_UNDO = 50;

export class Session {
  #catalogue;
  #keeper;
  #run = inTurn();

  /** @type {Moment[]} */
  #undo = [];

  /** @type {Map<string, Verdict>} */
  #verdicts = new Map();

  /** @type {About} */
  about = {};

  /**
   * Called after each change with a sentence that tells it, and waited for.
   * @type {(said: string) => Promise<void>}
   */
  onchange = async () => {};

  /** Called when a change has been stored, or could not be: the store says which. */
  onkept = () => {};

  /**
   * @param {Recommender} recommender
   * @param {Catalogue} catalogue
   * @param {Store} store
   */
  constructor(recommender, catalogue, store) {
    this.recommender = recommender;
    this.#catalogue = catalogue;
    this.#keeper = new Keeper(recommender, store);
    // What fails here fails at the next tap as well, which tells it.
    this.#keeper.listen(() => this.refresh().catch(() => {}));
    this.personal = new Personal(recommender);
  }

  /**
   * Take up what earlier visits left.
   * @returns {Promise<string[]>} sentences on what could not be taken as it was
   */
  async restore() {
    const record = await this.#keeper.find();
    if (!record) return [];
    const notes = this.#take(record);
    if (record.model === this.recommender.fingerprint) return notes;
    await this.#keep(); // so that a wipe in another tab is noticed from now on
    const events = counted(this.personal.events.length, 'event');
    return [`The model is a new one: ${events} kept, learning starts anew.`, ...notes.slice(1)];
  }

  /** @param {ItemId} id */
  verdict(id) {
    return this.#verdicts.get(String(id));
  }

  get canUndo() {
    return this.#undo.length > 0;
  }

  /** The moment of asking, in seconds; never before an event, whatever the clock says. */
  get now() {
    const { events } = this.personal;
    return events.reduce((latest, { time }) => Math.max(latest, time ?? 0), Date.now() / 1000);
  }

  /** All that is kept of this visitor. */
  get record() {
    return this.#keeper.record(this.personal.toJSON(), this.about);
  }

  /**
   * Give a verdict; the same one again takes it back.
   *
   * @param {Entry} entry
   * @param {Verdict} verdict
   */
  tap(entry, verdict) {
    return this.#change(async () => {
      if (this.verdict(entry.id) === verdict) return this.#forget(entry);
      const { rolledBack } = this.personal;
      await this.personal[verdict](entry.id, { time: this.now, user: this.about });
      const isBack = this.personal.rolledBack > rolledBack;
      return `${SAID[verdict]} ${entry.title}.${isBack ? ` ${ROLLED_BACK}` : ''}`;
    }, entry.key);
  }

  /**
   * Take back what was said of an item; what was learned from it as well, if nothing came after.
   * @param {Entry} entry
   */
  forget(entry) {
    return this.#change(() => this.#forget(entry));
  }

  /** @param {Entry} entry */
  #forget(entry) {
    const newest = this.#undo.at(-1);
    const said = newest?.state.events.some(({ id }) => String(id) === String(entry.id));
    // What was said of it before the newest word is not to come back.
    if (newest?.key === entry.key && !said) this.#restore(newest);
    else this.personal.forget(entry.id);
    return `Taken back: ${entry.title}.`;
  }

  /** Go back to before the newest change that was made here. */
  undo() {
    return this.#run(async () => {
      const before = this.#undo.pop();
      if (!before) return;
      this.#restore(before);
      await this.onchange('Undone.');
      const other = await this.#keep();
      // Another tab's tap is never undone from here: what it wrote is taken up instead.
      if (other) await this.#takeUp(other.record, 'Not undone: another tab was faster.');
    });
  }

  /** @param {number} factor that the personal vector is multiplied with; 0 forgets it */
  decay(factor) {
    return this.#change(() => {
      this.personal.decay(factor);
      return factor ? 'What was learned counts less now.' : 'What was learned is forgotten.';
    });
  }

  /**
   * @param {string} name of a user feature
   * @param {string} value nothing for what is not told
   */
  tell(name, value) {
    return this.#change(() => {
      const { [name]: _, ...others } = this.about;
      this.about = value ? { ...others, [name]: value } : others;
      return value ? 'Noted, on this device.' : 'No longer told.';
    });
  }

  /**
   * Put other data in the place of these; refused, with a PocketrecError, if they are none.
   *
   * @param {{ state: PersonalState, about: About }} other
   * @returns {Promise<string[]>} sentences on what was left out
   */
  async replace(other) {
    const { state, notes } = fitState(other.state, this.recommender, this.#catalogue);
    const said = [`Imported ${counted(state.events.length, 'event')}.`, ...notes].join(' ');
    const about = fitAbout(other.about, this.recommender);
    await this.#change(() => {
      this.#restore({ state, about });
      return said;
    });
    return notes;
  }

  /** Delete everything that was ever kept, of this model and of others. */
  wipe() {
    return this.#run(async () => {
      await this.#keeper.wipe();
      await this.#takeUp(undefined, 'Everything is wiped.');
    });
  }

  /** Take up what another tab stored, if it did. */
  refresh() {
    return this.#run(async () => {
      const newer = await this.#keeper.newer();
      if (newer) await this.#takeUp(newer.record, 'Taken up from another tab.');
    });
  }

  /** Hear of other tabs no longer, once what was asked before is done. */
  close() {
    return this.#run(async () => this.#keeper.close());
  }

  /**
   * @param {() => string | Promise<string>} apply gives a sentence that tells the change
   * @param {string} [key] of the item that it is about
   */
  #change(apply, key) {
    return this.#run(async () => {
      for (;;) {
        const before = { state: this.personal.toJSON(), about: this.about, key };
        try {
          const said = await apply();
          this.#readVerdicts();
          this.#undo = [...this.#undo, before].slice(-MOST_UNDO);
          await this.onchange(said);
        } catch (error) {
          this.#undo = this.#undo.filter((moment) => moment !== before);
          this.#restore(before); // what cannot be ranked is not kept either
          throw error;
        }
        const other = await this.#keep();
        if (!other) return;
        const unkept = other.unkept ? before.state.events : [];
        this.#take(other.record);
        this.#add(unkept);
      }
    });
  }

  /**
   * Put events behind those of another tab that this tab could not store when they happened.
   * @param {readonly Feedback[]} events
   */
  #add(events) {
    const known = new Set(this.personal.events.map(({ id }) => String(id)));
    const missing = events.filter(({ id }) => !known.has(String(id)));
    if (!missing.length) return;
    const state = this.personal.toJSON();
    const all = { ...state, events: [...state.events, ...missing] };
    const fitted = fitState(all, this.recommender, this.#catalogue).state;
    this.#restore({ state: fitted, about: this.about });
  }

  /** Store the present state; gives what another tab stored first, if so. */
  async #keep() {
    const other = await this.#keeper.keep(this.personal.toJSON(), this.about);
    if (!other) this.onkept();
    return other;
  }

  /** @param {StoredRecord | undefined} record @param {string} said */
  async #takeUp(record, said) {
    this.#take(record);
    await this.onchange(said);
  }

  /**
   * @param {StoredRecord | undefined} record none after a wipe in another tab
   * @returns {string[]} sentences on what was left out
   */
  #take(record) {
    this.#keeper.takeUp(record);
    this.#undo = [];
    this.#restore({ state: new Personal(this.recommender).toJSON(), about: {} });
    if (!record) return [];
    try {
      const { state, notes } = fitState(record.state, this.recommender, this.#catalogue);
      this.#restore({ state, about: fitAbout(record.about, this.recommender) });
      return notes;
    } catch {
      return ['What was kept here is damaged: it cannot be read, and you start anew.'];
    }
  }

  /** @param {Moment} moment */
  #restore({ state, about }) {
    this.personal = new Personal(this.recommender, state);
    this.about = about;
    this.#readVerdicts();
  }

  #readVerdicts() {
    this.#verdicts = new Map(this.personal.events.map(({ id, verdict }) => [String(id), verdict]));
  }
}
