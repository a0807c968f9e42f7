/** What all lists share: an item's verdict buttons, its title and its line of labels. */

import { h } from './dom.js';
import { icon } from './icons.js';

/** @import { Entry } from '../model/entry.js' */
/** @import { Verdict } from '../model/session.js' */

/** What a button says of its item, and what its tooltip says. */
const VERDICTS = /** @type {const} */ ({
  like: { label: (/** @type {string} */ title) => `Like ${title}`, title: 'Like' },
  seen: { label: (/** @type {string} */ title) => `Seen ${title}`, title: 'Seen' },
  dislike: { label: (/** @type {string} */ title) => `Not for me: ${title}`, title: 'Not for me' },
});

/**
 * Like, seen, not for me.
 *
 * @param {Entry} entry
 * @param {Verdict | undefined} given
 */
export function verdictButtons(entry, given) {
  const buttons = Object.entries(VERDICTS).map(([verdict, { label, title }]) =>
    h(
      'button',
      {
        class: 'verdict',
        type: 'button',
        title,
        'data-verdict': verdict,
        'aria-label': label(entry.title),
        'aria-pressed': String(verdict === given),
      },
      icon(/** @type {Verdict} */ (verdict)),
    ),
  );
  return h('div', { class: 'verdicts' }, ...buttons);
}

/**
 * Show a card's verdict in its buttons.
 *
 * @param {Element} card
 * @param {Verdict | undefined} given
 */
export function showVerdict(card, given) {
  if (card.getAttribute('data-given') === (given ?? '')) return;
  card.setAttribute('data-given', given ?? '');
  for (const button of card.querySelectorAll('button[data-verdict]')) {
    const pressed = button.getAttribute('data-verdict') === given;
    button.setAttribute('aria-pressed', String(pressed));
  }
}

/** @param {Entry} entry */
export function caption(entry) {
  const labels = entry.labels.slice(0, 3).join(', ');
  const between = entry.year && labels ? ' · ' : '';
  return h(
    'div',
    { class: 'caption' },
    h('h3', { class: 'title' }, entry.title),
    h('p', { class: 'meta' }, h('span', { class: 'year' }, entry.year), `${between}${labels}`),
  );
}

/**
 * What lists of cards are given: the verdict on an item, what a tap does, when to stop listening.
 * @typedef {object} ListOptions
 * @property {(id: Entry['id']) => Verdict | undefined} verdict
 * @property {(key: string, verdict: Verdict) => void} tap
 * @property {AbortSignal} signal
 */

/**
 * Call `tap` with the item's key and the verdict of each button that is pressed in a list; a tap on
 * a cover is a like. (Keyboards and screen readers have the button of that name.)
 *
 * @param {HTMLElement} list
 * @param {Pick<ListOptions, 'tap' | 'signal'>} options
 */
export function onVerdict(list, { tap, signal }) {
  const listener = (/** @type {MouseEvent} */ { target }) => {
    if (!(target instanceof Element)) return;
    const key = target.closest('[data-id]')?.getAttribute('data-id');
    const pressed = target.closest('[data-verdict]')?.getAttribute('data-verdict');
    const verdict = pressed ?? (target.closest('.cover') ? 'like' : null);
    if (key && verdict) tap(key, /** @type {Verdict} */ (verdict));
  };
  list.addEventListener('click', listener, { signal });
}
