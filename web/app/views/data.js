/** Everything that is stored, as it is stored; and what can be done with it. */

import { counted, inBytes } from '../model/wording.js';
import { aboutYou } from './about.js';
import { byId, h } from './dom.js';
import { vectorPlot } from './vector.js';

/** @import { Session } from '../model/session.js' */
/** @import { Store } from '../model/store.js' */

/**
 * What the buttons do.
 * @typedef {object} DataActs
 * @property {(name: string, value: string) => void} tell
 * @property {(factor: number) => void} decay
 * @property {() => void} exportData
 * @property {(file: File) => void} importData
 * @property {() => void} wipe
 * @property {(files: FileList) => void} openFiles
 */

/**
 * Show a session's data.
 *
 * @param {Session} session
 * @param {Store} store
 * @param {DataActs} acts
 */
export async function showData(session, store, acts) {
  const panel = byId('data');
  const focused = document.activeElement?.getAttribute('data-testid');
  const opened = panel.querySelector('details')?.open ?? false;
  const others = (await store.all()).filter(({ model }) => model !== session.record.model);
  panel.replaceChildren(
    h('h2', { class: 'visually-hidden' }, 'Your data'),
    aboutYou(session, acts.tell),
    learned(session, acts),
    stored(session, store, others.length, opened, acts),
    otherBundle(acts),
  );
  const again = focused && panel.querySelector(`[data-testid="${CSS.escape(focused)}"]`);
  if (again instanceof HTMLElement) again.focus({ preventScroll: true });
}

/**
 * @param {Session} session
 * @param {DataActs} acts
 */
function learned(session, acts) {
  const { vector, steps, rolledBack } = session.personal;
  const moved = Math.hypot(...vector);
  const facts = [
    `${counted(steps, 'step')} of learning`,
    `moved by ${moved.toFixed(2)}`,
    `rolled back ${rolledBack === 1 ? 'once' : counted(rolledBack, 'time')}`,
  ];
  return h(
    'section',
    { class: 'block' },
    h('h3', {}, 'What was learned'),
    h('p', { class: 'muted', 'data-testid': 'learned' }, `${facts.join(' · ')}.`),
    vectorPlot(vector),
    h(
      'p',
      { class: 'muted small' },
      'Your personal vector: likes pull it, “not for me” pushes it. Where it makes the list ' +
        'worse on your own likes, it goes back to zero by itself.',
    ),
    h(
      'div',
      { class: 'row' },
      button('Halve', 'decay', () => acts.decay(0.5), !moved),
      button('Back to zero', 'reset', () => acts.decay(0), !moved),
    ),
  );
}

/**
 * @param {Session} session
 * @param {Store} store
 * @param {number} others
 * @param {boolean} opened
 * @param {DataActs} acts
 */
function stored(session, store, others, opened, acts) {
  const { record } = session;
  const compact = JSON.stringify(record);
  const events = counted(record.state.events.length, 'event');
  const where = store.problem ?? 'In this browser’s storage on this device, and nowhere else.';
  const picker = filePicker('import-file', '.json,application/json', (files) => {
    if (files[0]) acts.importData(files[0]);
  });
  const more = others ? ` ${counted(others, 'record')} of other models are kept as well.` : '';
  return h(
    'section',
    { class: 'block' },
    h('h3', {}, 'Everything that is kept'),
    h(
      'p',
      { class: 'muted', 'data-testid': 'size' },
      `${events}, ${inBytes(compact.length)}. ${where}${more}`,
    ),
    h(
      'details',
      { open: opened },
      h('summary', {}, 'Show it as it is stored'),
      h('pre', { 'data-testid': 'stored', tabindex: 0 }, JSON.stringify(record, null, 1)),
    ),
    picker,
    h(
      'div',
      { class: 'row' },
      button('Export', 'export', acts.exportData),
      button('Import', 'import', () => picker.click()),
      button('Wipe everything', 'wipe', acts.wipe, false, 'danger'),
    ),
  );
}

/** @param {DataActs} acts */
function otherBundle(acts) {
  const picker = filePicker('file-input', '.json,.tflite', acts.openFiles, true);
  return h(
    'section',
    { class: 'block' },
    h('h3', {}, 'Another bundle'),
    h(
      'p',
      { class: 'muted' },
      'Drop a folder with manifest.json, items.json and model.tflite anywhere on this page, ' +
        'or choose these files.',
    ),
    picker,
    h(
      'div',
      { class: 'row' },
      button('Choose files', 'choose-files', () => picker.click()),
    ),
  );
}

/**
 * @param {string} label
 * @param {string} testId
 * @param {() => void} onclick
 * @param {boolean} [disabled]
 * @param {string} [kind]
 */
const button = (label, testId, onclick, disabled = false, kind = '') =>
  h(
    'button',
    { class: `button ${kind}`, type: 'button', 'data-testid': testId, onclick, disabled },
    label,
  );

/**
 * An input that only its button opens.
 *
 * @param {string} testId
 * @param {string} accept
 * @param {(files: FileList) => void} chosen
 * @param {boolean} [multiple]
 */
export function filePicker(testId, accept, chosen, multiple = false) {
  const input = h('input', {
    type: 'file',
    hidden: true,
    accept,
    multiple,
    'data-testid': testId,
    onchange: () => {
      if (input.files?.length) chosen(input.files);
      input.value = ''; // the same file may be chosen again
    },
  });
  return input;
}
