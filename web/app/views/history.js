/** What was tapped, the newest first, each with its verdict and a way to take it back. */

import { cover } from '../covers/cover.js';
import { caption, verdictButtons } from './card.js';
import { byId, h } from './dom.js';

/** @import { Catalogue } from '../model/catalogue.js' */
/** @import { Session } from '../model/session.js' */
/** @import { Entry } from '../model/entry.js' */

const WHEN = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });

/** Rows that are made; the exported file has all of them. */
const MOST_SHOWN = 200;

/**
 * Show the events of a session.
 *
 * @param {Session} session
 * @param {Catalogue} catalogue
 * @param {(entry: Entry) => void} forget what “Remove” does
 */
export function showHistory(session, catalogue, forget) {
  const { events } = session.personal;
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
  const none = 'Nothing yet. Like what you like: each tap is kept here, on this device.';
  const older = events.length - shown.length;
  byId('history').replaceChildren(
    h('h2', { class: 'visually-hidden' }, 'History'),
    events.length ? h('ol', { class: 'list plain' }, ...rows) : h('p', { class: 'empty' }, none),
    older ? h('p', { class: 'muted' }, `${older} older ones are in the exported file.`) : '',
  );
  if (focused) byId('history').querySelector('button')?.focus();
}
