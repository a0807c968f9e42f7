import assert from 'node:assert/strict';
import { test } from 'node:test';

import { LOOKED_AT, leaveOneOut } from '../client/explain.js';

/** Scores that are sums of what each event of the history adds. */
const adding = (parts) => async (events) =>
  Float32Array.from(parts, (part) => events.reduce((sum, { id }) => sum + (part[id] ?? 0), 1));

const history = (...ids) => ids.map((id) => ({ id }));

test('the events that add most come first, with their share of all that was added', async () => {
  const score = adding([{ a: 1, b: 4, c: 3, d: -2 }, { d: 0.5 }]);
  const [first, second] = await leaveOneOut(score, history('a', 'b', 'c', 'd'), 2);
  assert.deepEqual(first, [
    { id: 'b', share: 0.5 },
    { id: 'c', share: 0.375 },
  ]);
  assert.deepEqual(second, [{ id: 'd', share: 1 }]);
});

test('what rests on nothing has no reason', async () => {
  assert.deepEqual(await leaveOneOut(adding([{ a: -1 }]), history('a', 'b'), 2), [[]]);
  assert.deepEqual(await leaveOneOut(adding([{}]), [], 2), [[]]);
});

test('of equal parts the newer event comes first', async () => {
  const [reasons] = await leaveOneOut(adding([{ a: 1, b: 1 }]), history('a', 'b'), 1);
  assert.deepEqual(reasons, [{ id: 'b', share: 0.5 }]);
});

test('an event that came twice is left out once at a time', async () => {
  const [reasons] = await leaveOneOut(adding([{ a: 1 }]), history('a', 'a'), 2);
  assert.deepEqual(reasons, [
    { id: 'a', share: 0.5 },
    { id: 'a', share: 0.5 },
  ]);
});

test('only the newest events are looked at, each with one call', async () => {
  const ids = Array.from({ length: LOOKED_AT + 30 }, (_, place) => place);
  let calls = 0;
  const add = adding([{ 29: 8, 30: 1, [LOOKED_AT + 29]: 3 }]);
  const score = (events) => {
    calls += 1;
    return add(events);
  };
  const [reasons] = await leaveOneOut(score, history(...ids), 5);
  assert.deepEqual(reasons, [
    { id: LOOKED_AT + 29, share: 0.75 },
    { id: 30, share: 0.25 },
  ]);
  assert.equal(calls, LOOKED_AT + 1);
});
