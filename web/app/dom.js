/** Makes and looks up elements. */

/** @typedef {Node | string | null | undefined | false} Child */

/**
 * A new element with attributes, listeners (named as in "onclick") and children.
 *
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, unknown>} [attributes] true is an empty one; false, null and undefined
 *   are left out
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
 * The element of index.html with this id; throws if there is none.
 * @param {string} id
 */
export function byId(id) {
  const element = document.getElementById(id);
  if (!element) throw new Error(`index.html has no element with the id ${id}`);
  return element;
}
