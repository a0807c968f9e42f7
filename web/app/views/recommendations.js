/** The live list: each ranking moves its cards, and each card can say why it is there. */

import { cover } from '../covers/cover.js';
import { caption, onVerdict, showVerdict, verdictButtons } from './card.js';
import { byId, h } from './dom.js';
import { glide } from './motion.js';

/** @import { Entry } from '../model/entry.js' */
/** @import { ListOptions } from './card.js' */

export class Recommendations {
  #list = byId('recommendations');
  #options;

  /** @type {Map<string, HTMLLIElement>} cards on show by their items' keys */
  #cards = new Map();

  /** @type {Map<string, string>} why, as far as it is known, by key */
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
   * Show these entries in this order. Focus stays where it is, or, if its card goes, on the same
   * button of the card that takes its place.
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
    else this.#list.scrollTo({ left: 0 }); // where it is a strip, its first cards are what changed
  }

  /**
   * Say why items are in the list.
   * @param {Map<string, string>} reasons sentences by key
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
    if (text) text.textContent = reason ?? 'Looking at what it rests on …';
  }

  /** How to give the focus back after the list has changed. */
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
 * Make these the list's children. What stays in order is not taken out, so that it keeps focus.
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
