/** One opened bundle on the page: taps lead to a new ranking, and that to what is shown. */

import { Catalogue } from './model/catalogue.js';
import { Filters } from './model/facets.js';
import { reasonsFor } from './model/reasons.js';
import { rank } from './model/ranking.js';
import { Session } from './model/session.js';
import { exported, readExport } from './model/transfer.js';
import { counted, wordingOf } from './model/wording.js';
import { announce, hideBanner, showBanner } from './views/announce.js';
import { confirmed } from './views/confirm.js';
import { showData } from './views/data.js';
import { showDock } from './views/dock.js';
import { byId } from './views/dom.js';
import { makeFilters } from './views/filters.js';
import { Grid } from './views/grid.js';
import { forgetTheme } from './views/header.js';
import { makeHistory, showHistory } from './views/history.js';
import { ended } from './views/loading.js';
import { Recommendations } from './views/recommendations.js';
import { makeTabs, setCount } from './views/tabs.js';

/** @import { Recommender } from '../pocketrec.js' */
/** @import { Entry } from './model/entry.js' */
/** @import { Verdict } from './model/session.js' */
/** @import { Store } from './model/store.js' */

/** Items in the list at first, and by how many it grows. */
const SHOWN = 12;

export class Page {
  filters = new Filters();
  #shown = SHOWN;
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
    const options = {
      verdict: (/** @type {Entry['id']} */ id) => this.session.verdict(id),
      tap: (/** @type {string} */ key, /** @type {Verdict} */ verdict) => this.#tap(key, verdict),
    };
    this.grid = new Grid(options);
    this.recommendations = new Recommendations(options);
    this.historyActs = {
      tap: options.tap,
      forget: (/** @type {Entry} */ entry) => this.#do(this.session.forget(entry)),
    };
    makeHistory(this.historyActs);
    this.session.onchange = (said) => this.#changed(said);
  }

  /** Take up what was kept, rank for the first time, and show everything. */
  async open() {
    const notes = await this.session.restore();
    await this.#rank();
    performance.mark('first-recommendations');
    this.#makeParts();
    this.#showGrid();
    this.#showRest();
    if (notes.length) showBanner('restored', notes.join(' '));
  }

  undo() {
    if (this.session.canUndo) this.#do(this.session.undo());
  }

  close() {
    this.session.close();
    return this.session.recommender.close();
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
    announce(first ? `${said} Top: ${first.title}.` : said);
  }

  #filtered() {
    this.#showGrid();
    this.#do(this.#rank());
  }

  /**
   * Rank anew and show the list.
   * @returns {Promise<Entry[]>} the list
   */
  async #rank() {
    const { catalogue, filters, session } = this;
    const { list, ms } = await rank(session, catalogue, filters, this.#shown);
    const entries = list.map(({ id }) => catalogue.entry(id));
    this.recommendations.show(entries);
    this.#ranks += 1;
    document.documentElement.dataset.rankMs = ms.toFixed(3);
    document.documentElement.dataset.rank = String(this.#ranks);
    const items = counted(catalogue.size, this.wording.one, this.wording.many);
    const text = `${this.#ranks > 1 ? 'Re-ranked' : 'Ranked'} ${items} in ${ms.toFixed(1)} ms, on this device`;
    byId('rank-line').textContent = text;
    showDock(entries, text);
    this.#invite(entries.length);
    this.#explain(entries);
    return entries;
  }

  /** @param {number} found */
  #invite(found) {
    const { one, many } = this.wording;
    const invite = byId('invite');
    const fresh = !this.session.personal.events.length;
    invite.hidden = found > 0 && !fresh;
    invite.textContent = found
      ? `This is what most people watch and choose. Like one ${one} or two: the list is yours at once.`
      : `No ${many} are left with these filters: clear one of them.`;
    byId('more').hidden = found < this.#shown || found >= this.catalogue.size;
  }

  /**
   * Find out why each entry is in the list, when nothing else is to be done.
   * @param {Entry[]} entries
   */
  #explain(entries) {
    const rank = this.#ranks;
    const later = globalThis.requestIdleCallback ?? ((/** @type {() => void} */ run) => setTimeout(run, 50));
    later(async () => {
      if (rank !== this.#ranks) return; // another tap came first
      const reasons = await reasonsFor(this.session, this.catalogue, entries).catch(() => null);
      if (reasons && rank === this.#ranks) this.recommendations.explain(reasons);
    });
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
    const { session, store } = this;
    this.grid.refresh();
    setCount('history', session.personal.events.length);
    /** @type {HTMLButtonElement} */ (byId('undo')).disabled = !session.canUndo;
    if (this.#panel === 'history') showHistory(session, this.catalogue, this.historyActs);
    if (this.#panel === 'data') this.#do(showData(session, store, this.#dataActs()));
    if (!store.problem) hideBanner('storage');
    else {
      showBanner('storage', `${store.problem} The app goes on in memory until this page is closed.`, {
        label: 'Export',
        run: () => this.#export(),
      });
    }
  }

  #dataActs() {
    const { session } = this;
    return {
      tell: (/** @type {string} */ name, /** @type {string} */ value) =>
        this.#do(session.tell(name, value)),
      decay: (/** @type {number} */ factor) => this.#do(session.decay(factor)),
      exportData: () => this.#export(),
      importData: (/** @type {File} */ file) => this.#do(this.#import(file)),
      wipe: () => this.#do(this.#wipe()),
      openFiles: (/** @type {FileList} */ files) => this.openFiles(files),
    };
  }

  /**
   * What is done with files of another bundle; main.js says it.
   * @type {(files: Iterable<File>) => void}
   */
  openFiles = () => {};

  #export() {
    const file = new Blob([exported(this.session)], { type: 'application/json' });
    const link = document.createElement('a');
    link.href = URL.createObjectURL(file);
    link.download = 'pocketrec-my-data.json';
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  }

  /** @param {File} file */
  async #import(file) {
    const notes = await this.session.replace(await readExport(file));
    showBanner('import', [`${file.name} is imported.`, ...notes].join(' '));
  }

  async #wipe() {
    const { events } = this.session.personal;
    const question =
      `Wipe ${counted(events.length, 'event')}, what was learned from them, and all else that this ` +
      'page has kept? It cannot be undone.';
    if (!(await confirmed(question, 'Wipe everything'))) return;
    await this.session.wipe();
    forgetTheme();
  }

  /**
   * Say it when something that was asked for fails.
   * @param {Promise<unknown>} work
   */
  #do(work) {
    work.then(
      () => hideBanner('problem'),
      (error) => {
        showBanner('problem', ended(error instanceof Error ? error.message : String(error)));
        this.#showRest();
      },
    );
  }
}
