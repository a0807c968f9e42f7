/** SVG shapes as text, in a space of 200 x 300; motifs are made of them. */

/** @typedef {[number, number]} Point */

/** @param {number} count @param {(n: number) => string} shape */
export const times = (count, shape) => Array.from({ length: count }, (_, n) => shape(n)).join('');

/** @param {number} n a coordinate, rounded to a tenth */
const f = (n) => Number(n.toFixed(1));

/**
 * @param {number} x
 * @param {number} y
 * @param {number} r
 * @param {string} fill
 * @param {number} [opacity]
 */
export const circle = (x, y, r, fill, opacity = 1) =>
  `<circle cx="${f(x)}" cy="${f(y)}" r="${f(r)}" fill="${fill}" opacity="${opacity}"/>`;

/**
 * @param {number} x
 * @param {number} y
 * @param {number} rx
 * @param {number} ry
 * @param {string} stroke
 * @param {number} width
 */
export const ring = (x, y, rx, ry, stroke, width) =>
  `<ellipse cx="${f(x)}" cy="${f(y)}" rx="${f(rx)}" ry="${f(ry)}" fill="none" ` +
  `stroke="${stroke}" stroke-width="${f(width)}"/>`;

/**
 * A filled polygon.
 *
 * @param {Point[]} points
 * @param {string} fill
 */
export const shape = (points, fill) =>
  path(`M${points.map(([x, y]) => `${f(x)} ${f(y)}`).join('L')}Z`, fill);

/**
 * @param {number} x
 * @param {number} y
 * @param {number} width
 * @param {number} height
 * @param {string} fill
 * @param {number} [round]
 */
export const bar = (x, y, width, height, fill, round = 0) =>
  `<rect x="${f(x)}" y="${f(y)}" width="${f(width)}" height="${f(height)}" fill="${fill}" ` +
  `rx="${round}"/>`;

/** @param {string} fill */
export const ground = (fill) => bar(0, 0, 200, 300, fill);

/**
 * @param {string} d
 * @param {string} fill
 * @param {string} [transform]
 */
export const path = (d, fill, transform = '') =>
  `<path d="${d}" fill="${fill}" transform="${transform}"/>`;

/**
 * @param {number} degrees
 * @param {number} x
 * @param {number} y
 * @param {string} inner
 */
export const turned = (degrees, x, y, inner) =>
  `<g transform="rotate(${f(degrees)} ${f(x)} ${f(y)})">${inner}</g>`;
