/** Sentences for screen readers, and banners for everybody. */

import { byId, h } from './dom.js';

/**
 * Say one sentence aloud, as soon as nothing else is being said.
 * @param {string} sentence
 */
export function announce(sentence) {
  byId('live').textContent = sentence;
}

/**
 * Show a banner until it is closed; one of the same name takes the place of the one before.
 *
 * @param {string} name
 * @param {string} sentence
 * @param {{ label: string, run: () => void }} [action]
 */
export function showBanner(name, sentence, action) {
  const close = () => hideBanner(name);
  const banner = h(
    'div',
    { class: 'banner', role: 'status', 'data-testid': 'banner', 'data-name': name },
    h('p', {}, sentence),
    action && h('button', { class: 'button', type: 'button', onclick: action.run }, action.label),
    h(
      'button',
      { class: 'icon-button', type: 'button', 'aria-label': 'Close this message', onclick: close },
      '✕',
    ),
  );
  hideBanner(name);
  byId('banners').append(banner);
}

/** @param {string} name */
export function hideBanner(name) {
  byId('banners').querySelector(`[data-name="${name}"]`)?.remove();
}
