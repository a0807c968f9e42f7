import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Session } from '../pocketrec.js';
import { readGolden } from './golden.js';
import { CATALOGUE, worldDevice } from './world.js';

const INPUT_ERROR = { name: 'PocketrecError', kind: 'input' };

/** A session, and what its model was asked. */
async function begin({ steps = true, excludeSeen = true, events = [], user } = {}) {
  const { device, asked } = worldDevice({ steps, excludeSeen });
  const session = await Session.begin(device, CATALOGUE, events, { user });
  return { session, device, asked };
}

for (const { what, steps, exclude_seen: excludeSeen, begin: events, user, taps } of readGolden(
  'sessions.json',
).sessions) {
  const how = `${steps ? 'by steps' : 'by recommend'}${excludeSeen ? '' : ', seen ones too'}`;
  test(`a session asks and answers as Python's: ${what}, ${how}`, async () => {
    const { session, asked } = await begin({ steps, excludeSeen, events, user });
    for (const {
      do: [event, options],
      list,
      asked: expected,
      history,
    } of taps) {
      asked.length = 0;
      const tap = () => (event === null ? session.recommend(options) : session.tap(event, options));
      if (list === null) await assert.rejects(tap, INPUT_ERROR);
      else
        assert.deepEqual(
          (await tap()).map(({ id, score }) => [id, score]),
          list,
        );
      assert.deepEqual(asked, expected);
      assert.deepEqual(
        session.history.map(({ id }) => id),
        history,
      );
    }
  });
}

test('taps that do not wait for each other are answered in turn', async () => {
  const { session } = await begin();
  const { session: other } = await begin();
  const together = await Promise.all(['4', '5', '6', '7'].map((id) => session.tap(id, { k: 5 })));
  for (const [n, id] of ['4', '5', '6', '7'].entries()) {
    assert.deepEqual(together[n], await other.tap(id, { k: 5 }));
  }
});

test('a tap that fails changes nothing, and the next one works', async () => {
  const { session, device } = await begin({ events: ['1', '2'] });
  const { session: other } = await begin({ events: ['1', '2'] });
  const run = device.model.run;
  device.model.run = async () => {
    throw new Error('broken');
  };
  const [failed, refused] = [session.tap('3', { k: 5 }), session.tap(null)];
  await assert.rejects(failed, /broken/);
  await assert.rejects(refused, INPUT_ERROR);
  device.model.run = run;
  assert.deepEqual(session.history, other.history);
  assert.deepEqual(await session.tap('4', { k: 5 }), await other.tap('4', { k: 5 }));
});

test('what the app does to its own events and users changes nothing', async () => {
  const user = { age: 30 };
  const events = [{ id: '3', time: 1000 }];
  const { session } = await begin({ events, user });
  const expected = await session.recommend({ k: 5, now: 2000 });
  events[0].time = 1900;
  user.age = 50;
  session.history[0].time = 1900;
  assert.deepEqual(await session.recommend({ k: 5, now: 2000 }), expected);
});

test('a state that is none is refused, and a model without one says so', async () => {
  const { device } = await begin();
  const query = { history: Int32Array.of(1, 2) };
  for (const state of [[0, 0], [0, 0, NaN], [0, 0, Infinity], [0, 0, 1e10], ['0', '0', '0'], []]) {
    const message = 'state must be 3 numbers from -1000000000 to 1000000000';
    await assert.rejects(device.step(state, query, 5), { ...INPUT_ERROR, message });
  }
  const { device: other } = await begin({ steps: false });
  await assert.rejects(other.step([], query, 5), { ...INPUT_ERROR, message: /no signature/ });
  const answers = await device.model.run('step', (await asksOf(device, query)).inputs);
  for (const wrong of [
    Float32Array.of(0, 0),
    Float32Array.of(0, 0, NaN),
    Float32Array.of(0, 0, 2e9),
  ]) {
    device.model.run = async () => ({ ...answers, state: wrong });
    await assert.rejects(device.step([0, 0, 0], query, 5), { kind: 'runtime' });
  }
});

/** What a step asks the model. */
async function asksOf(device, query) {
  const run = device.model.run;
  let asked;
  device.model.run = async (signature, inputs) => {
    asked = { signature, inputs };
    return run(signature, inputs);
  };
  await device.step([0, 0, 0], query, 5);
  device.model.run = run;
  return asked;
}
