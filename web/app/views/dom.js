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

/** Shapes of 24 x 24, drawn with lines. */
const ICONS = {
  like: 'M12 20.3 4.2 12.6a4.9 4.9 0 0 1 0-7 5 5 0 0 1 7 0l.8.8.8-.8a5 5 0 0 1 7 0 4.9 4.9 0 0 1 0 7z',
  seen: 'M4.5 12.8 9.6 18 19.8 6.6',
  dislike: 'M6 6l12 12M18 6 6 18',
  undo: 'M8.5 4.5 4 9l4.5 4.5M4.5 9H14a5.5 5.5 0 0 1 0 11h-3',
  search: 'M10.5 17.5a7 7 0 1 0 0-14 7 7 0 0 0 0 14zM15.8 15.8 20.5 20.5',
  filter: 'M4 6.5h16M7 12h10M10 17.5h4',
  install: 'M12 4v11M7.5 10.8 12 15.3l4.5-4.5M5 20h14',
  auto: 'M12 3.5a8.5 8.5 0 1 0 0 17zM12 3.5a8.5 8.5 0 0 1 0 17',
  light:
    'M12 16a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM12 2.8v2M12 19.2v2M2.8 12h2M19.2 12h2M5.5 5.5 6.9 6.9M17.1 17.1l1.4 1.4M5.5 18.5l1.4-1.4M17.1 6.9l1.4-1.4',
  dark: 'M20 14.2A8.3 8.3 0 0 1 9.8 4 8.3 8.3 0 1 0 20 14.2z',
  folder: 'M3.5 18.5v-12h6l2 2.5h9v9.5z',
};

/** @typedef {keyof typeof ICONS} IconName */

const SVG = 'http://www.w3.org/2000/svg';

/**
 * @param {IconName} name
 * @returns {SVGElement}
 */
export function icon(name) {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('aria-hidden', 'true');
  svg.setAttribute('class', `icon icon-${name}`);
  const path = document.createElementNS(SVG, 'path');
  path.setAttribute('d', ICONS[name]);
  svg.append(path);
  return svg;
}
