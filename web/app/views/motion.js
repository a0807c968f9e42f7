/** Lets list items glide to their new places, unless the visitor prefers reduced motion. */

const GLIDE = { duration: 380, easing: 'cubic-bezier(.2, .8, .2, 1)' };

/**
 * Change a list's children, then let old children glide to their places and new ones fade in.
 *
 * @param {Element} list
 * @param {() => void} change
 */
export function glide(list, change) {
  const still = matchMedia('(prefers-reduced-motion: reduce)').matches || document.hidden;
  if (still) {
    change();
    return;
  }
  const before = new Map([...list.children].map((child) => [child, child.getBoundingClientRect()]));
  change();
  for (const child of list.children) {
    const from = before.get(child);
    const to = child.getBoundingClientRect();
    for (const running of child.getAnimations()) running.cancel();
    if (!from) {
      child.animate([{ opacity: 0, transform: 'translateY(10px)' }, {}], GLIDE);
    } else if (from.x !== to.x || from.y !== to.y) {
      const shift = `translate(${from.x - to.x}px, ${from.y - to.y}px)`;
      child.animate([{ transform: shift }, { transform: 'none' }], GLIDE);
    }
  }
}
