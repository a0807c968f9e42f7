/** The catalogue's filters: chips for values, two fields for a range. */

import { byId, h } from '../dom.js';
import { icon } from './icons.js';

/** @import { Facet, Filters } from '../model/facets.js' */

/**
 * Make the filters of a catalogue; `changed` is called after each change of `filters`.
 *
 * @param {readonly Facet[]} facets
 * @param {Filters} filters
 * @param {() => void} changed
 */
export function makeFilters(facets, filters, changed) {
  const section = byId('filters');
  section.hidden = !facets.length;
  const clear = h(
    'button',
    {
      class: 'button quiet',
      type: 'button',
      'data-testid': 'clear-filters',
      hidden: !filters.active,
      onclick: () => {
        filters.clear();
        again();
      },
    },
    'Clear filters',
  );
  const update = () => {
    clear.hidden = !filters.active;
    changed();
  };
  const again = () => {
    const focused = document.activeElement?.getAttribute('data-testid');
    makeFilters(facets, filters, changed);
    const same = focused && section.querySelector(`[data-testid="${CSS.escape(focused)}"]`);
    if (same instanceof HTMLElement) same.focus();
    changed();
  };
  const body = h(
    'div',
    { class: 'filter-body', id: 'filter-body' },
    ...facets.map((facet) =>
      facet.kind === 'choice' ? chips(facet, filters, update) : range(facet, filters, update),
    ),
    clear,
  );
  const open = section.classList.contains('open');
  const toggle = h(
    'button',
    {
      class: 'button filter-toggle',
      type: 'button',
      'aria-expanded': String(open),
      'aria-controls': 'filter-body',
      'data-testid': 'filter-toggle',
      onclick: () => {
        toggle.setAttribute('aria-expanded', String(section.classList.toggle('open')));
      },
    },
    icon('filter'),
    'Filters',
  );
  section.replaceChildren(toggle, body);
}

/**
 * @param {Extract<Facet, { kind: 'choice' }>} facet
 * @param {Filters} filters
 * @param {() => void} changed
 */
function chips({ name, values }, filters, changed) {
  const chosen = filters.choices.get(name);
  const made = values.map(({ value }) =>
    h(
      'button',
      {
        class: 'chip',
        type: 'button',
        'data-testid': 'chip',
        'data-facet': name,
        'data-value': value,
        'aria-pressed': String(chosen?.has(value) ?? false),
      },
      value,
    ),
  );
  const group = h(
    'div',
    { class: 'chips', role: 'group', 'aria-label': readableName(name) },
    ...made,
  );
  group.addEventListener('click', ({ target }) => {
    const chip = target instanceof Element && target.closest('.chip');
    if (!chip) return;
    filters.toggle(name, chip.getAttribute('data-value') ?? '');
    chip.setAttribute('aria-pressed', String(chip.getAttribute('aria-pressed') !== 'true'));
    changed();
  });
  return group;
}

/**
 * @param {Extract<Facet, { kind: 'range' }>} facet
 * @param {Filters} filters
 * @param {() => void} changed
 */
function range(facet, filters, changed) {
  const { name, years } = facet;
  const label = readableName(name);
  const field = (/** @type {string} */ end) =>
    h('input', {
      type: 'number',
      'aria-label': `${label} ${end}`,
      'data-testid': `${name}-${end}`,
      min: facet.low,
      max: facet.high,
      step: years ? 1 : 'any',
      onchange: () => limit(from.valueAsNumber, to.valueAsNumber),
    });
  // Keep the same elements: the focus may be moving from one field to the next.
  const show = () => {
    const [low, high] = filters.ranges.get(name) ?? [facet.low, facet.high];
    from.value = String(low);
    to.value = String(high);
    const decade = high === low + 9 && low % 10 === 0 ? String(low) : '';
    if (decadeField) decadeField.value = decade;
  };
  const limit = (/** @type {number} */ low, /** @type {number} */ high) => {
    const begin = Number.isFinite(low) ? low : facet.low;
    filters.limit(facet, begin, Number.isFinite(high) ? high : facet.high);
    show();
    changed();
  };
  const from = field('from');
  const to = field('to');
  const decadeField = years ? decades(facet, (low) => limit(low, low + 9)) : undefined;
  show();
  const parts = [label, from, '–', to, ...(decadeField ? [decadeField] : [])];
  return h('div', { class: 'range', role: 'group', 'aria-label': label }, ...parts);
}

/**
 * @param {Extract<Facet, { kind: 'range' }>} facet
 * @param {(low: number) => void} chosen gets the decade's first year, or NaN for any decade
 */
function decades(facet, chosen) {
  const first = Math.floor(facet.low / 10) * 10;
  const count = Math.floor((facet.high - first) / 10) + 1;
  const options = Array.from({ length: count }, (_, n) => {
    const decade = first + 10 * n;
    return h('option', { value: decade }, `${decade}s`);
  });
  const select = h(
    'select',
    {
      'aria-label': 'Decade',
      'data-testid': 'decade',
      onchange: () => chosen(select.value ? Number(select.value) : NaN),
    },
    h('option', { value: '' }, 'Any decade'),
    ...options.reverse(),
  );
  return select;
}

/**
 * "in_stock" is "In stock".
 * @param {string} name
 */
function readableName(name) {
  const spaced = name.replace(/[_-]+/g, ' ');
  return spaced.charAt(0).toUpperCase() + spaced.slice(1);
}
