import assert from 'node:assert/strict';
import { test } from 'node:test';

import { readBundle } from '../client/bundle.js';
import { dropped, FILES, seal, sealed } from './bundles.js';

const refused = (source, message, kind = 'bundle') =>
  assert.rejects(readBundle(source), { name: 'PocketrecError', kind, message });

test('the pretrained bundle is read, and progress is reported', async () => {
  const reports = [];
  const bundle = await readBundle(dropped(), (progress) => reports.push(progress));
  const bytes = Object.values(FILES).reduce((sum, file) => sum + file.length, 0);
  assert.equal(reports.at(-1).loaded, bytes);
  assert.equal(bundle.items.length, bundle.spec.shapes.items);
  assert.equal(bundle.fingerprint, bundle.manifest.files['model.tflite'].sha256);
  assert.ok(!('sha256' in bundle.manifest));
});

test('a bundle is read again after it was sealed again', async () => {
  await readBundle(sealed(() => {}));
});

for (const name of Object.keys(FILES)) {
  test(`'${name}' with any byte changed, cut off, longer or missing is refused`, async () => {
    for (const place of [0, 30, Math.floor(FILES[name].length / 2), FILES[name].length - 1]) {
      const bytes = Buffer.from(FILES[name]);
      bytes[place] ^= 1;
      await refused(dropped({ ...FILES, [name]: bytes }), /./);
    }
    for (const bytes of [
      Buffer.alloc(0),
      FILES[name].subarray(0, -1),
      Buffer.concat([FILES[name], Buffer.from('\n')]),
      Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), FILES[name]]),
    ]) {
      await refused(dropped({ ...FILES, [name]: bytes }), /./);
    }
    const { [name]: _, ...others } = FILES;
    await refused(dropped(others), new RegExp(`lacks its file '${name}' .given: [a-z]+`));
  });
}

test('blanks and orders that mean the same in JSON are refused all the same', async () => {
  const text = FILES['manifest.json'].toString();
  for (const changed of [
    text.replace('"kind": ', '"kind":  '),
    text.trimEnd(),
    text.replace('{\n "sha256"', '{ \n "sha256"'),
    text.replace(/ "sha256": "(.*)",\n/, ' "sha256" : "$1",\n'),
    text.replace(/ "sha256": "(.*)",\n/, ''),
  ]) {
    assert.deepEqual(JSON.parse(changed).files, JSON.parse(text).files);
    await refused(dropped({ ...FILES, 'manifest.json': Buffer.from(changed) }), /not as it was/);
  }
});

test('no bundle, another version and a damaged bundle give different errors', async () => {
  const manifest = (text) => dropped({ ...FILES, 'manifest.json': Buffer.from(text) });
  await refused(manifest('<!doctype html>'), /'manifest.json' cannot be read/);
  await refused(manifest('[]'), /this is not a bundle/);
  await refused(manifest('null'), /this is not a bundle/);
  await refused(manifest('{"kind": "run"}'), /this is not a bundle \(its manifest says "run"\)/);
  await refused(
    sealed((m) => (m.format_version = 2)),
    /format version 2; this page reads 1/,
  );
  await refused(manifest(`${'['.repeat(1e6)}`), /cannot be read/);
  await refused(manifest(Buffer.from([0x7b, 0xff, 0x7d])), /cannot be read/);
});

test('files of absurd size are refused before they are read', async () => {
  const unread = { size: 2 ** 40, arrayBuffer: () => assert.fail('it was read') };
  for (const name of Object.keys(FILES)) {
    await refused(dropped().set(name, unread), new RegExp(`'${name}' is larger than`));
  }
});

test('a dropped file that is gone is an error', async () => {
  const gone = { size: 10, arrayBuffer: async () => Promise.reject(new Error('NotReadable')) };
  await refused(dropped().set('items.json', gone), /'items.json' can no longer be read/);
});

test('manifests made by strangers are refused where the contract is not kept', async () => {
  for (const [change, message] of [
    [(m) => delete m.shapes, /cannot be used/],
    [(m) => (m.shapes.more = 1), /shapes must be length, dim/],
    [(m) => (m.shapes.length = 0), /length is 0, not from 1 to/],
    [(m) => (m.shapes.blocked = 2 ** 40), /blocked is 1099511627776, not from/],
    [(m) => (m.shapes.dim = '64'), /dim is "64"/],
    [(m) => (m.shapes.results = 1.5), /results is 1.5/],
    [(m) => (m.shapes.candidates += 1), /signature 'score' is .* where .* is expected/],
    [(m) => (m.shapes.items += 1), /./],
    [(m) => (m.shapes.state = 0), /state is 0, not from 1 to/],
    [(m) => (m.shapes.state = null), /state is null/],
    [(m) => (m.shapes.state = 64), /signature 'step' is missing, where .*state float32\[1,64\]/],
    [(m) => delete m.signatures.adapt, /signature 'adapt' is missing/],
    [(m) => (m.signatures.score.inputs.more = { dtype: 'int32', shape: [1] }), /signature 'score'/],
    [(m) => (m.signatures.recommend.outputs.ids.dtype = 'int64'), /signature 'recommend' is/],
    [(m) => delete m.signatures, /cannot be used/],
    [(m) => (m.exclude_seen = 'yes'), /exclude_seen is neither true nor false/],
    [(m) => m.features.pop(), /signature 'recommend'/],
    [(m) => (m.features = {}), /cannot be used/],
    [(m) => m.features.push(m.features[0]), /cannot be used/],
    [(m) => (m.features[0].slots = -1), /cannot be used/],
    [(m) => (m.quantization = 'toString'), /unknown quantization "toString"/],
    [(m) => delete m.golden, /cannot be used/],
    [(m) => (m.golden[1].history[0] = 0), /an index of a golden vector/],
    [(m) => (m.golden[0].ids[0] = m.shapes.items + 1), /an index of a golden vector/],
    [(m) => m.golden[0].scores.pop(), /a golden vector has too few/],
    [(m) => m.golden[0].adapted.push(0), /a golden vector has too few/],
    [(m) => (m.golden[0].adapted[3] = null), /a number that is not finite/],
    [(m) => delete m.golden[0].features.user_age, /features are not the model's/],
    [(m) => m.golden[1].features.event_gap.pop(), /other rows than its feature/],
    [
      (m) => (m.files['items.json'] = { bytes: 5, sha256: '' }),
      /another size than the 5 bytes of its manifest/,
    ],
    [(m) => (m.files['items.json'] = { bytes: '5' }), /no size for 'items.json'/],
  ]) {
    await refused(sealed(change), message).catch((error) => {
      throw new Error(`${change}: ${error.message}`);
    });
  }
});

test('catalogues that do not fit are refused', async () => {
  for (const [change, message] of [
    [(_, items) => items.pop(), /the catalogue has 3415 items, the model 3416/],
    [
      (_, items) => (items[7] = null),
      /item 8 of the catalogue does not have an id, a title and attributes/,
    ],
    [(_, items) => (items[0].id = null), /item 1 of the catalogue/],
    [(_, items) => (items[0].id = 2 ** 53), /item 1 has the id 9007199254740992, which JavaScript/],
    [(_, items) => (items[0].id = 0.5), /item 1 has the id 0.5/],
    [(_, items) => (items[0].title = 7), /item 1 of the catalogue/],
    [(_, items) => (items[0].attributes = []), /item 1 of the catalogue/],
    [(_, items) => delete items[0].attributes, /item 1 of the catalogue/],
    [(_, items) => (items[1].id = String(items[0].id)), /lists an item twice/],
  ]) {
    await refused(sealed(change), message);
  }
});

test('a model that is not a .tflite file is refused', async () => {
  await refused(
    sealed(() => {}, Buffer.from('hello, I am no model')),
    /not a .tflite file/,
  );
});

test('names in the manifest are never asked for', async () => {
  const asked = [];
  const { sha256: _, ...manifest } = JSON.parse(FILES['manifest.json'].toString());
  manifest.files['../../secret'] = { bytes: 1, sha256: '' };
  const text = seal(`${JSON.stringify(manifest, null, 1)}\n`);
  const source = dropped({ ...FILES, 'manifest.json': text });
  const { get } = source;
  source.get = (name) => {
    asked.push(name);
    return get.call(source, name);
  };
  await readBundle(source);
  assert.deepEqual(asked.sort(), ['items.json', 'manifest.json', 'model.tflite']);
});
