/** The live list: each ranking moves its cards, and each card can explain itself. */

import { cover } from '../covers/cover.js';
import { byId, h } from '../dom.js';
import { caption, onVerdict, showVerdict, verdictButtons } from './card.js';
import { glide } from './motion.js';

/** @import { Entry } from '../model/entry.js' */
/** @import { ListOptions } from './card.js' */

export class Recommendations {
  #list = byId('recommendations');
  #options;

  /** @type {Map<string, HTMLLIElement>} shown cards by item key */
  #cards = new Map();

  /** @type {Map<string, string>} known reasons by item key */
  #reasons = new Map();

  /** @param {ListOptions} options */
  constructor(options) {
    this.#options = options;
    this.#list.replaceChildren();
    onVerdict(this.#list, options);
    const { signal } = options;
    this.#list.addEventListener('click', ({ target }) => this.#clicked(target), { signal });
  }

  /**
   * Show these entries in this order. The focus stays; if its card goes, the focus moves to the
   * same button of the card in its place.
   *
   * @param {readonly Entry[]} entries
   */
  show(entries) {
    const focus = this.#focus();
    this.#reasons.clear();
    const cards = entries.map((entry) => this.#cards.get(entry.key) ?? this.#card(entry));
    this.#cards = new Map(entries.map((entry, place) => [entry.key, cards[place] ?? h('li')]));
    glide(this.#list, () => arrange(this.#list, cards));
    cards.forEach((card, place) => {
      card.style.setProperty('--place', `"${place + 1}"`);
      showVerdict(card, this.#options.verdict(card.dataset.id ?? ''));
      this.#explain(card);
    });
    if (focus) focus();
    else this.#list.scrollTo({ left: 0 }); // in a strip the first cards have changed
  }

  /**
   * Show why items are in the list.
   * @param {Map<string, string>} reasons sentences by item key
   */
  explain(reasons) {
    this.#reasons = reasons;
    for (const card of this.#cards.values()) this.#explain(card);
  }

  /** @param {Entry} entry */
  #card(entry) {
    const id = `why-${entry.key}`;
    const why = h(
      'button',
      {
        class: 'why-button',
        type: 'button',
        'data-testid': 'why',
        'aria-expanded': 'false',
        'aria-controls': id,
        'aria-label': `Why ${entry.title}?`,
      },
      'Why?',
    );
    return h(
      'li',
      { class: 'rec', 'data-id': entry.key, 'data-testid': 'recommendation' },
      cover(entry),
      h('div', { class: 'rec-text' }, caption(entry), why),
      verdictButtons(entry, undefined),
      h('p', { class: 'why', id, hidden: true, 'data-testid': 'why-text' }),
    );
  }

  /** @param {EventTarget | null} target */
  #clicked(target) {
    const button = target instanceof Element && target.closest('.why-button');
    if (!button) return;
    const open = button.getAttribute('aria-expanded') === 'true';
    glide(this.#list, () => {
      button.setAttribute('aria-expanded', String(!open));
      button.closest('li')?.querySelector('.why')?.toggleAttribute('hidden', open);
    });
  }

  /** @param {HTMLElement} card */
  #explain(card) {
    const text = card.querySelector('.why');
    const reason = this.#reasons.get(card.dataset.id ?? '');
    if (text) text.textContent = reason ?? 'Finding out …';
  }

  /** A function that restores the focus after a change of the list; null if it is elsewhere. */
  #focus() {
    const focused = document.activeElement;
    const card = focused?.closest('#recommendations > li');
    if (!(focused instanceof HTMLElement) || !card) return null;
    const place = Array.prototype.indexOf.call(this.#list.children, card);
    const same = focused.dataset.verdict
      ? `[data-verdict="${focused.dataset.verdict}"]`
      : '.why-button';
    return () => {
      const there = focused.isConnected ? card : this.#list.children[place];
      const button = (there ?? this.#list.lastElementChild)?.querySelector(`button${same}`);
      if (button instanceof HTMLElement) button.focus({ preventScroll: true });
    };
  }
}

/**
 * Set the list's children. Children that stay in order are not moved, so that they keep the focus.
 *
 * @param {Element} list
 * @param {readonly Element[]} wanted
 */
function arrange(list, wanted) {
  const kept = new Set(wanted);
  for (const child of [...list.children]) if (!kept.has(child)) child.remove();
  wanted.forEach((child, place) => {
    const there = list.children[place];
    if (there !== child) list.insertBefore(child, there ?? null);
  });
}
