import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RuntimeModel } from '../client/runtime.js';
import { openBundle } from '../pocketrec.js';
import { dropped } from './bundles.js';
import { WASM } from './node_runtime.js';

test('after a trap of the WebAssembly every call is refused', async () => {
  const films = await openBundle(dropped(), { wasm: WASM });
  const score = { run: () => Promise.reject(new WebAssembly.RuntimeError('unreachable')) };
  const broken = new RuntimeModel(
    { signatures: { score } },
    { score: { inputs: {}, outputs: {} } },
  );
  await assert.rejects(broken.run('score', {}), {
    kind: 'runtime',
    message: "the runtime could not run 'score': unreachable",
  });
  await assert.rejects(films.recommend([]), { kind: 'runtime', message: /reload the page/ });
});
