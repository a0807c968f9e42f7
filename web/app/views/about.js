/** A form for what the model can read about the visitor; optional, and kept on this device. */

import { h } from '../dom.js';
import { isMovieLens } from '../model/wording.js';

/** @import { Visit } from '../model/visit.js' */

/** Meanings of MovieLens' codes for ages and genders. */
const NAMES = /** @type {Record<string, Record<string, string>>} */ ({
  age: {
    1: 'under 18',
    18: '18–24',
    25: '25–34',
    35: '35–44',
    45: '45–49',
    50: '50–55',
    56: '56 or more',
  },
  gender: { F: 'female', M: 'male' },
});

/**
 * A form with the model's user features; empty if the model has none.
 *
 * @param {Visit} visit
 * @param {(name: string, value: string) => void} setAbout
 */
export function aboutYou(visit, setAbout) {
  const { features, manifest } = visit.recommender;
  const choices = features.filter(({ of, encoding }) => of === 'user' && 'values' in encoding);
  if (!choices.length) return '';
  const fields = choices.map(({ name, encoding }) => {
    const values = 'values' in encoding ? encoding.values : [];
    const names = isMovieLens(manifest) ? NAMES[name] : undefined;
    const options = values.map((value) =>
      h('option', { value, selected: visit.about[name] === value }, names?.[value] ?? value),
    );
    const select = h(
      'select',
      { 'data-testid': `about-${name}`, onchange: () => setAbout(name, select.value) },
      h('option', { value: '' }, 'Not given'),
      ...options,
    );
    return h('label', { class: 'field' }, name.charAt(0).toUpperCase() + name.slice(1), select);
  });
  return h(
    'section',
    { class: 'block', 'data-testid': 'about' },
    h('h3', {}, 'About you ', h('span', { class: 'muted' }, '(optional, stays here)')),
    h('div', { class: 'fields' }, ...fields),
  );
}
