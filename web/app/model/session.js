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

/** @import { ItemId, PersonalState, Recommender } from '../../pocketrec.js' */
/** @import { Catalogue } from './catalogue.js' */
/** @import { Entry } from './entry.js' */
/** @import { About, Store, StoredRecord } from './store.js' */

/**
 * @typedef {'like' | 'seen' | 'dislike'} Verdict
 *
 * What can be gone back to; `key` is of the item that the change after it was about, if it was.
 * @typedef {{ state: PersonalState, about: About, key?: string }} Moment
 */

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
    this.#keeper.listen(() => this.refresh());
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
    const events = counted(this.personal.events.length, 'event');
    return [`The model is a new one: ${events} kept, learning starts anew.`, ...notes];
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
    if (this.verdict(entry.id) === verdict) return this.forget(entry);
    const learn = () => {
      const circumstances = { time: this.now, user: this.about };
      return this.personal[verdict](entry.id, circumstances);
    };
    return this.#change(`${SAID[verdict]} ${entry.title}.`, learn, entry.key);
  }

  /**
   * Take back what was said of an item; what was learned from it as well, if nothing came after.
   * @param {Entry} entry
   */
  forget(entry) {
    return this.#change(`Taken back: ${entry.title}.`, () => {
      const newest = this.#undo.at(-1);
      if (newest?.key === entry.key) this.#restore(newest);
      else this.personal.forget(entry.id);
    });
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
    const said = factor ? 'What was learned counts less now.' : 'What was learned is forgotten.';
    return this.#change(said, () => this.personal.decay(factor));
  }

  /**
   * @param {string} name of a user feature
   * @param {string} value nothing for what is not told
   */
  tell(name, value) {
    return this.#change(value ? 'Noted, on this device.' : 'No longer told.', () => {
      const { [name]: _, ...others } = this.about;
      this.about = value ? { ...others, [name]: value } : others;
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
    await this.#change(said, () => this.#restore({ state, about }));
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

  close() {
    this.#keeper.close();
  }

  /**
   * @param {string} said
   * @param {() => unknown} apply
   * @param {string} [key] of the item that it is about
   */
  #change(said, apply, key) {
    return this.#run(async () => {
      for (;;) {
        const before = { state: this.personal.toJSON(), about: this.about, key };
        await apply();
        this.#undo = [...this.#undo, before].slice(-MOST_UNDO);
        this.#readVerdicts();
        await this.onchange(said);
        const other = await this.#keep();
        if (!other) return;
        this.#take(other.record);
      }
    });
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
