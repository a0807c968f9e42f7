import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openBundle } from '../pocketrec.js';
import { dropped } from './bundles.js';
import { WASM } from './node_runtime.js';

test('a runtime that does not arrive is an error, and may arrive later', async () => {
  const nowhere = new URL('nowhere/', WASM);
  await assert.rejects(openBundle(dropped(), { wasm: nowhere }), {
    kind: 'network',
    message: /^the runtime did not arrive from 'file:.*nowhere\/'/,
  });
  const films = await openBundle(dropped(), { wasm: WASM });
  assert.equal((await films.recommend([])).length, 10);
});

test("a bundle's problem is reported before the runtime's", async () => {
  const wasm = new URL('nowhere/', WASM);
  await assert.rejects(openBundle(new Map(), { wasm }), { kind: 'bundle' });
});
