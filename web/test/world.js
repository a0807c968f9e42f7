/**
 * A recommender, and a model, so small that they agree to the bit with tests/support/golden_world.py, the
 * same in Python.
 */

import { Catalogue } from '../client/catalogue.js';
import { MASKED } from '../client/contract.js';
import { DeviceModel } from '../client/device.js';
import { Bins, Categories, Feature } from '../client/encoding.js';
import { PocketrecError } from '../pocketrec.js';

const ITEMS = 12;
const DIM = 4;
const RESULTS = 6;

export class World {
  fingerprint = 'f'.repeat(64);
  shapes = { items: ITEMS, dim: DIM, results: RESULTS };

  constructor({ excludeSeen = true } = {}) {
    this.manifest = { exclude_seen: excludeSeen };
  }

  checkKnown(ids) {
    const unknown = ids.filter((id) => !(id >= 1 && id <= ITEMS));
    if (unknown.length) throw new PocketrecError('input', `unknown: ${unknown}`);
  }

  async recommend(history, { k, blocked, userVector }) {
    const hidden = new Set(blocked.map(String));
    if (this.manifest.exclude_seen) for (const { id } of history) hidden.add(String(id));
    const vector = userVector ?? Array(DIM).fill(0);
    return Array.from({ length: ITEMS }, (_, place) => place + 1)
      .map((n) => ({ id: String(n), title: null, score: vector[n % DIM] - n / 8 }))
      .sort((a, b) => b.score - a.score)
      .filter(({ id }) => !hidden.has(id))
      .slice(0, k);
  }

  async adapt(id, { liked, learningRate, userVector }) {
    const vector = [...userVector];
    vector[id % DIM] += liked ? 2 * learningRate : -2 * learningRate;
    return vector;
  }
}

const items = Array.from({ length: ITEMS }, (_, n) => ({ id: `${n + 1}`, title: null }));

export const CATALOGUE = new Catalogue(items);

const GAP_EDGES = Array.from({ length: 27 }, (_, power) => 2 ** power);
const FEATURES = [
  new Feature('stars', 'event', new Bins([2, 3, 4]), 1, null),
  new Feature('tags', 'event', new Categories(['a', 'b', 'c']), 2, null),
  new Feature('gap', 'event', new Bins(GAP_EDGES), 1, 'gap'),
  new Feature('now', 'event', new Bins(GAP_EDGES), 1, 'now'),
  new Feature('age', 'user', new Bins([20, 40]), 1, null),
];
const WIDTH = 3;

/**
 * A model whose scores are made of every number that it is asked with, and what it was asked.
 */
export function worldDevice({ steps, excludeSeen }) {
  const sizes = { results: RESULTS, candidates: 5, blocked: 3, ...(steps && { state: WIDTH }) };
  const shapes = { length: 4, dim: DIM, items: ITEMS, ...sizes };
  const asked = [];
  const sum = (numbers) => numbers.reduce((total, number) => total + number, 0);
  const run = async (signature, inputs) => {
    const sorted = Object.keys(inputs)
      .sort()
      .map((name) => [name, Array.from(inputs[name])]);
    asked.push({ signature, inputs: Object.fromEntries(sorted) });
    const history = Array.from(inputs.item_id).filter((index) => index);
    const state = Array.from(inputs.state ?? new Float32Array(WIDTH));
    const rows = FEATURES.map((f) => sum(Array.from(inputs[f.input], (row, n) => (n + 1) * row)));
    const context = 7 * history.length + sum(rows);
    const score = (index) =>
      ((5 * index + context + 2 * sum(state)) % 13) + inputs.user_vector[index % DIM] - index / 16;
    if (signature === 'score') return { scores: Float32Array.from(inputs.candidates, score) };
    const hidden = new Set([...inputs.blocked, ...(excludeSeen ? history : [])]);
    const scored = items.map((_, n) => [n + 1, hidden.has(n + 1) ? MASKED : score(n + 1)]);
    const best = scored.sort((a, b) => b[1] - a[1] || a[0] - b[0]).slice(0, RESULTS);
    return {
      ids: Int32Array.from(best, ([index]) => index),
      scores: Float32Array.from(best, ([, number]) => number),
      state: Float32Array.from(state, (half) => half / 2 + (history.at(-2) ?? 0)),
    };
  };
  return { device: new DeviceModel({ run }, { shapes, features: FEATURES, excludeSeen }), asked };
}
