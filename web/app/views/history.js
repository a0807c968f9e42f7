/** The history: tapped items, newest first, each with its verdict and a button to remove it. */

import { cover } from '../covers/cover.js';
import { byId, h } from '../dom.js';
import { caption, verdictButtons } from './card.js';

/** @import { Catalogue } from '../model/catalogue.js' */
/** @import { Visit } from '../model/visit.js' */
/** @import { Entry } from '../model/entry.js' */

const WHEN = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });

/** Most rows on the page; the exported file has all events. */
const MOST_SHOWN = 200;

/**
 * Show the events of a visit.
 *
 * @param {Visit} visit
 * @param {Catalogue} catalogue
 * @param {(entry: Entry) => void} forget the action of “Remove”
 */
export function showHistory(visit, catalogue, forget) {
  const { events } = visit.personal;
  const focused = byId('history').contains(document.activeElement);
  const shown = events.slice(-MOST_SHOWN).reverse();
  const rows = shown.map(({ id, verdict, time }) => {
    const entry = catalogue.entry(id);
    const when = time ? `${WHEN.format(time * 1000)} · ` : '';
    const remove = h(
      'button',
      {
        class: 'link remove',
        type: 'button',
        'data-testid': 'remove',
        'aria-label': `Remove ${entry.title} from the history`,
        onclick: () => forget(entry),
      },
      'Remove',
    );
    return h(
      'li',
      { class: 'rec event', 'data-id': entry.key, 'data-testid': 'event', 'data-given': verdict },
      cover(entry),
      h('div', { class: 'rec-text' }, caption(entry), h('p', { class: 'when' }, when, remove)),
      verdictButtons(entry, verdict),
    );
  });
  const none = 'Nothing yet. Each tap is kept here, on this device.';
  const older = events.length - shown.length;
  byId('history').replaceChildren(
    h('h2', { class: 'visually-hidden' }, 'History'),
    events.length ? h('ol', { class: 'list plain' }, ...rows) : h('p', { class: 'empty' }, none),
    older ? h('p', { class: 'muted' }, `${older} older events are in the exported file.`) : '',
  );
  if (focused) byId('history').querySelector('button')?.focus();
}
