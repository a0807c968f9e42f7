/** Abstract motifs: rays, tiles, circles that meet. */

import { bar, circle, ground, path, ring, shape, times, turned } from './shapes.js';

/** @import { Motif } from './motifs.js' */
/** @import { Point } from './shapes.js' */

/** @type {Motif} */
export const rays = (p, draw) => {
  const [x, y, turn, r] = [draw(50, 150), draw(95, 150), draw(0, 1), draw(28, 42)];
  const count = 2 * Math.round(draw(8, 13));
  const far = (/** @type {number} */ n) => {
    const angle = ((n + turn) / count) * 2 * Math.PI;
    return /** @type {Point} */ ([x + 400 * Math.cos(angle), y + 400 * Math.sin(angle)]);
  };
  const spokes = times(count / 2, (n) => shape([[x, y], far(2 * n), far(2 * n + 1)], p.mid));
  return ground(p.deep) + spokes + circle(x, y, r + 13, p.night) + circle(x, y, r, p.glow);
};

/** @type {Motif} */
export const bubbles = (p, draw) => {
  const colours = [p.mid, p.glow, p.paper];
  const drawn = times(9, (n) => {
    const r = 54 - n * 5;
    return circle(draw(0, 200), draw(0, 190), r, colours[n % 3] ?? p.mid, 0.9);
  });
  return ground(p.deep) + drawn;
};

/** @type {Motif} */
export const tiles = (p, draw) => {
  const colours = [p.mid, p.glow, p.paper, p.mid];
  const kinds = [
    'M-25-25A50 50 0 0 1 25 25L-25 25Z',
    'M-25 0A25 25 0 0 1 25 0Z',
    'M-25-25H25L-25 25Z',
    'M0-25A25 25 0 0 1 0 25A25 25 0 0 1 0-25Z',
  ];
  const pick = (/** @type {string[]} */ from) => from[Math.floor(draw(0, from.length))] ?? p.mid;
  const drawn = times(16, (n) => {
    const [x, y] = [(n % 4) * 50, Math.floor(n / 4) * 50];
    const place = `translate(${x + 25} ${y + 25}) rotate(${Math.floor(draw(0, 4)) * 90})`;
    return bar(x, y, 50, 50, pick([p.deep, p.night])) + path(pick(kinds), pick(colours), place);
  });
  return ground(p.night) + drawn;
};

/** @type {Motif} */
export const stairs = (p, draw) => {
  const [count, left] = [Math.round(draw(5, 8)), draw(0, 1) < 0.5];
  const step = 210 / count;
  const drawn = times(count, (n) => {
    const x = left ? n * step : 200 - (n + 1) * step;
    return bar(x, 70 + n * 22, step + 1, 300, n % 2 ? p.deep : p.mid);
  });
  return ground(p.night) + circle(left ? 142 : 58, 64, draw(26, 38), p.glow) + drawn;
};

/** @type {Motif} */
export const meeting = (p, draw) => {
  const [r, y, gap] = [draw(62, 82), draw(95, 115), draw(24, 46)];
  const pair = circle(100 - gap, y, r, p.mid) + circle(100 + gap, y, r, p.glow, 0.86);
  return ground(p.deep) + turned(draw(-40, 40), 100, y, pair);
};

/** @type {Motif} */
export const panes = (p, draw) => {
  const [lean, x, y] = [draw(-34, 34), draw(40, 58), draw(34, 50)];
  const lit = Math.floor(draw(0, 4));
  const drawn = times(4, (n) => {
    const [left, top] = [x + (n % 2) * 56, y + Math.floor(n / 2) * 74];
    const [a, b] = [(lean * (top - y)) / 150, (lean * (top + 66 - y)) / 150];
    const [right, foot] = [left + 50, top + 66];
    const corners = /** @type {Point[]} */ ([
      [left + a, top],
      [right + a, top],
      [right + b, foot],
      [left + b, foot],
    ]);
    return shape(corners, n === lit ? p.glow : p.mid);
  });
  return ground(p.deep) + drawn;
};

/** @type {Motif} */
export const arches = (p, draw) => {
  const x = draw(88, 112);
  const colours = [p.mid, p.night, p.glow, p.deep, p.paper];
  const drawn = times(5, (n) => {
    const r = 92 - n * 18;
    const arch = `M${x - r} 240V${44 + n * 20 + r}a${r} ${r} 0 0 1 ${2 * r} 0V240Z`;
    return path(arch, colours[n] ?? p.mid);
  });
  return ground(p.deep) + drawn;
};

/** @type {Motif} */
export const waves = (p, draw) => {
  const swing = draw(0.45, 0.65);
  const bars = times(15, (n) => {
    const high = 24 + 140 * Math.abs(Math.sin(n * swing + 0.6)) * draw(0.55, 1);
    return bar(9 + n * 12.4, 112 - high / 2, 8, high, n % 3 ? p.glow : p.mid, 4);
  });
  return ground(p.deep) + circle(100, 112, 96, p.night, 0.45) + bars;
};

/** @type {Motif} */
export const spiral = (p, draw) => {
  const [x, y, dx, dy] = [draw(75, 125), draw(85, 115), draw(-5, 5), draw(-5, 5)];
  const rings = times(9, (n) =>
    circle(x + n * dx, y + n * dy, 150 - n * 17, n % 2 ? p.mid : p.night),
  );
  return ground(p.deep) + rings + circle(x + 9 * dx, y + 9 * dy, 7, p.glow);
};

/** @type {Motif} */
export const slashes = (p, draw) => {
  const lean = draw(50, 90);
  const strips = times(6, (n) => {
    const [left, wide] = [-80 + n * 52 + draw(-8, 8), draw(8, 30)];
    const corners = /** @type {Point[]} */ ([
      [left + lean, -5],
      [left + wide + lean, -5],
      [left + wide - lean, 305],
      [left - lean, 305],
    ]);
    return shape(corners, n % 2 ? p.mid : p.glow);
  });
  return ground(p.deep) + strips + circle(100, 104, draw(40, 56), p.night);
};

/** @type {Motif} */
export const chevrons = (p, draw) => {
  const [y, x] = [draw(16, 36), draw(92, 108)];
  const colours = [p.mid, p.night, p.glow, p.night, p.mid, p.night];
  const bands = times(6, (n) => {
    const top = y + n * 30;
    const corners = /** @type {Point[]} */ ([
      [-10, top],
      [x, top + 52],
      [210, top],
      [210, top + 22],
      [x, top + 74],
      [-10, top + 22],
    ]);
    return shape(corners, colours[n] ?? p.mid);
  });
  return ground(p.deep) + bands;
};

/** @type {Motif} */
export const orbits = (p, draw) => {
  const [x, y] = [draw(70, 130), draw(85, 115)];
  const rings = times(5, (n) => {
    const r = 26 + n * 24;
    return ring(x, y, r, r, n % 2 ? p.mid : p.glow, draw(2, 9));
  });
  return ground(p.deep) + rings + circle(x, y, 13, p.paper);
};
