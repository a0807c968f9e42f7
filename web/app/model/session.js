/**
 * One visitor with one bundle: what was tapped, what was learned from it, and its keeping.
 *
 * Changes run one after the other: each is applied, shown, and then stored. Where another tab has
 * stored something in the meantime, that is taken up first, and the change is applied upon it.
 */

import { Personal } from '../../pocketrec.js';
import { fitAbout, fitState } from './transfer.js';
import { counted } from './wording.js';

/** @import { ItemId, PersonalState, Recommender } from '../../pocketrec.js' */
/** @import { Catalogue } from './catalogue.js' */
/** @import { Entry } from './entry.js' */
/** @import { Store, StoredRecord } from './store.js' */

/**
 * @typedef {'like' | 'seen' | 'dislike'} Verdict
 *
 * Values of the model's user features, as they were told.
 * @typedef {Record<string, string>} About
 *
 * What can be gone back to; `key` is of the item that the change after it was about, if it was.
 * @typedef {{ state: PersonalState, about: About, key?: string }} Moment
 */

const SAID = { like: 'Liked', seen: 'Seen:', dislike: 'Not for you:' };
const MOST_UNDO = 50;

export class Session {
  #store;
  #catalogue;
  #channel = new BroadcastChannel('pocketrec');
  #queue = Promise.resolve();
  #revision = '';

  /** @type {Moment[]} */
  #undo = [];

  /** @type {Map<string, Verdict>} */
  #verdicts = new Map();

  /** @type {About} */
  about = {};

  /** Milliseconds that learning from the newest change took. */
  learnMs = 0;

  /**
   * Called after each change with a sentence that tells it, and waited for.
   * @type {(said: string) => Promise<void>}
   */
  onchange = async () => {};

  /**
   * @param {Recommender} recommender
   * @param {Catalogue} catalogue
   * @param {Store} store
   */
  constructor(recommender, catalogue, store) {
    this.recommender = recommender;
    this.#catalogue = catalogue;
    this.#store = store;
    this.key = {
      model: recommender.fingerprint,
      catalogue: String(recommender.manifest.files['items.json'].sha256),
    };
    this.personal = new Personal(recommender);
    this.#channel.onmessage = () => this.refresh();
  }

  /**
   * Take up what earlier visits left.
   * @returns {Promise<string[]>} sentences on what could not be taken as it was
   */
  async restore() {
    const record = await this.#store.read(this.key);
    if (record) return this.#take(record);
    const records = await this.#store.all();
    const same = records.filter(({ catalogue }) => catalogue === this.key.catalogue);
    const [newest] = same.sort((a, b) => (a.saved < b.saved ? 1 : -1));
    if (!newest) return [];
    const notes = this.#take({ ...newest, revision: '' });
    const events = counted(this.personal.events.length, 'event');
    return [`The model is a new one: your ${events} are kept, learning starts anew.`, ...notes];
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

  /**
   * Give a verdict; the same one again takes it back.
   *
   * @param {Entry} entry
   * @param {Verdict} verdict
   */
  tap(entry, verdict) {
    const again = this.verdict(entry.id) === verdict;
    if (again) return this.forget(entry);
    const circumstances = { time: this.now, user: this.about };
    const learn = () => this.personal[verdict](entry.id, circumstances);
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
   * @param {string} value nothing for "rather not say"
   */
  tell(name, value) {
    return this.#change(value ? 'Noted, on this device.' : 'Left open.', () => {
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
      await this.#store.wipe();
      this.#take(undefined);
      this.#channel.postMessage('changed');
      await this.onchange('Everything is wiped.');
    });
  }

  /** Take up what another tab stored, if it did. */
  refresh() {
    return this.#run(async () => {
      const record = await this.#store.read(this.key);
      if ((record?.revision ?? '') === this.#revision) return;
      await this.#takeUp(record, 'Taken up from another tab.');
    });
  }

  /**
   * All that is kept of this visitor.
   * @returns {StoredRecord}
   */
  record() {
    const saved = new Date().toISOString();
    const state = this.personal.toJSON();
    return { ...this.key, revision: this.#revision, saved, about: this.about, state };
  }

  close() {
    this.#channel.close();
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
        const start = performance.now();
        await apply();
        this.learnMs = performance.now() - start;
        this.#undo = [...this.#undo, before].slice(-MOST_UNDO);
        this.#readVerdicts();
        await this.onchange(said);
        const other = await this.#keep();
        if (!other) return;
        this.#take(other.record);
      }
    });
  }

  /**
   * Store the present state; gives what another tab stored first, if so.
   * @returns {Promise<{ record: StoredRecord | undefined } | null>}
   */
  async #keep() {
    const revision = crypto.getRandomValues(new Uint32Array(3)).join('-');
    const result = await this.#store.exchange({ ...this.record(), revision }, this.#revision);
    if (!result.written) return { record: result.found };
    this.#revision = revision;
    this.#channel.postMessage('changed');
    return null;
  }

  /**
   * @param {StoredRecord | undefined} record
   * @param {string} said
   */
  async #takeUp(record, said) {
    this.#take(record);
    await this.onchange(said);
  }

  /**
   * @param {StoredRecord | undefined} record none after a wipe in another tab
   * @returns {string[]} sentences on what was left out
   */
  #take(record) {
    const empty = { state: new Personal(this.recommender).toJSON(), notes: [] };
    const { state, notes } = record
      ? fitState(record.state, this.recommender, this.#catalogue)
      : empty;
    this.#restore({ state, about: fitAbout(record?.about ?? {}, this.recommender) });
    this.#undo = [];
    this.#revision = record?.revision ?? '';
    return notes;
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

  /** @param {() => Promise<void>} task */
  #run(task) {
    const result = this.#queue.then(task);
    this.#queue = result.catch(() => {}); // who asked hears of it; the next one is not held up
    return result;
  }
}
