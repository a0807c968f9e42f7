/** One opened bundle on the page: each tap leads to a new ranking, which is then shown. */

import { dataActs, exportData } from './acts.js';
import { byId } from './dom.js';
import { Catalogue } from './model/catalogue.js';
import { Filters } from './model/facets.js';
import { rank } from './model/ranking.js';
import { reasonsFor } from './model/reasons.js';
import { ROLLED_BACK, Visit } from './model/visit.js';
import { counted, wordingOf } from './model/wording.js';
import { announce, hideBanner, showBanner } from './views/announce.js';
import { onVerdict } from './views/card.js';
import { showData } from './views/data.js';
import { showDock } from './views/dock.js';
import { makeFilters } from './views/filters.js';
import { Grid } from './views/grid.js';
import { showHistory } from './views/history.js';
import { ended } from './views/loading.js';
import { Recommendations } from './views/recommendations.js';
import { makeTabs, setCount } from './views/tabs.js';

/** @import { Recommender } from '../pocketrec.js' */
/** @import { Entry } from './model/entry.js' */
/** @import { Verdict } from './model/profile.js' */
/** @import { Store } from './model/store.js' */
/** @import { ListOptions } from './views/card.js' */

/** Items in the list at first, and how many "Show more" adds. */
const SHOWN = 12;

/** Time without a tap after which the list is explained. */
const QUIET_MS = 250;

export class Page {
  filters = new Filters();
  #closing = new AbortController();
  #shown = SHOWN;
  #requests = 0;
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
    this.visit = new Visit(recommender, this.catalogue, store);
    this.wording = wordingOf(recommender.manifest);
    /** @type {ListOptions} */
    const options = {
      verdict: (id) => this.visit.verdict(id),
      tap: (key, verdict) => this.#tap(key, verdict),
      signal: this.#closing.signal,
    };
    this.grid = new Grid(options);
    this.recommendations = new Recommendations(options);
    onVerdict(byId('history'), options);
    this.visit.onchange = (sentence) => this.#changed(sentence);
    this.visit.onkept = () => this.#showKept();
  }

  /** Load what was stored, and show the first list. */
  async open() {
    const notes = await this.visit.open();
    if (notes.length) showBanner('restored', notes.join(' '));
    await this.#rank();
  }

  /** Show everything beside the list. */
  showParts() {
    this.#makeParts();
    this.#showGrid();
    this.#showRest();
  }

  refresh() {
    this.#do(this.visit.refresh());
  }

  undo() {
    if (this.visit.canUndo) this.#do(this.visit.undo());
  }

  async close() {
    clearTimeout(this.#explaining);
    this.#closing.abort();
    await this.visit.close();
    await this.visit.recommender.close();
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
    // Show the expected verdict at once; the ranking that follows shows the real one.
    const expected = this.visit.verdict(entry.id) === verdict ? undefined : verdict;
    this.grid.mark(entry, expected);
    if (verdict === 'like') navigator.storage?.persist?.().catch(() => {});
    this.#do(this.visit.tap(entry, verdict));
  }

  /** @param {string} sentence */
  async #changed(sentence) {
    const [first] = await this.#rank();
    this.#showRest();
    hideBanner('problem');
    if (sentence.endsWith(ROLLED_BACK)) showBanner('rolled-back', ROLLED_BACK);
    announce(first ? `${sentence} Top: ${first.title}.` : sentence);
  }

  #filtered() {
    // The list comes first: making the grid's cards takes longer than ranking all items.
    this.#do(this.#rank().then(() => this.#showGrid()));
  }

  /**
   * Rank again and show the list.
   * @returns {Promise<Entry[]>} the list
   */
  async #rank() {
    const { catalogue, filters, visit } = this;
    this.#requests += 1;
    const request = this.#requests;
    const { list, ms } = await rank(visit, catalogue, filters, this.#shown);
    const entries = list.map(({ id }) => catalogue.entry(id));
    // The filters or the bundle have changed in the meantime.
    if (request !== this.#requests || this.#closing.signal.aborted) return entries;
    this.recommendations.show(entries);
    this.#ranks += 1;
    document.documentElement.dataset.rankMs = ms.toFixed(3);
    document.documentElement.dataset.rank = String(this.#ranks);
    const items = counted(catalogue.size, this.wording.one, this.wording.many);
    const verb = this.#ranks > 1 ? 'Re-ranked' : 'Ranked';
    const text = `${verb} ${items} in ${ms.toFixed(1)} ms, on this device`;
    byId('rank-line').textContent = text;
    showDock(entries, text);
    this.#invite(entries.length);
    this.#explainLater(entries);
    return entries;
  }

  /** @param {number} count items in the list */
  #invite(count) {
    const { many } = this.wording;
    const invite = byId('invite');
    const fresh = !this.visit.personal.events.length;
    invite.hidden = count > 0 && !fresh;
    invite.textContent = count
      ? `This is what most people choose. Like one or two ${many}, and the list becomes yours.`
      : `No ${many} are left with these filters: clear one of them.`;
    byId('more').hidden = count < this.#shown || count >= this.catalogue.size;
  }

  /**
   * Explain each entry of the list after a while without taps: it costs one call of the model for
   * each event.
   * @param {Entry[]} entries
   */
  #explainLater(entries) {
    clearTimeout(this.#explaining);
    const explain = async () => {
      const rank = this.#ranks;
      const reasons = await reasonsFor(this.visit, this.catalogue, entries).catch(() => null);
      if (reasons && rank === this.#ranks) this.recommendations.explain(reasons);
    };
    this.#explaining = setTimeout(explain, QUIET_MS);
  }

  #showGrid() {
    const search = /** @type {HTMLInputElement} */ (byId('search'));
    const entries = this.catalogue.search(search.value, this.filters);
    const { one, many } = this.wording;
    const narrowed = entries.length < this.catalogue.size;
    byId('found').textContent = narrowed
      ? `${counted(entries.length, one, many)} of ${this.catalogue.size.toLocaleString('en')}`
      : 'The most popular first. Tap a cover to like it.';
    byId('nothing').hidden = entries.length > 0;
    byId('nothing').textContent = `No ${many} found. Try fewer words or filters.`;
    this.grid.show(entries);
  }

  /** Show what depends on the visit: verdicts, counts and the open panel. */
  #showRest() {
    const { visit } = this;
    this.grid.refresh();
    setCount('history', visit.personal.events.length);
    /** @type {HTMLButtonElement} */ (byId('undo')).disabled = !visit.canUndo;
    if (this.#panel === 'history') {
      const forget = (/** @type {Entry} */ entry) => this.#do(visit.forget(entry));
      showHistory(visit, this.catalogue, forget);
    }
    this.#showKept();
  }

  /** Show what is stored, or why nothing is. */
  #showKept() {
    const { visit, store } = this;
    const { problem } = store;
    if (this.#panel === 'data') {
      const run = (/** @type {Promise<unknown>} */ work) => this.#do(work);
      this.#do(showData(visit, store, dataActs(visit, run, this.openFiles)));
    }
    if (problem) {
      const sentence = `${problem} Your taps stay in memory until you close this page.`;
      showBanner('storage', sentence, { label: 'Export', run: () => exportData(visit) });
    } else hideBanner('storage');
  }

  /**
   * Opens files of another bundle; main.js sets it.
   * @type {(files: Iterable<File>) => void}
   */
  openFiles = () => {};

  /**
   * Show the error when some work fails.
   * @param {Promise<unknown>} work
   */
  #do(work) {
    work.catch((error) => {
      showBanner('problem', ended(error instanceof Error ? error.message : String(error)));
      this.grid.refresh();
    });
  }
}
