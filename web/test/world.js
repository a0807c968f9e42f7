/**
 * A recommender so small that it agrees to the bit with tests/golden/world.py, the same in Python.
 */

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
