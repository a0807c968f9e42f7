/**
 * Junk in every place of the API: an answer, or a PocketrecError of one sentence.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { DeviceModel } from '../client/device.js';
import { Bins, Categories, Feature } from '../client/encoding.js';
import { openBundle, Personal, Recommender } from '../pocketrec.js';

const SHAPES = { length: 4, dim: 2, items: 12, results: 12, candidates: 4, blocked: 9 };
const FEATURES = [
  new Feature('price', 'event', new Bins([0, 1]), 1, null),
  new Feature('tags', 'event', new Categories(['a', 'b']), 2, null),
  new Feature('gap', 'event', new Bins([1, 2]), 1, 'gap'),
  new Feature('country', 'user', new Categories(['IT', 'NO']), 1, null),
];

/** Items '1' to '12', the lower the better. */
function recommender() {
  const run = async (name, { blocked = [], item_id: seen = [], candidates = [] }) => {
    if (name === 'adapt') return { user_vector: Float32Array.of(1, 2) };
    if (name === 'score') return { scores: Float32Array.from(candidates, (n) => -n) };
    const hidden = new Set([...blocked, ...seen]);
    const ids = Int32Array.from({ length: SHAPES.items }, (_, n) => n + 1);
    const score = (n) => (hidden.has(n) ? -1e9 : -n);
    ids.sort((a, b) => score(b) - score(a) || a - b);
    return { ids, scores: Float32Array.from(ids, score) };
  };
  const items = Array.from({ length: SHAPES.items }, (_, n) => ({ id: `${n + 1}`, title: null }));
  const bundle = {
    manifest: { exclude_seen: true },
    spec: { shapes: SHAPES, features: FEATURES, excludeSeen: true },
    items,
    fingerprint: 'f'.repeat(64),
  };
  return new Recommender(bundle, new DeviceModel({ run }, bundle.spec));
}

const itself = [];
itself.push(itself);

const JUNK = [
  null,
  undefined,
  true,
  false,
  0,
  -0,
  1,
  -1,
  2.5,
  NaN,
  Infinity,
  2 ** 53,
  10n,
  '',
  ' ',
  '1',
  'x',
  'two\nlines',
  '\ud800',
  Symbol('s'),
  () => 1,
  class {},
  {},
  { id: '1' },
  { length: 2 },
  [],
  [null],
  [1, '2'],
  [[1]],
  [undefined],
  ['x'],
  [Symbol('s')],
  [2n],
  [{}],
  itself,
  [itself],
  new Date(NaN),
  new Date(0),
  new Map([[1, 2]]),
  new Set([1]),
  Object.create(null),
  [Object.create(null)],
  /x/,
  new Error('e'),
  Float32Array.of(0, NaN),
  Float32Array.of(0, 0),
  new ArrayBuffer(2),
  Promise.resolve(1),
  { country: 'IT' },
  { country: Symbol('s') },
  { country: itself },
  { price: 1 },
  'a'.repeat(5000),
];

const sentence = (error) => {
  assert.equal(error.name, 'PocketrecError', error.stack);
  assert.equal(error.kind, 'input');
  assert.match(error.message, /^[^\n]{5,400}$/);
  return true;
};

/** Whether a call answered; it fails unless it did, or was refused with one sentence. */
async function answered(call) {
  try {
    await call();
    return true;
  } catch (error) {
    return !sentence(error);
  }
}

const saved = (r) => new Personal(r).toJSON();
const event = (change) => [{ id: '1', time: 5, features: { price: 1 }, ...change }];

const PLACES = {
  history: (r, junk) => r.recommend(junk),
  'an id of the history': (r, junk) => r.recommend([junk]),
  'id of an event': (r, junk) => r.recommend(event({ id: junk })),
  'time of an event': (r, junk) => r.recommend(event({ time: junk })),
  'features of an event': (r, junk) => r.recommend(event({ features: junk })),
  'a number of an event': (r, junk) => r.recommend(event({ features: { price: junk } })),
  'a category of an event': (r, junk) => r.recommend(event({ features: { tags: junk } })),
  'categories of an event': (r, junk) => r.recommend(event({ features: { tags: ['a', junk] } })),
  user: (r, junk) => r.recommend([], { user: junk }),
  'user, strictly': (r, junk) => r.recommend([], { user: junk, strict: true }),
  'a value of the user': (r, junk) => r.recommend([], { user: { country: junk }, strict: true }),
  now: (r, junk) => r.recommend([], { now: junk }),
  k: (r, junk) => r.recommend([], { k: junk }),
  blocked: (r, junk) => r.recommend([], { blocked: junk }),
  userVector: (r, junk) => r.recommend([], { userVector: junk }),
  strict: (r, junk) => r.recommend(['1'], { strict: junk }),
  candidates: (r, junk) => r.score([], junk),
  'a candidate': (r, junk) => r.score([], [junk]),
  'item of adapt': (r, junk) => r.adapt(junk),
  liked: (r, junk) => r.adapt('1', { liked: junk }),
  learningRate: (r, junk) => r.adapt('1', { learningRate: junk }),
  'ids to explain': (r, junk) => r.explain(['1'], junk),
  most: (r, junk) => r.explain(['1'], ['2'], { most: junk }),
  'history of a session': (r, junk) => r.session(junk),
  'user of a session': (r, junk) => r.session(['1'], { user: junk, strict: true }),
  'event of a tap': async (r, junk) => (await r.session(['1'])).tap(junk),
  'time of a tap': async (r, junk) => (await r.session(['1'])).tap({ id: '2', time: junk }),
  'features of a tap': async (r, junk) => (await r.session(['1'])).tap({ id: '2', features: junk }),
  'k of a tap': async (r, junk) => (await r.session(['1'])).tap('2', { k: junk }),
  'now of a tap': async (r, junk) => (await r.session(['1'])).tap('2', { now: junk }),
  'blocked of a tap': async (r, junk) => (await r.session(['1'])).tap('2', { blocked: junk }),
  'userVector of a tap': async (r, junk) => (await r.session(['1'])).tap('2', { userVector: junk }),
  'recommender of a user': (_, junk) => new Personal(junk),
  'saved state': (r, junk) => new Personal(r, junk),
  'a vector that was saved': (r, junk) => new Personal(r, { ...saved(r), vector: junk }),
  'an event that was saved': (r, junk) => new Personal(r, { ...saved(r), events: [junk] }),
  'item of a like': (r, junk) => new Personal(r).like(junk),
  'time of a like': (r, junk) => new Personal(r).like('1', { time: junk }),
  'user of a like': (r, junk) => new Personal(r).like('1', { user: junk }),
  'item of seen': (r, junk) => new Personal(r).seen(junk),
  'item to forget': (r, junk) => new Personal(r).forget(junk),
  decay: (r, junk) => new Personal(r).decay(junk),
  'k for a user': (r, junk) => new Personal(r).recommend({ k: junk }),
  'blocked for a user': (r, junk) => new Personal(r).recommend({ blocked: junk }),
  'ids to explain to a user': (r, junk) => new Personal(r).explain(junk),
};

for (const [place, call] of Object.entries(PLACES)) {
  test(`junk is answered or refused in one sentence: ${place}`, async () => {
    for (const junk of JUNK) {
      await answered(async () => call(recommender(), junk));
    }
  });
}

test('what is no list of ids is refused, a string and null too', async () => {
  const personal = new Personal(recommender());
  for (const blocked of [null, 'abc', 7, {}, [null]]) {
    await assert.rejects(personal.recommend({ blocked }), sentence);
    await assert.rejects(personal.recommender.recommend([], { blocked }), sentence);
  }
  assert.equal((await personal.recommend({ k: 3, blocked: new Set(['1']) }))[0].id, '2');
});

test('a user is of a recommender', () => {
  for (const wrong of [null, undefined, 'x', {}]) {
    assert.throws(() => new Personal(wrong), sentence);
  }
});

test('what only looks like a number, a list or a truth value is refused', async () => {
  const r = recommender();
  for (const liked of ['no', 0, null]) await assert.rejects(r.adapt('1', { liked }), sentence);
  await assert.rejects(r.adapt('1', { learningRate: '1' }), sentence);
  for (const userVector of [0, '', false]) {
    await assert.rejects(r.recommend([], { userVector }), sentence);
  }
  for (const most of [0, 1.5, '2']) {
    await assert.rejects(r.explain([], ['1'], { most }), sentence);
  }
  for (const user of [5, [], 'x', true]) await assert.rejects(r.recommend([], { user }), sentence);
  for (const factor of ['0.5', true, null]) {
    assert.throws(() => new Personal(r).decay(factor), sentence);
  }
  assert.throws(() => new Personal(r).forget(null), sentence);
});

test('values that training never saw count as missing, or are refused when strict', async () => {
  const r = recommender();
  const history = event({ features: { tags: ['a', 'fax'] } });
  const message = /^event feature 'tags' has a value that training never saw, 'fax'$/;
  assert.deepEqual(await r.recommend(history), await r.recommend(['1']));
  await assert.rejects(r.recommend(history, { strict: true }), { kind: 'input', message });
  await assert.rejects(r.recommend([], { user: { country: '??' }, strict: true }), sentence);
  await r.recommend(['1'], { user: { country: 'NO' }, strict: true });
});

test('gains of a saved state are from 0 to 1', () => {
  const r = recommender();
  for (const gains of [[[1e308, -1e308]], [[2, 0]], [[0, -1]]]) {
    assert.throws(() => new Personal(r, { ...saved(r), gains }), sentence);
  }
});

test('an address that is none is refused', async () => {
  for (const source of [null, '', 'http://', 5, Symbol('s')]) {
    await assert.rejects(openBundle(source, { wasm: 'data:,' }), { name: 'PocketrecError' });
  }
});
