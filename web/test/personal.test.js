import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Personal } from '../pocketrec.js';
import { readGolden } from './golden.js';
import { World } from './world.js';

const golden = readGolden('personal.json');

const INPUT_ERROR = { name: 'PocketrecError', kind: 'input' };

for (const { what, exclude_seen: excludeSeen, steps } of golden.walks) {
  test(`the state after each change is that of Python: ${what}`, async () => {
    const personal = new Personal(new World({ excludeSeen }));
    for (const {
      do: [name, ...args],
      gave,
      refused,
      state,
      list,
    } of steps) {
      const change = async () => personal[name](...args);
      if (refused) await assert.rejects(change, INPUT_ERROR);
      else assert.equal((await change()) ?? null, gave, name);
      assert.deepEqual(personal.toJSON(), state, JSON.stringify([name, ...args]));
      assert.deepEqual(
        (await personal.recommend({ k: 4 })).map(({ id }) => id),
        list,
      );
    }
  });
}

test('saved states that Python takes back are taken back alike', () => {
  for (const { changes, state } of golden.restored) {
    assert.deepEqual(new Personal(new World(), { ...golden.saved, ...changes }).toJSON(), state);
  }
});

test('damaged states, and those of another model, are refused with one sentence', () => {
  const more = [{ vector: [0, 0, 0, 1e5] }, { vector: ['0', '0', '0', '0'] }];
  for (const changes of [...golden.damaged, ...more]) {
    const restore = () => new Personal(new World(), { ...golden.saved, ...changes });
    const message = /^(this is not|the saved|unknown|times run)[^\n]*$/;
    assert.throws(restore, { ...INPUT_ERROR, message }, JSON.stringify(changes));
  }
  for (const saved of [null, 7, 'text', [], {}]) {
    assert.throws(() => new Personal(new World(), saved), INPUT_ERROR);
  }
});

test('a state survives its way through JSON, and belongs to nobody else afterwards', async () => {
  const personal = new Personal(new World());
  await personal.like('4', { time: 10 });
  const saved = JSON.parse(JSON.stringify(personal));
  const again = new Personal(new World(), saved);
  saved.events.length = 0;
  saved.vector[0] = 9;
  again.toJSON().events.length = 0;
  assert.deepEqual(again.toJSON(), personal.toJSON());
  assert.deepEqual(again.events, [{ id: '4', verdict: 'like', time: 10 }]);
});

test('changes made while the model computes are all kept', async () => {
  const personal = new Personal(new World());
  const likes = [personal.like('4'), personal.like('8')];
  const seen = personal.seen('3');
  await Promise.all([...likes, seen, personal.dislike('1')]);
  const verdicts = personal.events.map(({ id, verdict }) => `${verdict} ${id}`).sort();
  assert.deepEqual(verdicts, ['dislike 1', 'like 4', 'like 8', 'seen 3']);
  assert.equal(personal.steps, 4);
});

test('a failed step changes nothing', async () => {
  const world = new World();
  const personal = new Personal(world);
  await personal.like('4');
  const before = personal.toJSON();
  world.adapt = async () => {
    throw new Error('broken');
  };
  await assert.rejects(personal.like('8'), /broken/);
  assert.deepEqual(personal.toJSON(), before);
});

test('times that run backwards, or are none, are refused before anything is changed', async () => {
  const personal = new Personal(new World());
  await personal.seen('3', { time: 100 });
  for (const time of [99, -1, NaN, '100', true]) {
    await assert.rejects(personal.seen('4', { time }), INPUT_ERROR);
    await assert.rejects(personal.like('4', { time }), INPUT_ERROR);
  }
  assert.equal(personal.events.length, 1);
  await personal.seen('4', { time: new Date(100_000) });
  assert.equal(personal.events[1].time, 100);
  const events = [...personal.events].reverse().map((event, n) => ({ ...event, time: 100 - n }));
  assert.throws(() => new Personal(new World(), { ...personal.toJSON(), events }), INPUT_ERROR);
});

test('the model gets the moment and the user; a like happens at its own time', async () => {
  const world = new World();
  const asked = [];
  world.recommend = async (_history, { now, user }) => {
    asked.push([now, user]);
    return [];
  };
  const personal = new Personal(world);
  await personal.like('4', { time: 10, user: { age: '25' } });
  await personal.recommend({ now: 20, user: { age: '25' } });
  assert.deepEqual(asked, [
    [10, { age: '25' }],
    [20, { age: '25' }],
  ]);
});
