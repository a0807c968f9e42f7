/** What the visitor can do with their data: change, shrink, export, import and wipe them. */

import { exported, readExport } from './model/transfer.js';
import { counted } from './model/wording.js';
import { showBanner } from './views/announce.js';
import { confirmed } from './views/confirm.js';
import { forgetTheme } from './views/header.js';

/** @import { Visit } from './model/visit.js' */
/** @import { DataActs } from './views/data.js' */

/**
 * The acts of the panel "Your data"; `run` reports it when one fails.
 *
 * @param {Visit} visit
 * @param {(work: Promise<unknown>) => void} run
 * @param {(files: Iterable<File>) => void} openFiles
 * @returns {DataActs}
 */
export function dataActs(visit, run, openFiles) {
  return {
    setAbout: (name, value) => run(visit.setAbout(name, value)),
    decay: (factor) => run(visit.decay(factor)),
    exportData: () => exportData(visit),
    importData: (file) => run(importData(visit, file)),
    wipe: () => run(wipe(visit)),
    openFiles,
  };
}

/** @param {Visit} visit */
export function exportData(visit) {
  const file = new Blob([exported(visit)], { type: 'application/json' });
  const link = document.createElement('a');
  link.href = URL.createObjectURL(file);
  link.download = 'pocketrec-my-data.json';
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/**
 * @param {Visit} visit
 * @param {File} file
 */
async function importData(visit, file) {
  const notes = await visit.replace(await readExport(file));
  showBanner('import', [`${file.name} is imported.`, ...notes].join(' '));
}

/** @param {Visit} visit */
async function wipe(visit) {
  const events = counted(visit.personal.events.length, 'event');
  const question =
    `Wipe ${events}, what was learned from them, and everything else that this page has stored? ` +
    'This cannot be undone.';
  if (!(await confirmed(question, 'Wipe everything'))) return;
  await visit.wipe();
  forgetTheme();
}
