/**
 * Runs the .tflite: item indices in, item indices and scores out. src/pocketrec/bundle/device.py is
 * the same in Python.
 */

import { LARGEST, signatures } from './contract.js';
import { PocketrecError } from './errors.js';
import { Inputs } from './inputs.js';
import { numbersOf, rankingOf, stateOf } from './outputs.js';
import { RuntimeModel } from './runtime.js';

/** @import { Bundle } from './bundle.js' */
/** @import { GraphSpec } from './contract.js' */
/** @import { Query } from './inputs.js' */
/** @import { Ranking } from './outputs.js' */

/**
 * One loaded model. A query is checked before it runs, and an answer before it is returned.
 */
export class DeviceModel {
  #inputs;

  /**
   * @param {Pick<RuntimeModel, 'run' | 'close'>} model
   * @param {GraphSpec} spec
   */
  constructor(model, spec) {
    this.model = model;
    this.spec = spec;
    this.#inputs = new Inputs(spec);
  }

  /**
   * Compile a bundle's model; the runtime must have been loaded.
   * @param {Pick<Bundle, 'model' | 'spec'>} bundle
   * @returns {Promise<DeviceModel>}
   */
  static async load({ model, spec }) {
    const device = new DeviceModel(await RuntimeModel.load(model, signatures(spec)), spec);
    try {
      // The first call allocates memory: a model that cannot run fails here, not in the app's call.
      await device.recommend({ history: new Int32Array() }, 1);
    } catch (error) {
      await device.close();
      throw error;
    }
    return device;
  }

  /**
   * The best k items that are neither blocked nor, unless the domain repeats, in the history.
   *
   * Ties go to the lower index; the list is shorter than k when fewer items are left. One call of
   * the graph gives K items and masks N by name; further blocked items are dropped from its list
   * here. Only when fewer than k remain, all other items are scored in blocks of C and appended.
   *
   * @param {Query} query
   * @param {number} k
   * @returns {Promise<Ranking>}
   */
  async recommend(query, k) {
    const excluded = this.#excluded(query);
    const inputs = this.#inputs.history(query);
    inputs.blocked = this.#inputs.blocked(excluded);
    const outputs = await this.model.run('recommend', inputs);
    const list = rankingOf('recommend', outputs, this.spec.shapes, excluded);
    return this.#filled(list, query, excluded, k);
  }

  /** Whether the model has the signature `step`. */
  get steps() {
    return this.spec.shapes.state !== undefined;
  }

  /**
   * The list that `recommend` gives, computed from the state (S) before the newest two events.
   *
   * It reads two events, whatever L is. It also returns the state before the newest event, from
   * which the next call continues once another event has come: until then the newest event may
   * still change (`now`). A state remembers events older than L, which `recommend` forgets. When
   * the graph's list is too short, more items are appended as in `recommend`, scored from the
   * newest L events.
   *
   * @param {ArrayLike<number>} state
   * @param {Query} query
   * @param {number} k
   * @returns {Promise<{state: Float32Array, ranking: Ranking}>}
   */
  async step(state, query, k) {
    if (!this.steps) {
      throw new PocketrecError(
        'input',
        "the model has no signature 'step': call 'recommend' instead",
      );
    }
    const excluded = this.#excluded(query);
    const inputs = this.#inputs.newest(query);
    inputs.state = this.#inputs.state(state);
    inputs.blocked = this.#inputs.blocked(excluded);
    const outputs = await this.model.run('step', inputs);
    const list = rankingOf('step', outputs, this.spec.shapes, excluded);
    const ranking = await this.#filled(list, query, excluded, k);
    return { state: stateOf('step', outputs, this.spec.shapes), ranking };
  }

  /**
   * The states (S) before the newest two events of a history, and before the newest one.
   *
   * Each of the newest L events costs one call of the model. Without `step` the states are empty.
   *
   * @param {Pick<Query, 'history' | 'rows'>} query
   * @returns {Promise<[Float32Array, Float32Array]>}
   */
  async states({ history, rows = {} }) {
    const { length, state: width = 0 } = this.spec.shapes;
    const newest = history.subarray(-length);
    const ofEvents = this.spec.features.filter((f) => f.of === 'event' && rows[f.input]);
    /** @type {Float32Array} */
    let before = new Float32Array(width);
    let after = before;
    for (let end = 1; this.steps && end <= newest.length; end += 1) {
      const rowsUntilEnd = ofEvents.map((feature) => {
        const all = /** @type {Int32Array} */ (rows[feature.input]);
        const ofNewest = all.subarray(-feature.size(newest.length));
        return [feature.input, ofNewest.subarray(0, feature.size(end))];
      });
      const query = { history: newest.subarray(0, end), rows: Object.fromEntries(rowsUntilEnd) };
      before = after;
      ({ state: after } = await this.step(before, query, 1));
    }
    return [before, after];
  }

  /**
   * The ranking scores of some items. Without successors `recommend` rounds them a little more.
   *
   * @param {Query} query
   * @param {Int32Array} candidates
   * @returns {Promise<Float32Array>}
   */
  async score(query, candidates) {
    this.#inputs.check(candidates);
    const inputs = this.#inputs.history(query);
    const width = this.spec.shapes.candidates;
    const scores = new Float32Array(candidates.length);
    for (let begin = 0; begin < candidates.length; begin += width) {
      const block = candidates.subarray(begin, begin + width);
      const candidatesInput = this.#inputs.candidates(block);
      const outputs = await this.model.run('score', { ...inputs, candidates: candidatesInput });
      scores.set(numbersOf('score', outputs.scores, width).subarray(0, block.length), begin);
    }
    return scores;
  }

  /**
   * The user vector (D) after one step of learning from liked or disliked items.
   *
   * @param {Int32Array} candidates 1 to C items
   * @param {ArrayLike<number>} target 1 for a liked item, -1 for a disliked one, or between
   * @param {{learningRate: number, userVector?: Query['userVector']}} options
   * @returns {Promise<Float32Array>}
   */
  async adapt(candidates, target, { learningRate, userVector }) {
    const { candidates: width, dim } = this.spec.shapes;
    this.#inputs.check(candidates);
    const count = candidates.length;
    if (!(count >= 1 && count <= width && target.length === count)) {
      throw new PocketrecError(
        'input',
        `adapt takes 1 to ${width} candidates and a target for each`,
      );
    }
    if (!Array.from(target).every((number) => Math.abs(number) <= 1)) {
      throw new PocketrecError('input', 'targets of adapt are numbers from -1 to 1');
    }
    if (!(typeof learningRate === 'number' && learningRate >= 0 && learningRate <= LARGEST)) {
      throw new PocketrecError('input', `learningRate must be a number from 0 to ${LARGEST}`);
    }
    const targets = new Float32Array(width);
    targets.set(target);
    const outputs = await this.model.run('adapt', {
      user_vector: this.#inputs.vector(userVector),
      candidates: this.#inputs.candidates(candidates),
      target: targets,
      learning_rate: Float32Array.of(learningRate),
    });
    return numbersOf('adapt', outputs.user_vector, dim);
  }

  /** Free the model's memory; later calls are refused. */
  close() {
    return this.model.close();
  }

  /**
   * Blocked items and, unless the domain repeats, events older than the newest L; sorted. The graph
   * masks the newest L itself, but never sees the older ones.
   * @param {Query} query
   */
  #excluded({ history, blocked = new Int32Array() }) {
    const { shapes, excludeSeen } = this.spec;
    const older = excludeSeen ? history.subarray(0, -shapes.length) : [];
    const excluded = Int32Array.from(new Set([...blocked, ...older])).sort();
    this.#inputs.check(excluded);
    return excluded;
  }

  /**
   * The first k lines of a list; when it has fewer, the best of all other items are appended.
   * @param {Ranking} ranking
   * @param {Query} query
   * @param {Int32Array} excluded
   * @param {number} k
   * @returns {Promise<Ranking>}
   */
  async #filled({ ids, scores }, query, excluded, k) {
    if (ids.length >= k) return { ids: ids.slice(0, k), scores: scores.slice(0, k) };
    const { shapes, excludeSeen } = this.spec;
    const taken = new Set([...excluded, ...ids, ...(excludeSeen ? query.history : [])]);
    const all = Int32Array.from({ length: shapes.items }, (_, place) => place + 1);
    const items = all.filter((index) => !taken.has(index));
    if (!items.length) return { ids, scores };
    const more = await this.score(query, items);
    // The sort is stable: equal scores stay in the order of their indices.
    const order = Array.from(items.keys())
      .sort((a, b) => Number(more[b]) - Number(more[a]))
      .slice(0, k - ids.length);
    return {
      ids: Int32Array.from([...ids, ...order.map((place) => Number(items[place]))]),
      scores: Float32Array.from([...scores, ...order.map((place) => Number(more[place]))]),
    };
  }
}
