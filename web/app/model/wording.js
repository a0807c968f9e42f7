/** The page's words for items, counts and sizes. */

/** @typedef {{ one: string, many: string }} Wording */

/**
 * "Films" for bundles made from MovieLens, "items" for all others.
 *
 * @param {Record<string, any>} manifest
 * @returns {Wording}
 */
export function wordingOf(manifest) {
  const films = isMovieLens(manifest);
  return films ? { one: 'film', many: 'films' } : { one: 'item', many: 'items' };
}

/** @param {Record<string, any>} manifest */
export function isMovieLens(manifest) {
  return String(manifest.provenance?.data?.source?.source ?? '').startsWith('movielens');
}

/**
 * "Toy Story", "Toy Story and Aladdin", "Toy Story, Aladdin and Up".
 *
 * @param {readonly string[]} names
 */
export function listed(names) {
  const last = names.at(-1) ?? '';
  return names.length > 1 ? `${names.slice(0, -1).join(', ')} and ${last}` : last;
}

/**
 * "1 event", "3,416 films".
 *
 * @param {number} count
 * @param {string} one
 * @param {string} [many]
 */
export function counted(count, one, many = `${one}s`) {
  return `${count.toLocaleString('en')} ${count === 1 ? one : many}`;
}

/** @param {number} bytes */
export function inBytes(bytes) {
  if (bytes < 1000) return counted(bytes, 'byte');
  if (bytes < 1e6) return `${(bytes / 1000).toFixed(1)} KB`;
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
