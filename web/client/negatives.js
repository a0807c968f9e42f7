/**
 * What a liked or disliked item is compared with: others, drawn alike in Python and JavaScript.
 */

/**
 * The item itself and `count` - 1 others of 1..items, drawn evenly with replacement; all others,
 * where there are no more than that.
 *
 * @param {number} item
 * @param {number} items
 * @param {number} count
 * @param {number} seed a whole number >= 0
 * @returns {Int32Array}
 */
export function drawCandidates(item, items, count, seed) {
  const others = items - 1;
  const chosen =
    others < count
      ? Array.from({ length: others }, (_, place) => place)
      : mulberry32(seed, count - 1).map((number) => Math.floor(number * others));
  return Int32Array.of(item, ...chosen.map((n) => (n + 1 >= item ? n + 2 : n + 1)));
}

/**
 * The first `count` numbers of Tommy Ettinger's mulberry32 (public domain, period 2^32).
 *
 * @param {number} seed
 * @param {number} count
 * @returns {number[]} in [0, 1)
 */
export function mulberry32(seed, count) {
  let state = seed;
  return Array.from({ length: count }, () => {
    state = (state + 0x6d2b79f5) % 2 ** 32;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  });
}
