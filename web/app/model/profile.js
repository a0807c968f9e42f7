/** The visitor's data in memory: verdicts, what was learned from them, and values about them. */

import { Personal } from '../../pocketrec.js';
import { fit } from './transfer.js';

/** @import { ItemId, PersonalState, Recommender } from '../../pocketrec.js' */
/** @import { Catalogue } from './catalogue.js' */
/** @import { About } from './store.js' */

/**
 * @typedef {'like' | 'seen' | 'dislike'} Verdict
 * @typedef {{ state: PersonalState, about: About }} Data
 */

export class Profile {
  #catalogue;

  /** @type {Map<string, Verdict>} */
  #verdicts = new Map();

  /** @type {About} */
  about = {};

  /**
   * @param {Recommender} recommender
   * @param {Catalogue} catalogue
   */
  constructor(recommender, catalogue) {
    this.recommender = recommender;
    this.#catalogue = catalogue;
    this.personal = new Personal(recommender);
  }

  /** @param {ItemId} id */
  verdict(id) {
    return this.#verdicts.get(String(id));
  }

  /** The time of a request in seconds; never before an event, even if the clock was set back. */
  get now() {
    const { events } = this.personal;
    return events.reduce((latest, { time }) => Math.max(latest, time ?? 0), Date.now() / 1000);
  }

  /** @returns {Data} */
  get data() {
    return { state: this.personal.toJSON(), about: this.about };
  }

  /**
   * Replace all data.
   * @param {Data} data that fit the model
   */
  set data({ state, about }) {
    this.personal = new Personal(this.recommender, state);
    this.about = about;
    this.readVerdicts();
  }

  /** Forget everything. */
  clear() {
    this.data = { state: new Personal(this.recommender).toJSON(), about: {} };
  }

  /**
   * Fit data to the model and the catalogue; see transfer.js.
   * @param {Data} data
   */
  fit(data) {
    return fit(data, this.recommender, this.#catalogue);
  }

  /** Look up verdicts in the current events from now on. */
  readVerdicts() {
    this.#verdicts = new Map(this.personal.events.map(({ id, verdict }) => [String(id), verdict]));
  }
}
