/**
 * The error that this library throws on purpose; `message` is one sentence for a person.
 *
 * `kind` names the cause: 'bundle' for files that are damaged, of another version or no bundle,
 * 'input' for an invalid argument, 'runtime' for the WebAssembly runtime or the browser, and
 * 'network' for a file that did not arrive.
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
 * A value as errors quote it: on one line, at most 80 characters.
 * @param {unknown} value
 * @returns {string}
 */
export function shown(value) {
  let text;
  try {
    const written = typeof value === 'object' && !(value instanceof Date);
    text = written ? JSON.stringify(value) : String(value);
  } catch {
    text = `a value of type ${typeof value}`; // cyclic, or without a text
  }
  text = text.replace(/\s+/g, ' ');
  return text.length <= 80 ? text : `${text.slice(0, 77)}...`;
}
