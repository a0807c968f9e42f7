/**
 * The .tflite, running: item indices in, item indices and scores out, as src/pocketrec/device.py.
 */

import { LARGEST, LARGEST_OF_STATE, MASKED, NEWEST, PADDING, signatures } from './contract.js';
import { PocketrecError } from './errors.js';
import { RuntimeModel } from './runtime.js';

/** @import { Bundle } from './bundle.js' */
/** @import { Shapes } from './contract.js' */
/** @import { Feature } from './encoding.js' */
/** @import { Rows } from './inputs.js' */
/** @import { Values } from './runtime.js' */

/**
 * `userVector` (D numbers) is added to the user; `rows` are the features' of the whole history.
 * What is left out is zero, and missing.
 * @typedef {{userVector?: ArrayLike<number> | null, rows?: Rows}} Told
 *
 * Indices and scores, best first.
 * @typedef {{ids: Int32Array, scores: Float32Array}} Ranking
 */

/**
 * One loaded model. Histories are indices of any length, oldest first; the newest L are looked at.
 * What is asked is checked before it runs, and what comes back before it is given out.
 */
export class DeviceModel {
  /**
   * @param {Pick<RuntimeModel, 'run' | 'close'>} model
   * @param {Pick<Bundle, 'shapes' | 'features' | 'excludeSeen'>} bundle
   */
  constructor(model, { shapes, features, excludeSeen }) {
    this.model = model;
    this.shapes = /** @type {Shapes} */ (shapes);
    this.features = /** @type {readonly Feature[]} */ (features);
    this.excludeSeen = excludeSeen;
  }

  /**
   * Compile a bundle's model; the runtime must have been loaded.
   * @param {Bundle} bundle
   * @returns {Promise<DeviceModel>}
   */
  static async load(bundle) {
    const specs = signatures(bundle.shapes, bundle.features);
    const device = new DeviceModel(await RuntimeModel.load(bundle.model, specs), bundle);
    try {
      // The first call allocates; what cannot run is found here, not in the app's call.
      await device.recommend(new Int32Array(), { k: 1 });
    } catch (error) {
      await device.close();
      throw error;
    }
    return device;
  }

  /**
   * The best k items that are not blocked (nor seen, if the domain does not repeat).
   *
   * Ties go to the lower index; fewer than k when fewer are left. One call of the graph does it,
   * which gives K items and hides N; of more to be left out, those in its list are dropped here.
   * Only where it then has fewer than k, the others are scored in blocks of C and follow.
   *
   * @param {Int32Array} history
   * @param {{k: number, blocked?: Int32Array} & Told} options
   * @returns {Promise<Ranking>}
   */
  async recommend(history, { k, blocked = new Int32Array(), ...told }) {
    const outside = this.#outside(history, blocked);
    const inputs = this.#history(history, told);
    inputs.blocked = this.#blocked(outside);
    const found = await this.model.run('recommend', inputs);
    return this.#filled(this.#list('recommend', found, outside), history, outside, k, told);
  }

  /** Whether the model has the signature `step`. */
  get steps() {
    return this.shapes.state !== undefined;
  }

  /**
   * What `recommend` gives, from the state (S) before the newest two events of a history.
   *
   * It costs two events, whatever L is. Gives the state before the newest event too, which is the
   * one to go on with when the next event has come: what is told of an event (`now`) may change
   * until then. Histories longer than L are remembered, where `recommend` forgets. Where the
   * graph's list is too short, others follow as in `recommend`, from the newest L.
   *
   * @param {ArrayLike<number>} state
   * @param {Int32Array} history
   * @param {{k: number, blocked?: Int32Array} & Told} options
   * @returns {Promise<{state: Float32Array, ranking: Ranking}>}
   */
  async step(state, history, { k, blocked = new Int32Array(), ...told }) {
    if (!this.steps) {
      throw new PocketrecError('input', "the model has no signature 'step': ask for 'recommend'");
    }
    const width = /** @type {number} */ (this.shapes.state);
    const outside = this.#outside(history, blocked);
    const inputs = this.#newest(history, told);
    inputs.state = vectorOf(state, width, LARGEST_OF_STATE, 'state');
    inputs.blocked = this.#blocked(outside);
    const found = await this.model.run('step', inputs);
    const list = this.#list('step', found, outside);
    const ranking = await this.#filled(list, history, outside, k, told);
    const after = checkedNumbers(found.state, width, 'step');
    if (!after.every((number) => Math.abs(number) <= LARGEST_OF_STATE)) throw nonsense('step');
    return { state: after, ranking };
  }

  /**
   * The states (S) before the newest two events of a history, and before the newest one.
   *
   * The newest L are stepped through, a call of the model each. Without numbers, S = 0, where the
   * model has no `step`.
   *
   * @param {Int32Array} history
   * @param {Rows} [rows] of the whole history
   * @returns {Promise<[Float32Array, Float32Array]>}
   */
  async states(history, rows) {
    const { length, state: width = 0 } = this.shapes;
    const newest = history.subarray(-length);
    const ofEvents = this.features.filter((f) => f.of === 'event' && rows?.[f.input]);
    /** @type {Float32Array} */
    let before = new Float32Array(width);
    let after = before;
    for (let end = 1; this.steps && end <= newest.length; end += 1) {
      const until = Object.fromEntries(
        ofEvents.map((f) => {
          const given = /** @type {Int32Array} */ (rows?.[f.input]);
          return [f.input, given.subarray(-f.size(newest.length)).subarray(0, f.size(end))];
        }),
      );
      before = after;
      ({ state: after } = await this.step(before, newest.subarray(0, end), { k: 1, rows: until }));
    }
    return [before, after];
  }

  /**
   * Scores of given items, which `recommend` ranks by; without successors it rounds a little more.
   *
   * @param {Int32Array} history
   * @param {Int32Array} candidates
   * @param {Told} [told]
   * @returns {Promise<Float32Array>}
   */
  async score(history, candidates, told = {}) {
    this.#check(candidates);
    const inputs = this.#history(history, told);
    const step = this.shapes.candidates;
    const scores = new Float32Array(candidates.length);
    for (let begin = 0; begin < candidates.length; begin += step) {
      const part = candidates.subarray(begin, begin + step);
      const found = await this.model.run('score', { ...inputs, candidates: padded(part, step) });
      scores.set(checkedNumbers(found.scores, step, 'score').subarray(0, part.length), begin);
    }
    return scores;
  }

  /**
   * The user vector (D) after one step of learning from items that were liked or disliked.
   *
   * @param {Int32Array} candidates 1 to C items
   * @param {ArrayLike<number>} target 1 for each liked item, -1 for a disliked one, or between
   * @param {{learningRate: number, userVector?: Told['userVector']}} step
   * @returns {Promise<Float32Array>}
   */
  async adapt(candidates, target, { learningRate, userVector }) {
    const { candidates: width, dim } = this.shapes;
    this.#check(candidates);
    const count = candidates.length;
    if (!(count >= 1 && count <= width && target.length === count)) {
      throw new PocketrecError('input', `adapt takes 1 to ${width} candidates and a target for each`);
    }
    if (!Array.from(target).every((number) => Math.abs(number) <= 1)) {
      throw new PocketrecError('input', 'targets of adapt are numbers from -1 to 1');
    }
    if (!(typeof learningRate === 'number' && learningRate >= 0 && learningRate <= LARGEST)) {
      throw new PocketrecError('input', `learningRate must be a number from 0 to ${LARGEST}`);
    }
    const targets = new Float32Array(width);
    targets.set(target);
    const found = await this.model.run('adapt', {
      user_vector: vectorOf(userVector ?? new Float32Array(dim), dim, LARGEST, 'userVector'),
      candidates: padded(candidates, width),
      target: targets,
      learning_rate: Float32Array.of(learningRate),
    });
    return checkedNumbers(found.user_vector, dim, 'adapt');
  }

  /** Free the model's memory; calls are refused from then on. */
  close() {
    return this.model.close();
  }

  /**
   * The first k lines of a list, to which others are added where it has fewer.
   * @param {Ranking} ranking
   * @param {Int32Array} history
   * @param {Int32Array} outside
   * @param {number} k
   * @param {Told} told
   * @returns {Promise<Ranking>}
   */
  async #filled({ ids, scores }, history, outside, k, told) {
    if (ids.length >= k) return { ids: ids.slice(0, k), scores: scores.slice(0, k) };
    const taken = new Set([...outside, ...ids, ...(this.excludeSeen ? history : [])]);
    const all = Int32Array.from({ length: this.shapes.items }, (_, place) => place + 1);
    const items = all.filter((index) => !taken.has(index));
    if (!items.length) return { ids, scores };
    const more = await this.score(history, items, told);
    // The sort is stable: equal scores stay in the order of their indices.
    const order = Array.from(items.keys())
      .sort((a, b) => Number(more[b]) - Number(more[a]))
      .slice(0, k - ids.length);
    return {
      ids: Int32Array.from([...ids, ...order.map((place) => Number(items[place]))]),
      scores: Float32Array.from([...scores, ...order.map((place) => Number(more[place]))]),
    };
  }

  /**
   * What is to be left out beside the newest L, rising: what is blocked, and seen before these.
   * @param {Int32Array} history
   * @param {Int32Array} blocked
   */
  #outside(history, blocked) {
    // The graph hides the events it is given; older ones have to be named.
    const older = this.excludeSeen ? history.subarray(0, -this.shapes.length) : [];
    const outside = Int32Array.from(new Set([...blocked, ...older])).sort();
    this.#check(outside);
    return outside;
  }

  /**
   * As many as the graph can be told of.
   * @param {Int32Array} outside
   */
  #blocked(outside) {
    const most = this.shapes.blocked;
    return padded(outside.subarray(0, most), most);
  }

  /**
   * Inputs of the signatures that look at the whole history, its newest L events.
   * @param {Int32Array} history
   * @param {Told} told
   * @returns {Values}
   */
  #history(history, told) {
    const inputs = this.#asked(history, told);
    for (const feature of this.features) {
      const newest = this.#rows(feature, told.rows, history.length, this.shapes.length);
      inputs[feature.input] = padded(newest, feature.size(this.shapes.length));
    }
    return inputs;
  }

  /**
   * Inputs of `step`, which takes the rows of two events, the newest in the last place.
   * @param {Int32Array} history
   * @param {Told} told
   * @returns {Values}
   */
  #newest(history, told) {
    const inputs = this.#asked(history, told);
    for (const feature of this.features) {
      const newest = this.#rows(feature, told.rows, history.length, NEWEST);
      const all = new Int32Array(feature.size(NEWEST));
      all.set(newest, all.length - newest.length);
      inputs[feature.input] = all;
    }
    return inputs;
  }

  /**
   * @param {Int32Array} history
   * @param {Told} told
   * @returns {Values}
   */
  #asked(history, { userVector }) {
    const { length, dim } = this.shapes;
    const newest = history.subarray(-length);
    this.#check(newest);
    const vector = userVector ?? new Float32Array(dim);
    return {
      item_id: padded(newest, length),
      user_vector: vectorOf(vector, dim, LARGEST, 'userVector'),
    };
  }

  /**
   * The rows of the newest `most` events, or of the user; none where none are given.
   * @param {Feature} feature
   * @param {Rows | undefined} given
   * @param {number} events
   * @param {number} most
   */
  #rows(feature, given, events, most) {
    const rows = given?.[feature.input];
    if (!rows) return new Int32Array();
    const last = feature.encoding.rows - 1;
    const newest = rows.subarray(-feature.size(most));
    if (rows.length !== feature.size(events) || !newest.every((row) => row >= 0 && row <= last)) {
      throw new PocketrecError(
        'input',
        `feature '${feature.name}' must be ${feature.size(events)} rows from 0 to ${last}`,
      );
    }
    return newest;
  }

  /** @param {Iterable<number>} indices */
  #check(indices) {
    for (const index of indices) {
      if (!(index > PADDING && index <= this.shapes.items)) {
        throw new PocketrecError('input', `item indices must lie in 1..${this.shapes.items}`);
      }
    }
  }

  /**
   * The lines that a signature gave and may be shown.
   * @param {string} signature
   * @param {Values} found
   * @param {Int32Array} outside
   * @returns {Ranking}
   */
  #list(signature, { ids, scores: numbers }, outside) {
    const { results, items, blocked } = this.shapes;
    const scores = checkedNumbers(numbers, results, signature);
    const cut = scores.findIndex((score) => score <= MASKED / 2);
    const real = cut < 0 ? results : cut;
    const list = /** @type {Int32Array} */ (ids).subarray(0, real);
    const sane =
      scores.every((score, place) => !place || score <= Number(scores[place - 1])) &&
      list.every((index) => index > PADDING && index <= items) &&
      new Set(list).size === real;
    if (!sane) throw nonsense(signature);
    const rest = new Set(outside.subarray(blocked)); // more than the graph was told of
    return {
      ids: list.filter((index) => !rest.has(index)),
      scores: scores.subarray(0, real).filter((_, place) => !rest.has(Number(list[place]))),
    };
  }
}

/**
 * @param {ArrayLike<number>} values
 * @param {number} width
 */
function padded(values, width) {
  const all = new Int32Array(width);
  all.set(values);
  return all;
}

/**
 * Numbers that were given, as the runtime takes them; what are none is refused.
 * @param {ArrayLike<number>} given
 * @param {number} width
 * @param {number} most
 * @param {string} name
 */
function vectorOf(given, width, most, name) {
  const numbers = Array.from(given);
  const sane = numbers.every((n) => typeof n === 'number' && Math.abs(n) <= most);
  if (numbers.length !== width || !sane) {
    throw new PocketrecError('input', `${name} must be ${width} numbers from ${-most} to ${most}`);
  }
  return Float32Array.from(numbers);
}

/**
 * @param {Values[string] | undefined} numbers
 * @param {number} size
 * @param {string} signature
 * @returns {Float32Array}
 */
function checkedNumbers(numbers, size, signature) {
  const sane = numbers instanceof Float32Array && numbers.length === size;
  if (!sane || !numbers.every(Number.isFinite)) throw nonsense(signature);
  return numbers;
}

/** @param {string} signature */
function nonsense(signature) {
  return new PocketrecError(
    'runtime',
    `the runtime answered '${signature}' with what is no answer: reload the page`,
  );
}
