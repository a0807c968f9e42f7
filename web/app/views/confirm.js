/** Asks for confirmation before something is lost. */

import { byId, h } from '../dom.js';

/**
 * Ask a question; resolves to true if the visitor confirms. Escape means no.
 *
 * @param {string} question
 * @param {string} yes the label of the confirming button
 * @returns {Promise<boolean>}
 */
export function confirmed(question, yes) {
  const dialog = /** @type {HTMLDialogElement} */ (byId('confirm'));
  const answer = (/** @type {string} */ value) => () => dialog.close(value);
  dialog.returnValue = '';
  dialog.replaceChildren(
    h('p', { id: 'confirm-text' }, question),
    h(
      'div',
      { class: 'row' },
      h('button', { class: 'button', type: 'button', onclick: answer('') }, 'Cancel'),
      h(
        'button',
        {
          class: 'button danger',
          type: 'button',
          'data-testid': 'confirm',
          onclick: answer('yes'),
        },
        yes,
      ),
    ),
  );
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => resolve(dialog.returnValue === 'yes'), { once: true });
  });
}
