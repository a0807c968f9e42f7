import assert from 'node:assert/strict';
import { test } from 'node:test';

import { DeviceModel } from '../client/device.js';
import { Bins, Feature } from '../client/encoding.js';

const SHAPES = { length: 4, dim: 2, items: 9, results: 3, candidates: 4, blocked: 2 };
const FEATURE = new Feature('price', 'event', new Bins([0, 1]), 2, null);

const INPUT_ERROR = { name: 'PocketrecError', kind: 'input' };

/** A device whose model scores items by this list, and that remembers what it was asked. */
function deviceOf({ scores = [5, 9, 1, 7, 7, 3, 8, 2, 6], excludeSeen = true, answer } = {}) {
  const asked = [];
  const run = async (name, inputs) => {
    asked.push([name, inputs]);
    if (answer) return answer(name, inputs);
    if (name === 'adapt') return { user_vector: Float32Array.of(1, 2) };
    if (name === 'score') {
      return { scores: Float32Array.from(inputs.candidates, (n) => (n ? scores[n - 1] : -99)) };
    }
    const hidden = new Set([...inputs.blocked, ...(excludeSeen ? inputs.item_id : [])]);
    const best = scores
      .map((score, place) => [place + 1, hidden.has(place + 1) ? -1e9 : score])
      .sort((a, b) => b[1] - a[1] || a[0] - b[0])
      .slice(0, SHAPES.results);
    return {
      ids: Int32Array.from(best, ([id]) => id),
      scores: Float32Array.from(best, ([, score]) => score),
    };
  };
  const device = new DeviceModel({ run }, { shapes: SHAPES, features: [FEATURE], excludeSeen });
  return { device, asked };
}

const ints = (...values) => Int32Array.from(values);

test('a history is padded at its end, and of a long one the newest events are kept', async () => {
  const { device, asked } = deviceOf();
  const rows = { event_price: ints(1, 0, 2, 0, 3, 0, 1, 1, 2, 2) };
  const few = { event_price: ints(1, 0, 2, 0) };
  const many = { history: ints(1, 2, 3, 4, 5), rows, userVector: [0.5, -0.5] };
  await device.score({ history: ints(1, 2), rows: few }, ints(3));
  await device.score(many, ints(3));
  const [[, short], [, long]] = asked;
  assert.deepEqual([...short.item_id], [1, 2, 0, 0]);
  assert.deepEqual([...short.event_price], [1, 0, 2, 0, 0, 0, 0, 0]);
  assert.deepEqual([...short.user_vector], [0, 0]);
  assert.deepEqual([...short.candidates], [3, 0, 0, 0]);
  assert.deepEqual([...long.item_id], [2, 3, 4, 5]);
  assert.deepEqual([...long.event_price], [2, 0, 3, 0, 1, 1, 2, 2]);
  assert.deepEqual([...long.user_vector], [0.5, -0.5]);
});

test('one call of the graph gives the list; blocked items are dropped', async () => {
  const { device, asked } = deviceOf();
  const best = await device.recommend({ history: ints(2), blocked: ints(7, 7) }, 2);
  assert.deepEqual([...best.ids], [4, 5]);
  assert.deepEqual([...best.scores], [7, 7]);
  assert.deepEqual(
    asked.map(([name]) => name),
    ['recommend'],
  );
  assert.deepEqual([...asked[0][1].blocked], [7, 0]);
  const history = ints(1, 2, 3, 4, 5, 6, 7, 8);
  assert.deepEqual([...(await device.recommend({ history }, 3)).ids], [9]);
});

for (const [what, history, k, blocked, expected] of [
  ['k > K', ints(2), 5, ints(7), [4, 5, 9, 1, 6]],
  ['more than N blocked', ints(2), 3, ints(7, 4, 9), [5, 1, 6]],
  ['more than N events older than L', ints(2, 7, 4, 9, 5, 1, 6), 3, ints(), [8, 3]],
  ['nothing left', ints(1, 2, 3), 9, ints(4, 5, 6, 7, 8, 9), []],
]) {
  test(`a list that is too short goes on with items scored in blocks of C: ${what}`, async () => {
    const { device, asked } = deviceOf();
    assert.deepEqual([...(await device.recommend({ history, blocked }, k)).ids], expected);
    assert.equal(asked[0][0], 'recommend');
    assert.ok(asked.slice(1).every(([name]) => name === 'score'));
  });
}

test('events older than L are blocked by name, unless items may repeat', async () => {
  const query = { history: ints(2, 7, 1, 3, 6, 8) };
  const { device, asked } = deviceOf();
  await device.recommend(query, 3);
  assert.deepEqual([...asked[0][1].blocked], [2, 7]);
  const again = deviceOf({ excludeSeen: false });
  assert.deepEqual([...(await again.device.recommend(query, 3)).ids], [2, 7, 4]);
  assert.deepEqual([...again.asked[0][1].blocked], [0, 0]);
});

test('scores come in the order of the candidates, over several blocks', async () => {
  const { device, asked } = deviceOf();
  const query = { history: ints() };
  const scores = await device.score(query, ints(9, 1, 9, 2, 3, 4));
  assert.deepEqual([...scores], [6, 5, 6, 9, 1, 7]);
  assert.equal(asked.length, 2);
  assert.deepEqual([...(await device.score(query, ints()))], []);
});

test('adapt names each candidate as liked or disliked', async () => {
  const { device, asked } = deviceOf();
  assert.deepEqual([...(await device.adapt(ints(3, 4), [-1, 1], { learningRate: 0.5 }))], [1, 2]);
  const [[, inputs]] = asked;
  assert.deepEqual([...inputs.candidates], [3, 4, 0, 0]);
  assert.deepEqual([...inputs.target], [-1, 1, 0, 0]);
  assert.deepEqual(Object.keys(inputs).sort(), [
    'candidates',
    'learning_rate',
    'target',
    'user_vector',
  ]);
  assert.deepEqual([...inputs.learning_rate], [0.5]);
});

test('what cannot be asked is refused before anything runs', async () => {
  const { device, asked } = deviceOf();
  const history = ints(1);
  const step = { learningRate: 0.1 };
  for (const ask of [
    () => device.recommend({ history: ints(0) }, 3),
    () => device.recommend({ history: ints(10) }, 3),
    () => device.recommend({ history: ints(-1, 1, 1, 1, 1) }, 3),
    () => device.recommend({ history, blocked: ints(10) }, 3),
    () => device.score({ history }, ints(0)),
    () => device.adapt(ints(), [], step),
    () => device.adapt(ints(1, 2), [1], step),
    () => device.adapt(ints(1), [2], step),
    () => device.adapt(ints(1), [NaN], step),
    () => device.adapt(ints(1, 2, 3, 4, 5), [1, 0, 0, 0, 0], step),
    () => device.adapt(ints(1, 10), [1, 0], step),
    () => device.adapt(ints(1), [1], { learningRate: NaN }),
    () => device.adapt(ints(1), [1], { learningRate: -1 }),
    ...[[1], [1, 2, 3], [1, NaN], [1, Infinity], [1, 1e5], ['1', '2'], 7].map(
      (userVector) => () => device.score({ history, userVector }, ints(1)),
    ),
    ...[ints(1), ints(1, 4), ints(1, -1)].map(
      (event_price) => () => device.score({ history, rows: { event_price } }, ints(1)),
    ),
  ]) {
    await assert.rejects(ask, INPUT_ERROR, String(ask));
  }
  assert.equal(asked.length, 0);
});

for (const [what, ids, scores] of [
  ['an id beyond the catalogue', [1, 10, 2], [3, 2, 1]],
  ['padding among the items', [1, 0, 2], [3, 2, 1]],
  ['a negative id', [1, -5, 2], [3, 2, 1]],
  ['an item twice', [1, 2, 1], [3, 2, 1]],
  ['scores that rise', [1, 2, 3], [3, 1, 2]],
  ['no number', [1, 2, 3], [3, NaN, 1]],
  ['infinity', [1, 2, 3], [Infinity, 2, 1]],
  ['too few scores', [1, 2, 3], [3, 2]],
]) {
  test(`an answer that is none becomes an error: ${what}`, async () => {
    const answer = () => ({ ids: Int32Array.from(ids), scores: Float32Array.from(scores) });
    const { device } = deviceOf({ answer });
    await assert.rejects(device.recommend({ history: ints() }, 3), { kind: 'runtime' });
  });
}

test('scores and vectors that are no numbers become errors', async () => {
  const answer = () => ({ scores: new Float32Array(4).fill(NaN), user_vector: Float32Array.of(1) });
  const { device } = deviceOf({ answer });
  await assert.rejects(device.score({ history: ints() }, ints(1)), { kind: 'runtime' });
  await assert.rejects(device.adapt(ints(1), [1], { learningRate: 1 }), { kind: 'runtime' });
});
