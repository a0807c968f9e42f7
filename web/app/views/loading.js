/** The page while it loads, and when loading fails. */

import { PocketrecError } from '../../pocketrec.js';
import { byId, h } from '../dom.js';
import { inBytes } from '../model/wording.js';
import { filePicker } from './data.js';

/** @import { Progress } from '../../pocketrec.js' */
/** @typedef {'loading' | 'ready' | 'failed'} State */

/** @param {State} state */
export function setState(state) {
  document.documentElement.dataset.state = state;
  byId('loading').hidden = state !== 'loading';
  byId('failure').hidden = state !== 'failed';
  if (state !== 'failed') byId('failure').replaceChildren();
  byId('opened').hidden = state !== 'ready';
}

/** @param {Progress} progress */
export function showProgress({ loaded, total }) {
  const bar = /** @type {HTMLProgressElement} */ (byId('loading-progress'));
  const all = total && loaded >= total;
  if (total) bar.value = loaded / total;
  byId('loading-text').textContent = all
    ? 'Starting the recommender …'
    : `Loading the recommender: ${inBytes(loaded)}${total ? ` of ${inBytes(total)}` : ''}`;
}

/** What to do about each kind of error. */
const ADVICE = {
  bundle: 'Get the bundle again from where it was made, or open another one.',
  network: 'Check the address and the connection, then try again.',
  runtime: 'Use a current Chrome, Edge, Firefox or Safari, with WebAssembly allowed.',
  input: 'Correct the address, or open another bundle.',
};

/**
 * Show that a bundle cannot be opened, and what to do about it.
 *
 * @param {unknown} error
 * @param {{ again: () => void, openFiles: (files: FileList) => void }} acts
 */
export function showFailure(error, { again, openFiles }) {
  const known = error instanceof PocketrecError;
  const sentence = error instanceof Error ? error.message : String(error);
  const picker = filePicker('file-input', '.json,.tflite', openFiles, true);
  byId('failure').replaceChildren(
    h(
      'h2',
      {},
      known && error.kind === 'network' ? 'Something did not arrive' : 'This did not open',
    ),
    h('p', { class: 'sentence', 'data-testid': 'error-text' }, ended(sentence)),
    h('p', { class: 'muted' }, known ? ADVICE[error.kind] : ADVICE.runtime),
    h('p', { class: 'muted' }, 'Nothing that you tapped is lost: it stays on this device.'),
    picker,
    h(
      'div',
      { class: 'row' },
      h(
        'button',
        { class: 'button primary', type: 'button', 'data-testid': 'again', onclick: again },
        'Try again',
      ),
      h(
        'button',
        { class: 'button', type: 'button', onclick: () => picker.click() },
        'Choose a bundle’s files',
      ),
      location.search
        ? h(
            'a',
            { class: 'button', href: location.pathname },
            'Open the bundle that comes with the page',
          )
        : '',
    ),
  );
  setState('failed');
}

/**
 * A text as a sentence: with a capital letter and a full stop.
 * @param {string} text
 */
export function ended(text) {
  const sentence = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?…]$/.test(sentence) ? sentence : `${sentence}.`;
}
