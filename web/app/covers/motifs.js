/**
 * Chooses a picture for a label. Motifs are SVG of 200 x 300, drawn in the upper two thirds, above
 * the title; the same random numbers give the same picture.
 */

import { ofLabel } from './palettes.js';
import * as patterns from './patterns.js';
import * as scenes from './scenes.js';

/** @import { Palette } from './palettes.js' */
/**
 * @typedef {(low: number, high: number) => number} Draw a random number between two others
 * @typedef {(p: Palette, draw: Draw) => string} Motif
 */

const { arches, bubbles, chevrons, meeting, orbits, panes, rays } = patterns;
const { slashes, spiral, stairs, tiles, waves } = patterns;
const { blinds, contours, gridland, heart, horizon, keyhole, mesa } = scenes;
const { moon, peaks, planet, rainbow, smile, teeth } = scenes;

/** Motifs by label in lower case; each item gets one of them. */
const BY_LABEL = /** @type {Record<string, Motif[]>} */ ({
  action: [rays, slashes],
  adventure: [peaks],
  animation: [bubbles, tiles],
  "children's": [rainbow, bubbles],
  comedy: [tiles, smile, bubbles, rays, rainbow],
  crime: [slashes, blinds, keyhole],
  documentary: [contours],
  drama: [meeting, panes, stairs, horizon, arches, contours],
  fantasy: [moon],
  'film-noir': [blinds],
  horror: [teeth],
  musical: [waves],
  mystery: [keyhole],
  romance: [heart, meeting],
  'sci-fi': [planet, gridland],
  thriller: [spiral],
  war: [chevrons, slashes, rays],
  western: [mesa],
});

/** Motifs for items without a known label. */
const NEUTRAL = [tiles, meeting, arches, orbits, contours, waves, stairs];

/**
 * @param {string} label
 * @param {number} hash
 * @returns {Motif}
 */
export function motifOf(label, hash) {
  const motifs = ofLabel(BY_LABEL, label) ?? NEUTRAL;
  return motifs[hash % motifs.length] ?? tiles;
}
