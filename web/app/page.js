/** One opened bundle on the page: taps lead to a new ranking, and that to what is shown. */

import { dataActs, exportData } from './acts.js';
import { Catalogue } from './model/catalogue.js';
import { Filters } from './model/facets.js';
import { reasonsFor } from './model/reasons.js';
import { rank } from './model/ranking.js';
import { ROLLED_BACK, Session } from './model/session.js';
import { counted, wordingOf } from './model/wording.js';
import { announce, hideBanner, showBanner } from './views/announce.js';
import { onVerdict } from './views/card.js';
import { showData } from './views/data.js';
import { showDock } from './views/dock.js';
import { byId } from './views/dom.js';
import { makeFilters } from './views/filters.js';
import { Grid } from './views/grid.js';
import { showHistory } from './views/history.js';
import { ended } from './views/loading.js';
import { Recommendations } from './views/recommendations.js';
import { makeTabs, setCount } from './views/tabs.js';

/** @import { Recommender } from '../pocketrec.js' */
/** @import { Entry } from './model/entry.js' */
/** @import { Verdict } from './model/session.js' */
/** @import { Store } from './model/store.js' */
/** @import { ListOptions } from './views/card.js' */

/** Items in the list at first, and by how many it grows. */
const SHOWN = 12;

/** How long no tap must have come before the list is explained. */
const QUIET_MS = 250;

export class Page {
  filters = new Filters();
  #closing = new AbortController();
  #shown = SHOWN;
  #asked = 0;
  #explaining = 0;
  #ranks = 0;
  #panel = 'for-you';

  /**
   * @param {Recommender} recommender
   * @param {Store} store
   */
  constructor(recommender, store) {
    this.store = store;
    this.catalogue = new Catalogue(recommender.items);
    this.session = new Session(recommender, this.catalogue, store);
    this.wording = wordingOf(recommender.manifest);
    /** @type {ListOptions} */
    const options = {
      verdict: (id) => this.session.verdict(id),
      tap: (key, verdict) => this.#tap(key, verdict),
      signal: this.#closing.signal,
    };
    this.grid = new Grid(options);
    this.recommendations = new Recommendations(options);
    onVerdict(byId('history'), options);
    this.session.onchange = (said) => this.#changed(said);
    this.session.onkept = () => this.#showKept();
  }

  /** Take up what was kept, and show the first list. */
  async open() {
    const notes = await this.session.restore();
    if (notes.length) showBanner('restored', notes.join(' '));
    await this.#rank();
  }

  /** Show all that is beside the list. */
  showParts() {
    this.#makeParts();
    this.#showGrid();
    this.#showRest();
  }

  refresh() {
    this.#do(this.session.refresh());
  }

  undo() {
    if (this.session.canUndo) this.#do(this.session.undo());
  }

  async close() {
    clearTimeout(this.#explaining);
    this.#closing.abort();
    await this.session.close();
    await this.session.recommender.close();
  }

  #makeParts() {
    const { many } = this.wording;
    byId('pick-title').textContent = `Pick ${many}`;
    const search = /** @type {HTMLInputElement} */ (byId('search'));
    search.placeholder = `Search ${counted(this.catalogue.size, this.wording.one, many)}`;
    search.value = '';
    search.oninput = () => this.#showGrid();
    byId('undo').onclick = () => this.undo();
    byId('more').onclick = () => {
      this.#shown += SHOWN;
      this.#do(this.#rank());
    };
    makeFilters(this.catalogue.facets, this.filters, () => this.#filtered());
    makeTabs((panel) => {
      this.#panel = panel;
      this.#showRest();
    });
  }

  /**
   * @param {string} key
   * @param {Verdict} verdict
   */
  #tap(key, verdict) {
    const entry = this.catalogue.entry(key);
    // Shown as given at once; the ranking that follows says what really became of it.
    const given = this.session.verdict(entry.id) === verdict ? undefined : verdict;
    this.grid.mark(entry, given);
    if (verdict === 'like') navigator.storage?.persist?.().catch(() => {});
    this.#do(this.session.tap(entry, verdict));
  }

  /** @param {string} said */
  async #changed(said) {
    const [first] = await this.#rank();
    this.#showRest();
    hideBanner('problem');
    if (said.endsWith(ROLLED_BACK)) showBanner('rolled-back', ROLLED_BACK);
    announce(first ? `${said} Top: ${first.title}.` : said);
  }

  #filtered() {
    // The list first: making the grid's cards takes longer than ranking all items.
    this.#do(this.#rank().then(() => this.#showGrid()));
  }

  /**
   * Rank anew and show the list.
   * @returns {Promise<Entry[]>} the list
   */
  async #rank() {
    const { catalogue, filters, session } = this;
    this.#asked += 1;
    const asked = this.#asked;
    const { list, ms } = await rank(session, catalogue, filters, this.#shown);
    const entries = list.map(({ id }) => catalogue.entry(id));
    // Other filters were chosen in the meantime, or another bundle.
    if (asked !== this.#asked || this.#closing.signal.aborted) return entries;
    this.recommendations.show(entries);
    this.#ranks += 1;
    document.documentElement.dataset.rankMs = ms.toFixed(3);
    document.documentElement.dataset.rank = String(this.#ranks);
    const items = counted(catalogue.size, this.wording.one, this.wording.many);
    const did = this.#ranks > 1 ? 'Re-ranked' : 'Ranked';
    const text = `${did} ${items} in ${ms.toFixed(1)} ms, on this device`;
    byId('rank-line').textContent = text;
    showDock(entries, text);
    this.#invite(entries.length);
    this.#explainLater(entries);
    return entries;
  }

  /** @param {number} found */
  #invite(found) {
    const { one, many } = this.wording;
    const invite = byId('invite');
    const fresh = !this.session.personal.events.length;
    invite.hidden = found > 0 && !fresh;
    invite.textContent = found
      ? `This is what most people choose. Like one ${one} or two: the list is yours at once.`
      : `No ${many} are left with these filters: clear one of them.`;
    byId('more').hidden = found < this.#shown || found >= this.catalogue.size;
  }

  /**
   * Find out why each entry is in the list, once no tap has come for a while: it takes the model as
   * many calls as there are events.
   * @param {Entry[]} entries
   */
  #explainLater(entries) {
    clearTimeout(this.#explaining);
    const explain = async () => {
      const rank = this.#ranks;
      const reasons = await reasonsFor(this.session, this.catalogue, entries).catch(() => null);
      if (reasons && rank === this.#ranks) this.recommendations.explain(reasons);
    };
    this.#explaining = setTimeout(explain, QUIET_MS);
  }

  #showGrid() {
    const search = /** @type {HTMLInputElement} */ (byId('search'));
    const found = this.catalogue.search(search.value, this.filters);
    const { one, many } = this.wording;
    const narrowed = found.length < this.catalogue.size;
    byId('found').textContent = narrowed
      ? `${counted(found.length, one, many)} of ${this.catalogue.size.toLocaleString('en')}`
      : 'The most popular first. Tap a cover to like it.';
    byId('nothing').hidden = found.length > 0;
    byId('nothing').textContent = `No ${many} are found so. Try fewer words or filters.`;
    this.grid.show(found);
  }

  /** Show what depends on the session alone; of the panels, the open one. */
  #showRest() {
    const { session } = this;
    this.grid.refresh();
    setCount('history', session.personal.events.length);
    /** @type {HTMLButtonElement} */ (byId('undo')).disabled = !session.canUndo;
    if (this.#panel === 'history') {
      const forget = (/** @type {Entry} */ entry) => this.#do(session.forget(entry));
      showHistory(session, this.catalogue, forget);
    }
    this.#showKept();
  }

  /** Show what is kept, and whether it is. */
  #showKept() {
    const { session, store } = this;
    const { problem } = store;
    if (this.#panel === 'data') {
      const run = (/** @type {Promise<unknown>} */ work) => this.#do(work);
      this.#do(showData(session, store, dataActs(session, run, this.openFiles)));
    }
    if (problem) {
      const sentence = `${problem} The app goes on in memory until this page is closed.`;
      showBanner('storage', sentence, { label: 'Export', run: () => exportData(session) });
    } else hideBanner('storage');
  }

  /**
   * What is done with files of another bundle; main.js says it.
   * @type {(files: Iterable<File>) => void}
   */
  openFiles = () => {};

  /**
   * Say it when something that was asked for fails.
   * @param {Promise<unknown>} work
   */
  #do(work) {
    work.catch((error) => {
      showBanner('problem', ended(error instanceof Error ? error.message : String(error)));
      this.grid.refresh();
    });
  }
}
