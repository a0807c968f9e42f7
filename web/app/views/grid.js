/** The catalogue to pick from: cards in pages, added as the visitor scrolls. */

import { cover } from '../covers/cover.js';
import { byId, h } from '../dom.js';
import { caption, onVerdict, showVerdict, verdictButtons } from './card.js';

/** @import { Entry } from '../model/entry.js' */
/** @import { Verdict } from '../model/profile.js' */
/** @import { ListOptions } from './card.js' */

const PAGE = 48;

/** Distance in pixels below the window at which the next page is added. */
const AHEAD = 900;

export class Grid {
  #list = byId('grid');
  /** @type {readonly Entry[]} */
  #entries = [];
  #options;
  #observer;

  /** @param {ListOptions} options */
  constructor(options) {
    this.#options = options;
    this.#observer = new IntersectionObserver(([end]) => end?.isIntersecting && this.#addPage(), {
      rootMargin: `${AHEAD}px`,
    });
    const { signal } = options;
    onVerdict(this.#list, options);
    this.#list.addEventListener('keydown', (event) => this.#move(event), { signal });
    this.#list.addEventListener('focusin', ({ target }) => this.#focused(target), { signal });
    signal.addEventListener('abort', () => this.#observer.disconnect());
  }

  /**
   * Show these entries, from the first.
   * @param {readonly Entry[]} entries
   */
  show(entries) {
    this.#entries = entries;
    this.#list.replaceChildren();
    this.#addPage();
    const first = this.#list.firstElementChild;
    if (first) this.#letTab(first);
  }

  /**
   * Show an expected verdict at once.
   *
   * @param {Entry} entry
   * @param {Verdict | undefined} verdict
   */
  mark(entry, verdict) {
    const card = this.#list.querySelector(`[data-id="${CSS.escape(entry.key)}"]`);
    if (card) showVerdict(card, verdict);
  }

  /** Show the current verdicts. */
  refresh() {
    for (const card of this.#list.children) {
      showVerdict(card, this.#options.verdict(card.getAttribute('data-id') ?? ''));
    }
  }

  #addPage() {
    const from = this.#list.childElementCount;
    const added = this.#entries.slice(from, from + PAGE);
    this.#list.append(...added.map((entry) => this.#card(entry)));
    // Observing again reports at once whether the end is still in sight.
    const end = byId('grid-end');
    this.#observer.unobserve(end);
    if (from + added.length < this.#entries.length) this.#observer.observe(end);
  }

  /** @param {Entry} entry */
  #card(entry) {
    const verdict = this.#options.verdict(entry.id);
    const card = h(
      'li',
      { class: 'card', 'data-id': entry.key, 'data-testid': 'card', 'data-given': verdict ?? '' },
      cover(entry),
      caption(entry),
      verdictButtons(entry, verdict),
    );
    for (const button of card.querySelectorAll('button')) button.tabIndex = -1;
    return card;
  }

  /** @param {EventTarget | null} target */
  #focused(target) {
    const card = target instanceof Element && target.closest('.card');
    if (card) this.#letTab(card);
  }

  /**
   * Let Tab reach only this card's buttons; arrow keys lead to the other cards.
   * @param {Element} card
   */
  #letTab(card) {
    const before = this.#list.querySelector('.card.current');
    for (const [which, index] of /** @type {const} */ ([
      [before, -1],
      [card, 0],
    ])) {
      which?.classList.toggle('current', index === 0);
      for (const button of which?.querySelectorAll('button') ?? []) button.tabIndex = index;
    }
  }

  /** @param {KeyboardEvent} event */
  #move(event) {
    const focused = document.activeElement;
    const card = focused?.closest('.card');
    const step = this.#step(event.key);
    if (!card || step === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    const place = Array.prototype.indexOf.call(this.#list.children, card);
    const wanted = Math.min(Math.max(place + step, 0), this.#entries.length - 1);
    while (wanted >= this.#list.childElementCount) this.#addPage();
    const verdict = focused?.getAttribute('data-verdict');
    const next = this.#list.children[wanted]?.querySelector(`button[data-verdict="${verdict}"]`);
    if (next instanceof HTMLElement) next.focus();
  }

  /**
   * How many cards a key moves the focus.
   * @param {string} key
   */
  #step(key) {
    const columns = getComputedStyle(this.#list).gridTemplateColumns.split(' ').length;
    /** @type {Record<string, number>} */
    const steps = {
      ArrowLeft: -1,
      ArrowRight: 1,
      ArrowUp: -columns,
      ArrowDown: columns,
      PageUp: -3 * columns,
      PageDown: 3 * columns,
      Home: -Infinity,
      End: this.#list.childElementCount, // of the loaded cards: the catalogue's end may be far away
    };
    return steps[key];
  }
}
