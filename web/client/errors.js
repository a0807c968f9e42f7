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
