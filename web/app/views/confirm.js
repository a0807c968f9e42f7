/** A question that has to be answered before something is lost. */

import { byId, h } from './dom.js';

/**
 * Ask, and give whether it was confirmed; Escape is a no.
 *
 * @param {string} question
 * @param {string} yes what the button that does it says
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
