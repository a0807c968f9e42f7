import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Feature } from '../client/encoding.js';
import { encodeInputs } from '../client/events.js';
import { readGolden } from './golden.js';

const golden = readGolden('encoding.json');

const refused = (pattern) => ({ name: 'PocketrecError', kind: 'input', message: pattern });

for (const { feature: entry, input, values } of golden.features) {
  test(`feature '${entry.name}' has the rows that Python gives it`, () => {
    const feature = Feature.fromJson(entry);
    assert.equal(feature.input, input);
    for (const [value, rows] of values) {
      const written = new Int32Array(feature.slots);
      feature.write(value, written, 0);
      assert.deepEqual([...written], rows, JSON.stringify(value));
    }
  });
}

test('values of the wrong kind are refused, with the feature named', () => {
  for (const { feature: entry, values } of golden.refused) {
    for (const value of values) {
      const write = () => Feature.fromJson(entry).write(value, new Int32Array(1), 0);
      assert.throws(write, refused(/^feature 'price': .* is not a number$/));
    }
  }
});

const timeFeatures = golden.time_features.map(Feature.fromJson);

for (const { what, times, now, rows } of golden.times) {
  test(`times have the rows that Python gives them: ${what}`, () => {
    const events = times.map((time) => ({ id: 1, time }));
    const encoded = encodeInputs(timeFeatures, events, {}, now);
    assert.deepEqual(
      Object.fromEntries(Object.entries(encoded).map(([k, v]) => [k, [...v]])),
      rows,
    );
  });
}

for (const { what, times, now } of golden.times_refused) {
  test(`times are refused: ${what}`, () => {
    const events = times.map((time) => ({ id: 1, time }));
    assert.throws(() => encodeInputs(timeFeatures, events, {}, now), refused(/^times? /));
  });
}

test('a Date is the same moment as its seconds', () => {
  const at = 1_700_000_000;
  const rows = (time, now) => encodeInputs(timeFeatures, [{ id: 1, time }], {}, now);
  assert.deepEqual(rows(new Date(at * 1000), new Date((at + 60) * 1000)), rows(at, at + 60));
  assert.throws(() => rows(new Date('nonsense')), refused(/^time Invalid Date is neither/));
});

test('features are read of the one that has them, and unknown ones refused by name', () => {
  const [kind, tags] = golden.features.map(({ feature }) => Feature.fromJson(feature));
  const events = [{ id: 1, features: { 'Kind, of': 7 } }, { id: 2 }];
  const rows = encodeInputs([kind, tags], events, { tags: ['7', '0'] });
  assert.deepEqual([...rows.event_kind_of], [1, 0]);
  assert.deepEqual([...rows.user_tags], [1, 8, 0]);
  const wrong = [{ id: 1 }, { id: 2, features: { tags: '7' } }];
  assert.throws(
    () => encodeInputs([kind, tags], wrong),
    refused(/^event 2 has a feature 'tags', .* \(it reads Kind, of\)$/),
  );
  assert.throws(
    () => encodeInputs([kind], [], { constructor: 1 }),
    refused(/^user has a feature 'constructor', .* \(it reads none\)$/),
  );
});

test('features that a manifest describes otherwise than it should are refused', () => {
  const good = golden.features[0].feature;
  const bins = { kind: 'bins', edges: [0, 1] };
  assert.ok(Feature.fromJson({ ...good, encoding: bins, rows: 4 }));
  for (const change of [
    { name: 7 },
    { of: 'item' },
    { time: 'month' },
    { slots: 0 },
    { slots: 1.5 },
    { rows: 3 },
    { more: 1 },
    { encoding: { kind: 'category', values: [1] } },
    { encoding: { kind: 'other' } },
    { encoding: { ...bins, edges: [1, 0] }, rows: 4 },
    { encoding: { ...bins, values: [] }, rows: 4 },
    { encoding: { ...bins, edges: ['a'] }, rows: 3 },
    { encoding: { ...bins, a: 1 }, rows: 4 },
    { encoding: null },
  ]) {
    assert.throws(() => Feature.fromJson({ ...good, ...change }), JSON.stringify(change));
  }
});
