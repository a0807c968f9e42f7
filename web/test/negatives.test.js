import assert from 'node:assert/strict';
import { test } from 'node:test';

import { drawCandidates, mulberry32 } from '../client/negatives.js';
import { readGolden } from './golden.js';

const golden = readGolden('negatives.json');

test('random numbers are those of Python', () => {
  for (const [seed, numbers] of Object.entries(golden.numbers)) {
    assert.deepEqual(mulberry32(Number(seed), numbers.length), numbers);
  }
});

test('candidates are those of Python', () => {
  for (const { item, items, count, seed, candidates } of golden.candidates) {
    assert.deepEqual([...drawCandidates(item, items, count, seed)], candidates);
  }
});

test('candidates are the item and then others, none of them the item', () => {
  const [item, ...others] = drawCandidates(5, 9, 8, 3);
  assert.equal(item, 5);
  assert.equal(others.length, 7);
  assert.ok(others.every((other) => other !== 5 && other >= 1 && other <= 9));
});
