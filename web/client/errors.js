/**
 * Every error that this library throws on purpose: `message` is one sentence for a person.
 *
 * `kind` tells what is wrong: 'bundle' the files (damaged, of another version, not a bundle),
 * 'input' what a call was given, 'runtime' the WebAssembly runtime or the browser under it,
 * 'network' a file that did not arrive.
 *
 * @typedef {'bundle' | 'input' | 'runtime' | 'network'} ErrorKind
 */

export class PocketrecError extends Error {
  /**
   * @param {ErrorKind} kind
   * @param {string} message
   * @param {ErrorOptions} [options]
   */
  constructor(kind, message, options) {
    super(message, options);
    this.name = 'PocketrecError';
    this.kind = kind;
  }
}

/**
 * Any value as an error quotes it: on one line, and of a long one the beginning.
 * @param {unknown} value
 * @returns {string}
 */
export function shown(value) {
  let text;
  try {
    const written = typeof value === 'object' && !(value instanceof Date);
    text = written ? JSON.stringify(value) : String(value);
  } catch {
    text = `a value of type ${typeof value}`; // one that holds itself, or is not to be written
  }
  text = text.replace(/\s+/g, ' ');
  return text.length <= 80 ? text : `${text.slice(0, 77)}...`;
}
