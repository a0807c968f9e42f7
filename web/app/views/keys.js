/** Keyboard shortcuts: "/" goes to the search, "u" undoes; not while the visitor is typing. */

import { byId } from '../dom.js';

/** @param {() => void} undo */
export function listenToKeys(undo) {
  window.addEventListener('keydown', (event) => {
    const { key, ctrlKey, metaKey, altKey, target } = event;
    const typing = target instanceof Element && target.closest('input, select, textarea, dialog');
    if (typing || ctrlKey || metaKey || altKey || byId('opened').hidden) return;
    if (key === '/') {
      event.preventDefault();
      byId('search').focus();
    } else if (key === 'u') {
      undo();
    }
  });
}
