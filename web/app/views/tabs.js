/** Tabs for the panels beside the catalogue: the list, the history and the data. */

import { byId, h } from '../dom.js';

/** @type {[string, string][]} ids of panels, and their tabs' labels */
const TABS = [
  ['for-you', 'For you'],
  ['history', 'History'],
  ['data', 'Your data'],
];

/**
 * Make the tabs; `opened` is called with the id of each opened panel.
 * @param {(panel: string) => void} opened
 */
export function makeTabs(opened) {
  const list = byId('tabs');
  const tabs = TABS.map(([panel, label]) =>
    h(
      'button',
      {
        class: 'tab',
        type: 'button',
        role: 'tab',
        id: `tab-${panel}`,
        'data-testid': `tab-${panel}`,
        'aria-controls': panel,
        onclick: () => open(panel),
      },
      label,
      h('span', { class: 'count' }),
    ),
  );
  const open = (/** @type {string} */ chosen) => {
    TABS.forEach(([panel], n) => {
      byId(panel).hidden = panel !== chosen;
      tabs[n]?.setAttribute('aria-selected', String(panel === chosen));
      tabs[n]?.setAttribute('tabindex', panel === chosen ? '0' : '-1');
    });
    opened(chosen);
  };
  list.onkeydown = ({ key }) => {
    const at = tabs.indexOf(/** @type {HTMLButtonElement} */ (document.activeElement));
    const step = { ArrowLeft: -1, ArrowRight: 1 }[key];
    const next = step && tabs.at((at + step) % tabs.length);
    if (!next) return;
    next.focus();
    next.click();
  };
  list.replaceChildren(...tabs);
  for (const [panel] of TABS) {
    byId(panel).setAttribute('role', 'tabpanel');
    byId(panel).setAttribute('aria-labelledby', `tab-${panel}`);
  }
  open('for-you');
}

/**
 * Show a number in a tab; 0 hides it.
 *
 * @param {string} panel
 * @param {number} count
 */
export function setCount(panel, count) {
  const badge = byId(`tab-${panel}`).querySelector('.count');
  if (badge) badge.textContent = count ? String(count) : '';
}
