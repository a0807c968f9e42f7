/** Colours of covers: each label has a few sets, which differ at a glance. */

import { hashOf } from './random.js';

/**
 * `night` is for the background, `deep` and `mid` for large shapes, `glow` for the bright one, and
 * `paper` for the title.
 * @typedef {{ night: string, deep: string, mid: string, glow: string, paper: string }} Palette
 */

/** Sets of night, deep, mid, glow and paper, by label in lower case. */
const SETS = /** @type {Record<string, string[]>} */ ({
  action: ['#1b0f0e #5c1510 #c8321b #ff8a1f #fff0dc', '#0e141b #14344f #d1461f #ffb52e #f6f1e7'],
  adventure: ['#0d2a2b #175450 #e2873b #ffcf70 #fff6e2', '#1c2340 #35508a #d9824a #ffd98a #fdf4e3'],
  animation: ['#2a1a5e #4d36b0 #f2547d #ffd23f #ffffff', '#063b5c #0a79a8 #ff7a59 #ffe066 #ffffff'],
  "children's": [
    '#123c69 #1f7a8c #f26b5b #ffd166 #ffffff',
    '#3b2a6d #7d5ba6 #ef7fa0 #fff275 #ffffff',
  ],
  comedy: [
    '#5a1f3d #a63a50 #f27f57 #ffd56b #fff7e8',
    '#0f4c5c #1d7f86 #fb8b4b #ffe3a3 #fffaf0',
    '#3a2358 #72408f #f0699a #ffd0a8 #fff6ee',
    '#14432f #2c7a4b #f4a93c #fff0b3 #fffbea',
  ],
  crime: ['#14161c #2b303c #8b1e2b #e8b84a #f3ead7', '#101a1e #23383f #a5402d #e6c27a #f2ece0'],
  documentary: [
    '#22302c #47605a #a9b89a #f0e6c8 #fbf7ea',
    '#2a2d34 #4d5a66 #b7a98c #efe2c6 #fbf6ea',
  ],
  drama: [
    '#1d2433 #37476b #a4553f #e8b38a #f7efe4',
    '#241b2f #4b3557 #b0656a #f0c3a6 #fbf1ea',
    '#182a2e #2f5558 #b98a4e #efd9a7 #faf4e6',
    '#2b1d1a #5d3a31 #b5734a #f2c98f #fdf3e3',
    '#14213d #2a4a7f #7f9cc0 #f0d9b5 #f8f4ec',
  ],
  fantasy: ['#1a1446 #3d2c8d #916bbf #f3d9ff #fff7ff', '#0b2b33 #15606a #6bbfa3 #f2f0b8 #fbfdf0'],
  'film-noir': [
    '#0b0b0d #232326 #57575c #d8d3c8 #f4f1ea',
    '#0f0d0b #2a2521 #6a5b4c #e0d2b8 #f7f0e2',
  ],
  horror: ['#0b0708 #2a0a10 #7a0f1c #e2303a #f6e9e4', '#070d0a #12261b #2f5d3a #b8e04c #eef7e4'],
  musical: ['#35123f #7a1f6b #e0457b #ffc857 #fff4e6', '#0e2148 #1f4b99 #e85d9e #ffd76e #fff6ea'],
  mystery: ['#10182b #22355a #4b6a9b #e9c46a #f4efe1', '#1a1426 #3a2b57 #6f5a96 #e8d27a #f5f0e4'],
  romance: ['#4a1230 #94274f #e66a7f #ffc4b0 #fff1ec', '#3b1c46 #7a3b78 #e889a4 #ffd9c7 #fff4f0'],
  'sci-fi': [
    '#060b1f #13235b #2f6fd0 #7ff0ff #eef8ff',
    '#0d0720 #2d1463 #8a3ffc #ff9de2 #f8efff',
    '#04181c #0b4550 #13a3a1 #f6ff8f #f0fffb',
  ],
  thriller: ['#0c1116 #1c2b36 #b3261e #f2a03d #f5efe6', '#0a1414 #15302f #2b6f68 #f0c14b #f3f3e9'],
  war: ['#1c1d14 #3c3f29 #7d7644 #d8b55b #f4eeda', '#1f1712 #47301f #8c4a2a #e0a458 #f6ecdb'],
  western: ['#3a160e #7a2f17 #d0692a #ffc56b #fff0d6', '#2b1a16 #5c3226 #b8562f #f3b562 #fdf0dc'],
});

/** Hues for other labels, and for items without one. */
const HUES = [8, 32, 150, 178, 205, 228, 262, 292, 330];

/**
 * An item's colours; items with the same label look alike, but not identical.
 *
 * @param {string} label
 * @param {number} hash of the item
 * @returns {Palette}
 */
export function paletteOf(label, hash) {
  const sets = ofLabel(SETS, label);
  if (!sets) return aroundHue(HUES[(label ? hashOf(label) : hash) % HUES.length] ?? 0);
  const [night = '', deep = '', mid = '', glow = '', paper = ''] =
    sets[hash % sets.length]?.split(' ') ?? [];
  return { night, deep, mid, glow, paper };
}

/**
 * @param {number} hue
 * @returns {Palette}
 */
function aroundHue(hue) {
  return {
    night: `hsl(${hue} 45% 13%)`,
    deep: `hsl(${hue} 48% 27%)`,
    mid: `hsl(${(hue + 24) % 360} 55% 50%)`,
    glow: `hsl(${(hue + 48) % 360} 85% 74%)`,
    paper: '#fffaf2',
  };
}

/**
 * A label's value in a table; "constructor" is a label like any other.
 *
 * @template T
 * @param {Record<string, T>} table by label in lower case
 * @param {string} label
 * @returns {T | undefined}
 */
export function ofLabel(table, label) {
  const key = label.toLowerCase();
  return Object.hasOwn(table, key) ? table[key] : undefined;
}
