/** A bar chart of a vector. */

const SVG = 'http://www.w3.org/2000/svg';
const [WIDTH, HEIGHT] = [640, 96];

/**
 * @param {readonly number[]} vector
 * @returns {SVGElement}
 */
export function vectorPlot(vector) {
  const most = Math.max(...vector.map(Math.abs));
  const step = WIDTH / vector.length;
  const plot = svg('svg', {
    class: 'vector',
    viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
    preserveAspectRatio: 'none',
    role: 'img',
    'data-testid': 'vector',
    'aria-label': `${vector.length} numbers, the largest ${most.toFixed(3)}`,
  });
  for (const [place, number] of vector.entries()) {
    const high = most ? (Math.abs(number) / most) * (HEIGHT / 2 - 3) : 0;
    plot.append(
      svg('rect', {
        class: number < 0 ? 'below' : 'above',
        x: place * step + step * 0.15,
        y: number < 0 ? HEIGHT / 2 : HEIGHT / 2 - high,
        width: step * 0.7,
        height: Math.max(high, 1),
      }),
    );
  }
  return plot;
}

/**
 * @param {'svg' | 'rect'} tag
 * @param {Record<string, string | number>} attributes
 */
function svg(tag, attributes) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  return element;
}
