/** An item's cover: drawn from its labels, with its title; no picture is ever fetched. */

import { h } from '../dom.js';
import { motifOf } from './motifs.js';
import { ofLabel, paletteOf } from './palettes.js';
import { drawing, hashOf } from './random.js';

/** @import { Entry } from '../model/entry.js' */

/** Typefaces by label in lower case; other labels use the condensed one. */
const FACES = /** @type {Record<string, string>} */ ({
  animation: 'round',
  "children's": 'round',
  comedy: 'round',
  musical: 'round',
  documentary: 'serif',
  drama: 'serif',
  fantasy: 'serif',
  mystery: 'serif',
  romance: 'serif',
  'film-noir': 'slab',
  western: 'slab',
  crime: 'slab',
});

/**
 * A new cover; the same item has the same cover on every device.
 *
 * @param {Entry} entry
 */
export function cover(entry) {
  const [label = ''] = entry.labels;
  const hash = hashOf(`${entry.key} ${entry.title}`);
  const colours = paletteOf(label, hash >>> 8);
  const picture = motifOf(label, hash)(colours, drawing(hash));
  const shade =
    `<linearGradient id="s" x2="0" y2="1"><stop offset=".52" stop-color="${colours.night}" ` +
    `stop-opacity="0"/><stop offset=".8" stop-color="${colours.night}" stop-opacity=".96"/>` +
    '</linearGradient>';
  const svg =
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 200 300" width="200" height="300" ' +
    'preserveAspectRatio="xMidYMin slice">' +
    `${shade}${picture}<rect width="200" height="300" fill="url(#s)"/></svg>`;
  const image = h('img', {
    class: 'cover-art',
    src: `data:image/svg+xml,${encodeURIComponent(svg)}`,
    alt: '',
    width: 200,
    height: 300,
    decoding: 'async',
    draggable: 'false',
  });
  const face = ofLabel(FACES, label) ?? 'condensed';
  const element = h(
    'div',
    { class: 'cover', 'aria-hidden': 'true', 'data-face': face, 'data-size': sizeOf(entry.title) },
    image,
    h('span', { class: 'cover-title' }, entry.title),
  );
  element.style.setProperty('--cover-night', colours.night);
  element.style.setProperty('--cover-paper', colours.paper);
  return element;
}

/** @param {string} title */
function sizeOf(title) {
  const longest = Math.max(...title.split(/\s+/).map((word) => word.length));
  if (title.length > 44) return 'small';
  if (title.length > 24 || longest > 11) return 'medium';
  return title.length > 12 || longest > 8 ? 'large' : 'huge';
}
