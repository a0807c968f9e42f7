/** What can be done with one's data: told, shrunk, exported, imported, wiped. */

import { exported, readExport } from './model/transfer.js';
import { counted } from './model/wording.js';
import { showBanner } from './views/announce.js';
import { confirmed } from './views/confirm.js';
import { forgetTheme } from './views/header.js';

/** @import { Session } from './model/session.js' */
/** @import { DataActs } from './views/data.js' */

/**
 * The acts of the panel "Your data"; `run` says it when one fails.
 *
 * @param {Session} session
 * @param {(work: Promise<unknown>) => void} run
 * @param {(files: Iterable<File>) => void} openFiles
 * @returns {DataActs}
 */
export function dataActs(session, run, openFiles) {
  return {
    tell: (name, value) => run(session.tell(name, value)),
    decay: (factor) => run(session.decay(factor)),
    exportData: () => exportData(session),
    importData: (file) => run(importData(session, file)),
    wipe: () => run(wipe(session)),
    openFiles,
  };
}

/** @param {Session} session */
export function exportData(session) {
  const file = new Blob([exported(session)], { type: 'application/json' });
  const link = document.createElement('a');
  link.href = URL.createObjectURL(file);
  link.download = 'pocketrec-my-data.json';
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/**
 * @param {Session} session
 * @param {File} file
 */
async function importData(session, file) {
  const notes = await session.replace(await readExport(file));
  showBanner('import', [`${file.name} is imported.`, ...notes].join(' '));
}

/** @param {Session} session */
async function wipe(session) {
  const events = counted(session.personal.events.length, 'event');
  const question =
    `Wipe ${events}, what was learned from them, and all else that this page has kept? ` +
    'It cannot be undone.';
  if (!(await confirmed(question, 'Wipe everything'))) return;
  await session.wipe();
  forgetTheme();
}
