/** What the model can be told of the visitor: optional, and kept on this device. */

import { isMovieLens } from '../model/wording.js';
import { h } from './dom.js';

/** @import { Session } from '../model/session.js' */

/** What MovieLens' codes of ages and genders stand for. */
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
 * A form of the model's user features; none if it has none.
 *
 * @param {Session} session
 * @param {(name: string, value: string) => void} tell
 */
export function aboutYou(session, tell) {
  const { features, manifest } = session.recommender;
  const told = features.filter(({ of, encoding }) => of === 'user' && 'values' in encoding);
  if (!told.length) return '';
  const fields = told.map(({ name, encoding }) => {
    const values = 'values' in encoding ? encoding.values : [];
    const names = isMovieLens(manifest) ? NAMES[name] : undefined;
    const options = values.map((value) =>
      h('option', { value, selected: session.about[name] === value }, names?.[value] ?? value),
    );
    const select = h(
      'select',
      { 'data-testid': `about-${name}`, onchange: () => tell(name, select.value) },
      h('option', { value: '' }, 'Not told'),
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
