/** Earlier moments of a visit, which the visitor can go back to. */

/** @import { Data } from './profile.js' */

/**
 * The data before a change; `key` names the item that the change was about, if any.
 * @typedef {{ data: Data, key?: string }} Moment
 */

const MOST = 50;

export class UndoStack {
  /** @type {Moment[]} */
  #moments = [];

  /** The moment before the newest change. */
  get newest() {
    return this.#moments.at(-1);
  }

  /** @param {Moment} moment */
  push(moment) {
    this.#moments = [...this.#moments, moment].slice(-MOST);
  }

  pop() {
    return this.#moments.pop();
  }

  /**
   * Drop one moment, wherever it is.
   * @param {Moment} moment
   */
  drop(moment) {
    this.#moments = this.#moments.filter((other) => other !== moment);
  }

  clear() {
    this.#moments = [];
  }
}
