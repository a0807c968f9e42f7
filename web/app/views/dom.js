/** Elements in one line each. */

/** @typedef {Node | string | null | undefined | false} Child */

/**
 * An element with attributes, listeners (by names such as "onclick") and children.
 *
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, unknown>} [attributes] true is an empty one; false, null, undefined none
 * @param {...Child} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') {
      element.addEventListener(name.slice(2), /** @type {EventListener} */ (value));
    } else if (value !== false && value !== null && value !== undefined) {
      element.setAttribute(name, value === true ? '' : String(value));
    }
  }
  element.append(...children.filter(shown));
  return element;
}

/**
 * @param {Child} child
 * @returns {child is Node | string}
 */
const shown = (child) => child !== null && child !== undefined && child !== false && child !== '';

/**
 * The element with an id that index.html gives; its absence is a mistake of the page's.
 * @param {string} id
 */
export function byId(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`index.html has no element with the id ${id}`);
  return found;
}
