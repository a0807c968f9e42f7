/** Parts that all lists share: an item's verdict buttons, its title and its line of labels. */

import { h } from '../dom.js';
import { icon } from './icons.js';

/** @import { Entry } from '../model/entry.js' */
/** @import { Verdict } from '../model/profile.js' */

/** A button's label for screen readers, and its tooltip. */
const VERDICTS = /** @type {const} */ ({
  like: { label: (/** @type {string} */ title) => `Like ${title}`, title: 'Like' },
  seen: { label: (/** @type {string} */ title) => `Seen ${title}`, title: 'Seen' },
  dislike: { label: (/** @type {string} */ title) => `Not for me: ${title}`, title: 'Not for me' },
});

/**
 * The buttons "like", "seen" and "not for me".
 *
 * @param {Entry} entry
 * @param {Verdict | undefined} current
 */
export function verdictButtons(entry, current) {
  const buttons = Object.entries(VERDICTS).map(([verdict, { label, title }]) =>
    h(
      'button',
      {
        class: 'verdict',
        type: 'button',
        title,
        'data-verdict': verdict,
        'aria-label': label(entry.title),
        'aria-pressed': String(verdict === current),
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
 * @param {Verdict | undefined} verdict
 */
export function showVerdict(card, verdict) {
  if (card.getAttribute('data-given') === (verdict ?? '')) return;
  card.setAttribute('data-given', verdict ?? '');
  for (const button of card.querySelectorAll('button[data-verdict]')) {
    const pressed = button.getAttribute('data-verdict') === verdict;
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
 * Options of a list of cards: an item's verdict, the action of a tap, and when to stop listening.
 * @typedef {object} ListOptions
 * @property {(id: Entry['id']) => Verdict | undefined} verdict
 * @property {(key: string, verdict: Verdict) => void} tap
 * @property {AbortSignal} signal
 */

/**
 * Call `tap` with the item's key and verdict when a button in a list is pressed. A tap on a cover
 * is a like; keyboards and screen readers have the button for that.
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
