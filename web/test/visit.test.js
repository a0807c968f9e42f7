import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Catalogue } from '../app/model/catalogue.js';
import { Filters } from '../app/model/facets.js';
import { rank } from '../app/model/ranking.js';
import { ROLLED_BACK, Visit } from '../app/model/visit.js';
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
  async swap(record, from) {
    if ((this.record?.revision ?? '') !== from) {
      return { written: false, current: this.record, unkept: this.unkept ?? false };
    }
    this.record = record;
    return { written: true };
  }
  async wipe() {
    this.record = undefined;
  }
}

function begin() {
  const world = new World();
  world.manifest.files = { 'items.json': { sha256: 'c' } };
  world.features = [];
  world.items = Array.from({ length: world.shapes.items }, (_, n) => {
    return { id: String(n + 1), title: `Film ${n + 1}`, attributes: {} };
  });
  const catalogue = new Catalogue(world.items);
  const storage = new Storage();
  const visit = new Visit(world, catalogue, storage);
  const entry = (id) => catalogue.entry(id);
  const verdicts = () => visit.personal.events.map(({ id, verdict }) => `${verdict} ${id}`);
  const stored = () => storage.record.state.events.map(({ id, verdict }) => `${verdict} ${id}`);
  return { world, catalogue, storage, visit, entry, verdicts, stored };
}

test('a list is never asked to be longer than the catalogue', async () => {
  const { visit, catalogue, world } = begin();
  const asked = [];
  const recommend = world.recommend.bind(world);
  world.recommend = async (history, options) => {
    asked.push(options.k);
    return recommend(history, options);
  };
  const { list } = await rank(visit, catalogue, new Filters(), 36);
  assert.equal(list.length, catalogue.size);
  assert.ok(asked.every((k) => k <= catalogue.size));
  visit.close();
});

test('quick taps on one item give and take back, in turn', async () => {
  const { visit, entry, verdicts } = begin();
  await Promise.all([visit.tap(entry('4'), 'like'), visit.tap(entry('4'), 'like')]);
  assert.deepEqual(verdicts(), []);
  assert.equal(visit.personal.steps, 0);
  visit.close();
});

test('a reset by the guard is announced, by that tap alone', async () => {
  const { visit, entry } = begin();
  const sentences = [];
  visit.onchange = async (sentence) => sentences.push(sentence);
  const state = { ...visit.personal.toJSON(), vector: [1, 0, 0, 0], steps: 2 };
  state.gains = [
    [0, 0.9],
    [0, 0.9],
  ];
  await visit.replace({ state, about: {} });
  await visit.tap(entry('4'), 'like');
  await visit.tap(entry('5'), 'like');
  assert.deepEqual(
    sentences.map((sentence) => sentence.endsWith(ROLLED_BACK)),
    [false, true, false],
  );
  visit.close();
});

test('what is removed from the history is gone, whatever its verdicts before', async () => {
  const { visit, entry, verdicts } = begin();
  await visit.tap(entry('4'), 'like');
  await visit.tap(entry('4'), 'dislike');
  await visit.forget(entry('4'));
  assert.deepEqual(verdicts(), []);
  visit.close();
});

test('what cannot be shown is not kept, and the next tap works', async () => {
  const { visit, entry, verdicts, stored } = begin();
  await visit.tap(entry('4'), 'like');
  visit.onchange = async () => {
    throw new Error('no ranking');
  };
  await assert.rejects(visit.tap(entry('8'), 'like'), /no ranking/);
  visit.onchange = async () => {};
  assert.deepEqual(verdicts(), ['like 4']);
  await visit.tap(entry('3'), 'seen');
  assert.deepEqual(stored(), ['like 4', 'seen 3']);
  visit.close();
});

test('a wipe that fails is an error, and nothing is gone', async () => {
  const { visit, storage, entry, verdicts } = begin();
  await visit.tap(entry('4'), 'like');
  storage.wipe = async () => {
    throw new Error('nothing was wiped');
  };
  await assert.rejects(visit.wipe(), /nothing was wiped/);
  assert.deepEqual(verdicts(), ['like 4']);
  visit.close();
});

test('what only this tab held and what another stored meet', async () => {
  const { visit, storage, entry, verdicts, stored } = begin();
  await visit.tap(entry('4'), 'like');
  const other = structuredClone(storage.record);
  other.revision = 'of the other tab';
  other.state.events = [{ id: '8', verdict: 'seen', time: null }];
  storage.record = other;
  storage.unkept = true;
  await visit.tap(entry('3'), 'like');
  assert.deepEqual(verdicts().sort(), ['like 3', 'like 4', 'seen 8']);
  assert.deepEqual(stored().sort(), ['like 3', 'like 4', 'seen 8']);
  visit.close();
});

test('what another tab stored comes first, and the tap upon it', async () => {
  const { visit, storage, entry, verdicts } = begin();
  await visit.tap(entry('4'), 'like');
  const other = structuredClone(storage.record);
  other.revision = 'of the other tab';
  other.state.events = [{ id: '8', verdict: 'seen', time: null }];
  storage.record = other;
  await visit.tap(entry('3'), 'like');
  assert.deepEqual(verdicts().sort(), ['like 3', 'seen 8']);
  visit.close();
});

test('an import is undone like any change', async () => {
  const { visit, entry, verdicts } = begin();
  await visit.tap(entry('4'), 'like');
  const other = visit.record;
  other.state.events = [{ id: 'nobody', verdict: 'like', time: null }];
  const notes = await visit.replace(other);
  assert.deepEqual([verdicts(), notes], [[], ['1 event of unknown items left out.']]);
  await visit.undo();
  assert.deepEqual(verdicts(), ['like 4']);
  visit.close();
});
