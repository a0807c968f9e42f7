/** The dock on small screens: the top of the list, while the list itself is out of sight. */

import { cover } from '../covers/cover.js';
import { byId, h } from '../dom.js';
import { glide } from './motion.js';

/** @import { Entry } from '../model/entry.js' */

const SHOWN = 4;

/** @type {Map<string, HTMLElement>} */
let covers = new Map();

/** Show the dock while the list is out of sight; a tap scrolls back to the list. */
export function makeDock() {
  const dock = byId('dock');
  dock.replaceChildren(h('span', { class: 'dock-covers' }), h('span', { class: 'dock-text' }));
  dock.onclick = () => {
    byId('tab-for-you').click();
    byId('tab-for-you').focus({ preventScroll: true });
    scrollTo({ top: 0 });
  };
  const observer = new IntersectionObserver(([side]) => {
    dock.hidden = (side?.isIntersecting ?? true) || byId('opened').hidden; // no bundle is open
  });
  observer.observe(byId('for-you').parentElement ?? byId('for-you'));
}

/**
 * @param {readonly Entry[]} entries the list
 * @param {string} text
 */
export function showDock(entries, text) {
  const shown = entries.slice(0, SHOWN);
  const list = byId('dock').querySelector('.dock-covers');
  const before = covers;
  covers = new Map(shown.map((entry) => [entry.key, before.get(entry.key) ?? cover(entry)]));
  if (list) glide(list, () => list.replaceChildren(...covers.values()));
  const label = byId('dock').querySelector('.dock-text');
  if (label) label.textContent = `For you: ${shown[0]?.title ?? 'nothing left'}`;
  byId('dock').title = text;
}
