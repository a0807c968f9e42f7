import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Catalogue } from '../app/model/catalogue.js';
import { Filters } from '../app/model/facets.js';
import { rank } from '../app/model/ranking.js';
import { ROLLED_BACK, Session } from '../app/model/session.js';
import { World } from './world.js';

/** A store of one record, which does what storage does. */
class Storage {
  record = undefined;
  problem = null;
  async all() {
    return this.record ? [this.record] : [];
  }
  async read() {
    return this.record;
  }
  async exchange(record, from) {
    if ((this.record?.revision ?? '') !== from) {
      return { written: false, found: this.record, unkept: this.unkept ?? false };
    }
    this.record = record;
    return { written: true };
  }
  async wipe() {
    this.record = undefined;
  }
}

function visit() {
  const world = new World();
  world.manifest.files = { 'items.json': { sha256: 'c' } };
  world.features = [];
  world.items = Array.from({ length: world.shapes.items }, (_, n) => {
    return { id: String(n + 1), title: `Film ${n + 1}`, attributes: {} };
  });
  const catalogue = new Catalogue(world.items);
  const storage = new Storage();
  const session = new Session(world, catalogue, storage);
  const entry = (id) => catalogue.entry(id);
  const given = () => session.personal.events.map(({ id, verdict }) => `${verdict} ${id}`);
  const stored = () => storage.record.state.events.map(({ id, verdict }) => `${verdict} ${id}`);
  return { world, catalogue, storage, session, entry, given, stored };
}

test('a list is never asked to be longer than the catalogue', async () => {
  const { session, catalogue, world } = visit();
  const asked = [];
  const recommend = world.recommend.bind(world);
  world.recommend = async (history, options) => {
    asked.push(options.k);
    return recommend(history, options);
  };
  const { list } = await rank(session, catalogue, new Filters(), 36);
  assert.equal(list.length, catalogue.size);
  assert.ok(asked.every((k) => k <= catalogue.size));
  session.close();
});

test('quick taps on one item give and take back, in turn', async () => {
  const { session, entry, given } = visit();
  await Promise.all([session.tap(entry('4'), 'like'), session.tap(entry('4'), 'like')]);
  assert.deepEqual(given(), []);
  assert.equal(session.personal.steps, 0);
  session.close();
});

test('what the guard takes back is said, by that tap alone', async () => {
  const { session, entry } = visit();
  const said = [];
  session.onchange = async (sentence) => said.push(sentence);
  const state = { ...session.personal.toJSON(), vector: [1, 0, 0, 0], steps: 2 };
  state.gains = [
    [0, 0.9],
    [0, 0.9],
  ];
  await session.replace({ state, about: {} });
  await session.tap(entry('4'), 'like');
  await session.tap(entry('5'), 'like');
  assert.deepEqual(
    said.map((sentence) => sentence.endsWith(ROLLED_BACK)),
    [false, true, false],
  );
  session.close();
});

test('what is removed from the history is gone, whatever was said of it before', async () => {
  const { session, entry, given } = visit();
  await session.tap(entry('4'), 'like');
  await session.tap(entry('4'), 'dislike');
  await session.forget(entry('4'));
  assert.deepEqual(given(), []);
  session.close();
});

test('what cannot be shown is not kept, and the next tap works', async () => {
  const { session, entry, given, stored } = visit();
  await session.tap(entry('4'), 'like');
  session.onchange = async () => {
    throw new Error('no ranking');
  };
  await assert.rejects(session.tap(entry('8'), 'like'), /no ranking/);
  session.onchange = async () => {};
  assert.deepEqual(given(), ['like 4']);
  await session.tap(entry('3'), 'seen');
  assert.deepEqual(stored(), ['like 4', 'seen 3']);
  session.close();
});

test('a wipe that fails is told, and nothing is said to be gone', async () => {
  const { session, storage, entry, given } = visit();
  await session.tap(entry('4'), 'like');
  storage.wipe = async () => {
    throw new Error('nothing was wiped');
  };
  await assert.rejects(session.wipe(), /nothing was wiped/);
  assert.deepEqual(given(), ['like 4']);
  session.close();
});

test('what only this tab held and what another stored meet', async () => {
  const { session, storage, entry, given, stored } = visit();
  await session.tap(entry('4'), 'like');
  const other = structuredClone(storage.record);
  other.revision = 'of the other tab';
  other.state.events = [{ id: '8', verdict: 'seen', time: null }];
  storage.record = other;
  storage.unkept = true;
  await session.tap(entry('3'), 'like');
  assert.deepEqual(given().sort(), ['like 3', 'like 4', 'seen 8']);
  assert.deepEqual(stored().sort(), ['like 3', 'like 4', 'seen 8']);
  session.close();
});

test('what another tab stored comes first, and the tap upon it', async () => {
  const { session, storage, entry, given } = visit();
  await session.tap(entry('4'), 'like');
  const other = structuredClone(storage.record);
  other.revision = 'of the other tab';
  other.state.events = [{ id: '8', verdict: 'seen', time: null }];
  storage.record = other;
  await session.tap(entry('3'), 'like');
  assert.deepEqual(given().sort(), ['like 3', 'seen 8']);
  session.close();
});

test('an import is undone like any change', async () => {
  const { session, entry, given } = visit();
  await session.tap(entry('4'), 'like');
  const other = session.record;
  other.state.events = [{ id: 'nobody', verdict: 'like', time: null }];
  const notes = await session.replace(other);
  assert.deepEqual([given(), notes], [[], ['1 event of unknown items left out.']]);
  await session.undo();
  assert.deepEqual(given(), ['like 4']);
  session.close();
});
