/** The panel "Your data": everything that is stored, as it is stored, and what to do with it. */

import { byId, h } from '../dom.js';
import { counted, inBytes } from '../model/wording.js';
import { aboutYou } from './about.js';
import { vectorPlot } from './vector.js';

/** @import { Visit } from '../model/visit.js' */
/** @import { Store } from '../model/store.js' */

/**
 * The actions of the buttons.
 * @typedef {object} DataActs
 * @property {(name: string, value: string) => void} setAbout
 * @property {(factor: number) => void} decay
 * @property {() => void} exportData
 * @property {(file: File) => void} importData
 * @property {() => void} wipe
 * @property {(files: FileList) => void} openFiles
 */

/**
 * Show a visit's data.
 *
 * @param {Visit} visit
 * @param {Store} store
 * @param {DataActs} acts
 */
export async function showData(visit, store, acts) {
  const panel = byId('data');
  const focused = document.activeElement?.getAttribute('data-testid');
  const opened = panel.querySelector('details')?.open ?? false;
  const others = (await store.all()).filter(({ model }) => model !== visit.record.model);
  panel.replaceChildren(
    h('h2', { class: 'visually-hidden' }, 'Your data'),
    aboutYou(visit, acts.setAbout),
    learned(visit, acts),
    stored(visit, store, others.length, opened, acts),
    otherBundle(acts),
  );
  const again = focused && panel.querySelector(`[data-testid="${CSS.escape(focused)}"]`);
  if (again instanceof HTMLElement) again.focus({ preventScroll: true });
}

/**
 * @param {Visit} visit
 * @param {DataActs} acts
 */
function learned(visit, acts) {
  const { vector, steps, rolledBack } = visit.personal;
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
      'Your personal vector: likes pull it, “not for me” pushes it. If it makes the lists of your ' +
        'own likes worse, it goes back to zero.',
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
 * @param {Visit} visit
 * @param {Store} store
 * @param {number} others
 * @param {boolean} opened
 * @param {DataActs} acts
 */
function stored(visit, store, others, opened, acts) {
  const { record } = visit;
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
 * A hidden file input; a button opens it.
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
      input.value = ''; // lets the same file be chosen again
    },
  });
  return input;
}
