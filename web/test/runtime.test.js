import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { getGlobalLiteRt } from '@litertjs/core';
import { readBundle } from '../client/bundle.js';
import { signatures } from '../client/contract.js';
import { RuntimeModel } from '../client/runtime.js';
import { openBundle, Personal } from '../pocketrec.js';
import { dropped, FILES, sealed } from './bundles.js';
import { WASM } from './node_runtime.js';

/** @type {import('../pocketrec.js').Recommender} */
let films;

const open = (source) => openBundle(source, { wasm: WASM });
const ids = (from, to) => films.items.slice(from, to).map((item) => item.id);

before(async () => {
  films = await open(dropped());
});

after(() => films.close());

test('the bundle opens, so its golden vectors are answered as Python answered them', async () => {
  const list = await films.recommend(ids(0, 30), { k: 10 });
  assert.equal(list.length, 10);
  const { id, title } = films.items.find((item) => item.id === list[0].id);
  assert.deepEqual(list[0], { id, title, score: list[0].score });
  assert.ok(list.every((line) => !ids(0, 30).includes(line.id)));
});

test('one call of the graph and scoring everything give the same list', async () => {
  const history = ids(20, 60);
  const context = { now: 2e9, user: { gender: 'F' } };
  const short = await films.recommend(history, { k: 100, ...context });
  const long = await films.recommend(history, { k: 101, ...context });
  assert.deepEqual(
    long.slice(0, 100).map(({ id }) => id),
    short.map(({ id }) => id),
  );
  const scores = await films.score(
    history,
    short.map(({ id }) => id),
    context,
  );
  for (const [place, { score }] of short.entries()) {
    assert.ok(Math.abs(score - scores[place]) < 1e-4);
  }
});

test('features, time and a user vector change the list', async () => {
  const history = ids(0, 5).map((id, n) => ({ id, time: 1e9 + n }));
  const list = async (context) => JSON.stringify(await films.recommend(history, context));
  const plain = await list({});
  assert.notEqual(await list({ now: 2e9 }), plain);
  assert.notEqual(await list({ user: { gender: 'F' } }), plain);
  assert.notEqual(await list({ userVector: Array(films.shapes.dim).fill(0.1) }), plain);
  assert.equal(await list({ userVector: Array(films.shapes.dim).fill(0) }), plain);
});

test('unknown ids are ignored, or refused when strict; candidates must be known', async () => {
  const unknown = { kind: 'input', message: /1 of 2 ids of history are unknown: nobody/ };
  const history = [ids(0, 1)[0], 'nobody'];
  assert.deepEqual(await films.recommend(history), await films.recommend(ids(0, 1)));
  await assert.rejects(films.recommend(history, { strict: true }), unknown);
  await assert.rejects(films.score([], ['nobody']), { kind: 'input' });
  await assert.rejects(films.adapt('nobody'), { kind: 'input' });
  await assert.rejects(films.explain([], ['nobody']), { kind: 'input' });
  for (const wrong of ['text', 7, null, [null], [true], [1.5], [{}]]) {
    await assert.rejects(films.recommend(wrong), { kind: 'input' }, JSON.stringify(wrong));
    await assert.rejects(films.recommend([], { blocked: wrong }), { kind: 'input' });
  }
  for (const k of [0, -1, 1.5, NaN, '5', films.items.length + 1]) {
    await assert.rejects(films.recommend([], { k }), { kind: 'input' });
  }
});

test('ids are the same as text and as numbers', async () => {
  const [id] = ids(0, 1);
  assert.deepEqual(await films.recommend([String(id)]), await films.recommend([Number(id)]));
  assert.ok(films.has(String(id)) && films.has(Number(id)) && !films.has('nobody'));
});

test('a step moves the scores, and a dislike the other way', async () => {
  const history = ids(0, 10);
  const [id] = ids(500, 501);
  const score = async (userVector) => (await films.score(history, [id], { userVector }))[0];
  const before = await score();
  assert.notEqual(await score(await films.adapt(id)), before);
  const [liked, disliked] = [await films.adapt(id), await films.adapt(id, { liked: false })];
  assert.deepEqual(
    [...disliked],
    [...liked].map((number) => -number),
  );
  const still = await films.adapt(id, { learningRate: 0 });
  assert.ok(still.every((number) => number === 0));
});

test('a user learns, explains, and is restored', async () => {
  const personal = new Personal(films);
  for (const id of ids(40, 44)) await personal.like(id);
  await personal.dislike(ids(44, 45)[0]);
  const list = await personal.recommend({ k: 5 });
  const again = new Personal(films, JSON.parse(JSON.stringify(personal)));
  assert.deepEqual(await again.recommend({ k: 5 }), list);
  const reasons = await personal.explain(list.map(({ id }) => id));
  assert.deepEqual(
    reasons.map(({ id }) => id),
    list.map(({ id }) => id),
  );
  assert.ok(reasons.some(({ because }) => because.length));
  for (const { because } of reasons) {
    const liked = ids(40, 44);
    assert.ok(because.every(({ id, share }) => liked.includes(id) && share > 0 && share <= 1));
  }
});

test('calls made at once are answered each with its own', async () => {
  const histories = Array.from({ length: 20 }, (_, n) => ids(n, n + 5));
  const alone = [];
  for (const history of histories) alone.push(await films.recommend(history));
  assert.deepEqual(await Promise.all(histories.map((history) => films.recommend(history))), alone);
});

/** Inputs of `score` that are all zero, but for the first event. */
function scoreInputs(model, first) {
  const inputs = Object.entries(model.specs.score.inputs).map(([name, { dtype, shape }]) => {
    const size = shape.reduce((a, b) => a * b);
    return [name, dtype === 'int32' ? new Int32Array(size) : new Float32Array(size)];
  });
  return { ...Object.fromEntries(inputs), item_id: padded(first, films.shapes.length) };
}

function padded(first, size) {
  const values = new Int32Array(size);
  values[0] = first;
  return values;
}

async function loadModel() {
  const { model, spec } = await readBundle(dropped());
  return RuntimeModel.load(model, signatures(spec));
}

test('what the WebAssembly only prints is an error, and the next call works', async () => {
  const model = await loadModel();
  const good = model.run('score', scoreInputs(model, 1));
  const bad = model.run('score', scoreInputs(model, films.shapes.items + 1000));
  const goodAgain = model.run('score', scoreInputs(model, 1));
  await assert.rejects(bad, { kind: 'runtime', message: /could not run 'score': ERROR: .*bounds/ });
  assert.deepEqual(await goodAgain, await good);
  await model.close();
});

test('tensors are freed, also after failures', async () => {
  const heap = () => getGlobalLiteRt().liteRtWasm.HEAPU8.length;
  const model = await loadModel();
  const history = ids(0, 50);
  const rounds = async (count) => {
    for (let n = 0; n < count; n += 1) {
      await films.recommend(history, { k: 100 });
      await model.run('score', scoreInputs(model, 1e6)).catch(() => {});
    }
  };
  await rounds(50);
  const before = heap();
  await rounds(1500);
  assert.equal(heap(), before);
  await model.close();
});

test('a model with other signatures than its manifest tells is refused', async () => {
  const text = FILES['model.tflite'].toString('latin1').replaceAll('adapt', 'adepT');
  const renamed = Buffer.from(text, 'latin1');
  await assert.rejects(open(sealed(() => {}, renamed)), {
    kind: 'bundle',
    message: /cannot load the model: signature 'adapt' is missing/,
  });
});

test('a model of which half is missing is refused, and the others go on', async () => {
  const model = FILES['model.tflite'];
  const half = Buffer.concat([model.subarray(0, model.length / 2), Buffer.alloc(model.length / 2)]);
  await assert.rejects(open(sealed(() => {}, half)), { name: 'PocketrecError' });
  assert.equal((await films.recommend([])).length, 10);
});

test('a model that answers its golden vectors otherwise is refused', async () => {
  const wrong = { kind: 'runtime', message: /golden history .*\((scores|adapted) differ by/ };
  await assert.rejects(open(sealed((m) => (m.golden[2].scores[0] += 3))), wrong);
  await assert.rejects(open(sealed((m) => (m.golden[2].adapted[0] += 3))), wrong);
});

test('a closed recommender refuses calls, and was heard out before', async () => {
  const other = await open(dropped());
  const asked = other.recommend([]);
  const closed = other.close();
  await assert.rejects(other.recommend([]), { kind: 'runtime', message: /was closed: open it/ });
  assert.equal((await asked).length, 10);
  await closed;
  await other.close();
  assert.equal((await films.recommend([])).length, 10);
});
