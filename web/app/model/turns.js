/** Tasks that wait for each other. */

/** @typedef {(task: () => Promise<void>) => Promise<void>} Run */

/**
 * A function that runs each task when those before it are done, whether they failed or not.
 * @returns {Run}
 */
export function inTurn() {
  let last = Promise.resolve();
  return (task) => {
    const result = last.then(task);
    last = result.catch(() => {}); // who asked hears of it; the next one is not held up
    return result;
  };
}
