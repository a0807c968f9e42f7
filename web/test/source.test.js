import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';

import { readBundle } from '../client/bundle.js';
import { FILES } from './bundles.js';

/** @type {(name: string, response: import('node:http').ServerResponse) => void} */
let answer;
let asked = [];
let base = '';

const server = createServer(({ url }, response) => {
  asked.push(url);
  answer(url.split('/').at(-1), response);
});

before(async () => {
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  base = `http://127.0.0.1:${server.address().port}/`;
});

after(() => {
  server.closeAllConnections();
  server.close();
});

const refused = (message) =>
  assert.rejects(readBundle(base), { name: 'PocketrecError', kind: 'network', message });

test('a bundle is fetched from its folder, with or without a slash at the end', async () => {
  answer = (name, response) => response.end(FILES[name]);
  for (const folder of ['some/bundle', 'some/bundle/']) {
    asked = [];
    const reports = [];
    const bundle = await readBundle(base + folder, (progress) => reports.push(progress));
    assert.equal(bundle.items.length, bundle.spec.shapes.items);
    const names = ['items.json', 'manifest.json', 'model.tflite'];
    assert.deepEqual(
      asked.sort(),
      names.map((name) => `/some/bundle/${name}`),
    );
    const bytes = Object.values(FILES).reduce((sum, file) => sum + file.length, 0);
    assert.equal(reports.at(-1).loaded, bytes);
  }
});

test('the error of a missing file has its address and status', async () => {
  answer = (_, response) => {
    response.statusCode = 404;
    response.end('nothing');
  };
  await refused(/^'http:.*\/manifest.json' is not there \(HTTP 404\)$/);
});

test('a file that is cut off on its way is an error', async () => {
  answer = (name, response) => {
    if (name !== 'model.tflite') return response.end(FILES[name]);
    response.setHeader('Content-Length', FILES[name].length);
    response.write(FILES[name].subarray(0, 1000), () => response.destroy());
  };
  await refused(/model.tflite' did not arrive: check the connection/);
});

test('a server that is gone is an error', async () => {
  answer = (_, response) => response.destroy();
  await refused(/manifest.json' did not arrive/);
});

test('a file without an end is refused as soon as it is too long', async () => {
  answer = (name, response) => {
    if (name !== 'manifest.json') return response.end(FILES[name]);
    const piece = Buffer.alloc(2 ** 20, ' ');
    const pour = () => {
      while (!response.destroyed && response.write(piece));
      if (!response.destroyed) response.once('drain', pour);
    };
    pour();
  };
  await assert.rejects(readBundle(base), { kind: 'bundle', message: /is larger than 16777216/ });
});
