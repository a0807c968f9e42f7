/** Runs tasks one after the other. */

/** @typedef {(task: () => Promise<void>) => Promise<void>} Run */

/**
 * A function that runs each task after all earlier ones, whether they succeeded or failed.
 * @returns {Run}
 */
export function inTurn() {
  let last = Promise.resolve();
  return (task) => {
    const result = last.then(task);
    last = result.catch(() => {}); // the caller gets the error; the next task still runs
    return result;
  };
}
