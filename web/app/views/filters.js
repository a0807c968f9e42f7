/** What the catalogue can be filtered by: chips for values, two fields for a range. */

import { byId, h } from './dom.js';
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
  const told = () => {
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
      facet.kind === 'choice' ? chips(facet, filters, told) : range(facet, filters, again),
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
 * @param {() => void} again
 */
function range(facet, filters, again) {
  const { name, years } = facet;
  const [low, high] = filters.ranges.get(name) ?? [facet.low, facet.high];
  const label = readableName(name);
  const field = (/** @type {string} */ end, /** @type {number} */ value) =>
    h('input', {
      type: 'number',
      'aria-label': `${label} ${end}`,
      'data-testid': `${name}-${end}`,
      min: facet.low,
      max: facet.high,
      step: years ? 1 : 'any',
      value,
      onchange: limit,
    });
  const limit = () => {
    const [a, b] = [from, to].map((input) => input.valueAsNumber);
    filters.limit(
      facet,
      Number.isFinite(a) ? Number(a) : facet.low,
      Number.isFinite(b) ? Number(b) : facet.high,
    );
    again();
  };
  const from = field('from', low);
  const to = field('to', high);
  const fields = h(
    'div',
    { class: 'range', role: 'group', 'aria-label': label },
    label,
    from,
    '–',
    to,
  );
  if (years) fields.append(decades(facet, filters, again));
  return fields;
}

/**
 * @param {Extract<Facet, { kind: 'range' }>} facet
 * @param {Filters} filters
 * @param {() => void} again
 */
function decades(facet, filters, again) {
  const first = Math.floor(facet.low / 10) * 10;
  const count = Math.floor((facet.high - first) / 10) + 1;
  const chosen = filters.ranges.get(facet.name);
  const options = Array.from({ length: count }, (_, n) => {
    const decade = first + 10 * n;
    const selected = chosen?.[0] === decade && chosen[1] === decade + 9;
    return h('option', { value: decade, selected }, `${decade}s`);
  });
  const select = h(
    'select',
    {
      'aria-label': 'Decade',
      'data-testid': 'decade',
      onchange: () => {
        const decade = Number(select.value);
        if (decade) filters.limit(facet, decade, decade + 9);
        else filters.ranges.delete(facet.name);
        again();
      },
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
