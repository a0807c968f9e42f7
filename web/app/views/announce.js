/** Announcements for screen readers, and banners for everybody. */

import { byId, h } from '../dom.js';

/**
 * Let a screen reader say a sentence, after what it is saying now.
 * @param {string} sentence
 */
export function announce(sentence) {
  byId('live').textContent = sentence;
}

/**
 * Show a banner until it is closed; it replaces a banner of the same name.
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
