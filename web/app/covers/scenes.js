/** Motifs that show an object: a sun over mountains, a planet, a heart. */

import { bar, circle, ground, path, ring, shape, times, turned } from './shapes.js';

/** @import { Palette } from './palettes.js' */
/** @import { Draw, Motif } from './motifs.js' */
/** @import { Point } from './shapes.js' */

/**
 * A chain of mountains down to the lower edge.
 *
 * @param {number} base
 * @param {number} high
 * @param {number} count
 * @param {string} fill
 * @param {Draw} draw
 */
function ridge(base, high, count, fill, draw) {
  const tops = Array.from({ length: count + 1 }, (_, n) => {
    const lift = n % 2 ? draw(0.65, 1) : draw(0, 0.3);
    return /** @type {Point} */ ([-10 + (220 * n) / count, base - lift * high]);
  });
  return shape([[-10, 310], ...tops, [210, 310]], fill);
}

/**
 * @param {number} count
 * @param {number} low
 * @param {Palette} p
 * @param {Draw} draw
 */
const stars = (count, low, p, draw) =>
  times(count, () => circle(draw(2, 198), draw(2, low), draw(0.6, 2.2), p.paper));

/** @type {Motif} */
export const peaks = (p, draw) =>
  ground(p.deep) +
  circle(draw(55, 145), draw(65, 105), draw(28, 40), p.glow) +
  ridge(170, 85, 6, p.mid, draw) +
  ridge(215, 90, 4, p.night, draw);

/** @type {Motif} */
export const rainbow = (p, draw) => {
  const [x, y] = [draw(40, 160), draw(175, 205)];
  const colours = [p.mid, p.glow, p.paper, p.deep];
  const arcs = times(7, (n) => circle(x, y, 130 - 18 * n, colours[n % 4] ?? p.mid));
  return ground(p.night) + stars(8, 60, p, draw) + arcs;
};

/** @type {Motif} */
export const smile = (p, draw) => {
  const [x, y, r] = [draw(85, 115), draw(90, 108), draw(58, 72)];
  const w = r * 0.55;
  const mouth = `M${x - w} ${y + 8}a${w} ${w} 0 0 0 ${2 * w} 0z`;
  const eyes = [-0.34, 0.34].map((at) => circle(x + at * r, y - r * 0.24, 6.5, p.night)).join('');
  const dots = times(18, () => circle(draw(0, 200), draw(0, 215), draw(2, 7), p.mid));
  return ground(p.deep) + dots + circle(x, y, r, p.glow) + path(mouth, p.night) + eyes;
};

/** @type {Motif} */
export const moon = (p, draw) => {
  const [x, y, r] = [draw(70, 130), draw(75, 100), draw(40, 54)];
  const crescent = circle(x, y, r, p.glow) + circle(x + r * 0.42, y - r * 0.2, r * 0.86, p.deep);
  const hills = ridge(225, 60, 6, p.mid, draw) + ridge(250, 60, 4, p.night, draw);
  return ground(p.deep) + stars(24, 170, p, draw) + crescent + hills;
};

/** @type {Motif} */
export const blinds = (p, draw) => {
  const x = draw(75, 125);
  const slats = times(13, (n) => bar(-60, n * 22 - 30, 320, 10, p.glow));
  const hat = `M${x - 48} 96q48 14 96 0l-22-10-5-30q-21-10-42 0l-5 30z`;
  const coat = `M${x - 68} 250q4-96 50-116h36q46 20 50 116z`;
  const man = path(hat, p.deep) + circle(x, 108, 24, p.deep) + path(coat, p.deep);
  return ground(p.night) + turned(draw(-16, 16), 100, 100, slats) + man;
};

/** @type {Motif} */
export const teeth = (p, draw) => {
  const count = Math.round(draw(5, 8));
  const width = 200 / count;
  const row = (/** @type {number} */ from, /** @type {number} */ down) =>
    times(count, (n) => {
      const [left, right] = [n * width, (n + 1) * width];
      const tip = from + down * draw(38, 70);
      return shape(
        [
          [left, from],
          [right, from],
          [(left + right) / 2, tip],
        ],
        p.night,
      );
    });
  const eye = circle(100, 114, draw(40, 54), p.glow) + circle(100, 114, draw(11, 18), p.night);
  const gums = bar(0, 0, 200, 13, p.night) + bar(0, 215, 200, 90, p.night);
  return ground(p.deep) + circle(100, 114, 92, p.mid) + eye + gums + row(12, 1) + row(216, -1);
};

/** @type {Motif} */
export const keyhole = (p, draw) => {
  const [x, y] = [draw(88, 112), draw(84, 100)];
  const rings = times(6, (n) => circle(x, y + 8, 128 - n * 17, n % 2 ? p.deep : p.mid, 0.8));
  const foot = shape(
    [
      [x - 9, y + 14],
      [x + 9, y + 14],
      [x + 22, y + 74],
      [x - 22, y + 74],
    ],
    p.glow,
  );
  return ground(p.deep) + rings + circle(x, y, 25, p.glow) + foot;
};

/** @type {Motif} */
export const heart = (p, draw) => {
  const [y, size, turn] = [draw(96, 108), draw(2.2, 2.8), draw(-14, 14)];
  const outline = 'M0 26C-40 0-32-30-15-30-6-30 0-24 0-17 0-24 6-30 15-30 32-30 40 0 0 26Z';
  const one = (/** @type {number} */ scale, /** @type {string} */ fill) =>
    path(outline, fill, `translate(100 ${y}) rotate(${turn}) scale(${scale})`);
  return ground(p.deep) + one(size * 1.6, p.mid) + one(size, p.glow) + one(size * 0.45, p.deep);
};

/** @type {Motif} */
export const planet = (p, draw) => {
  const [x, y, r, tilt] = [draw(75, 125), draw(92, 112), draw(38, 52), draw(-32, 32)];
  const arc = (/** @type {0 | 1} */ side) =>
    turned(
      tilt,
      x,
      y,
      path(
        `M${x - r * 1.75} ${y}A${r * 1.75} ${r * 0.46} 0 0 ${side} ${x + r * 1.75} ${y}` +
          `A${r * 1.75} ${r * 0.3} 0 0 ${1 - side} ${x - r * 1.75} ${y}Z`,
        p.glow,
      ),
    );
  const light = circle(x - r * 0.25, y - r * 0.25, r * 0.62, p.glow, 0.3);
  const sky = ground(p.night) + circle(x, y, r * 2, p.deep, 0.6) + stars(36, 230, p, draw);
  return sky + arc(1) + circle(x, y, r, p.mid) + light + arc(0);
};

/** @type {Motif} */
export const gridland = (p, draw) => {
  const y = draw(125, 140);
  const rows = times(9, (n) => bar(0, y + 5 + n * n * 2.2, 200, 1.2 + n * 0.2, p.glow));
  const columns = times(13, (n) => {
    const [top, foot] = [100 + (n - 6) * 14, 100 + (n - 6) * 62];
    return shape(
      [
        [top, y],
        [top + 0.8, y],
        [foot + 3, 300],
        [foot, 300],
      ],
      p.glow,
    );
  });
  const cuts = times(5, (n) => bar(30, y - 8 - n * 15, 140, 3 + (4 - n) * 1.1, p.night));
  const sky = ground(p.night) + stars(24, y, p, draw) + circle(100, y - 6, 64, p.mid) + cuts;
  return sky + bar(0, y, 200, 200, p.deep) + rows + columns;
};

/** @type {Motif} */
export const mesa = (p, draw) => {
  const [x, y, r] = [draw(80, 140), draw(90, 108), draw(50, 62)];
  const stripes = times(6, (n) => bar(x - 80, y + 2 + n * 11, 160, 2 + n * 1.3, p.mid));
  const [left, top] = [draw(-20, 20), draw(132, 148)];
  const rock = (/** @type {number} */ at, /** @type {number} */ high, /** @type {number} */ wide) =>
    shape(
      [
        [at, 230],
        [at + 10, high],
        [at + wide - 10, high],
        [at + wide, 230],
      ],
      p.deep,
    );
  const rocks = rock(left, top, 84) + rock(left + 112, top + 22, 70);
  return ground(p.mid) + circle(x, y, r, p.glow) + stripes + rocks + bar(0, 206, 200, 100, p.night);
};

/** @type {Motif} */
export const horizon = (p, draw) => {
  const [y, x] = [draw(120, 145), draw(60, 140)];
  const glints = times(7, (n) => {
    const wide = 130 - n * 14;
    return bar(x - wide / 2 + draw(-8, 8), y + 9 + n * 13, wide, 3.5, p.glow, 2);
  });
  const sun = circle(x, y, draw(38, 58), p.glow);
  return ground(p.mid) + sun + bar(0, y, 200, 200, p.deep) + glints;
};

/** @type {Motif} */
export const contours = (p, draw) => {
  const [x, y, dx, dy] = [draw(60, 140), draw(80, 120), draw(-3, 3), draw(-2, 4)];
  const lines = times(13, (n) => {
    const strong = n % 4 === 0;
    const [rx, ry] = [8 + n * 13, 6 + n * 10];
    return ring(x + n * dx, y + n * dy, rx, ry, strong ? p.glow : p.mid, strong ? 3.5 : 2);
  });
  return ground(p.deep) + turned(draw(-40, 40), x, y, lines);
};
