/**
 * The contract between a bundle and its readers: inputs and outputs of every signature.
 *
 * Letters: L history length, D embedding width, V items, K results, C candidates, N blocked items,
 * S numbers of an encoder's state. Item index 0 is padding; items are 1..V.
 */

/** @import { Feature } from './encoding.js' */

/**
 * @typedef {{dtype: string, shape: number[]}} TensorSpec
 * @typedef {Record<string, TensorSpec>} TensorSpecs
 * @typedef {{inputs: TensorSpecs, outputs: TensorSpecs}} SignatureSpec
 *
 * @typedef {object} Shapes
 * @property {number} length L
 * @property {number} dim D
 * @property {number} items V
 * @property {number} results K
 * @property {number} candidates C
 * @property {number} blocked N
 * @property {number} [state] S; present when the model has the signature `step`
 *
 * What a bundle says about its graph.
 * @typedef {object} GraphSpec
 * @property {Shapes} shapes
 * @property {Feature[]} features
 * @property {boolean} excludeSeen whether the graph masks the items of the history
 */

export const PADDING = 0;

/** Score of masked items; real scores stay far above it. */
export const MASKED = -1e9;

/** Largest number in a user vector: it keeps logits finite and far above MASKED. */
export const LARGEST = 1e4;

/** Largest number in a state: it keeps the squares in the norms finite. */
export const LARGEST_OF_STATE = 1e9;

/** Events whose rows `step` reads: the newest, and the one before, whose state it returns. */
export const NEWEST = 2;

/**
 * The learning schedule: each step first multiplies the user vector by DECAY, and a step has half
 * its size after SLOWING steps. The matrix in `adapt` was fitted to this schedule.
 */
export const DECAY = 0.95;
export const SLOWING = 20;

/** Largest allowed size in a manifest, so that no input needs absurd memory. */
const MOST_NUMBERS = 2 ** 24;

const LETTERS = ['length', 'dim', 'items', 'results', 'candidates', 'blocked'];

/**
 * Check the shapes of a manifest; throws a plain Error for a missing, unknown or absurd size.
 * @param {any} shapes
 * @returns {Shapes}
 */
export function readShapes(shapes) {
  const letters = Object.hasOwn(shapes, 'state') ? [...LETTERS, 'state'] : LETTERS;
  if (Object.keys(shapes).sort().join() !== [...letters].sort().join()) {
    throw new Error(`shapes must be ${LETTERS.join(', ')}`);
  }
  for (const letter of letters) {
    const size = shapes[letter];
    if (!Number.isSafeInteger(size) || size < 1 || size > MOST_NUMBERS) {
      throw new Error(`${letter} is ${JSON.stringify(size)}, not from 1 to ${MOST_NUMBERS}`);
    }
  }
  return shapes;
}

/**
 * Inputs and outputs of each signature, by name; `step` is among them when the shapes have a state.
 * @param {Pick<GraphSpec, 'shapes' | 'features'>} spec
 * @returns {Record<string, SignatureSpec>}
 */
export function signatures({ shapes, features }) {
  const history = {
    item_id: int32(1, shapes.length),
    user_vector: float32(1, shapes.dim),
    ...inputsOf(features, shapes.length),
  };
  const blocked = int32(1, shapes.blocked);
  const candidates = int32(1, shapes.candidates);
  const ranking = { ids: int32(1, shapes.results), scores: float32(1, shapes.results) };
  const state = shapes.state && { state: float32(1, shapes.state) };
  return {
    recommend: { inputs: { ...history, blocked }, outputs: ranking },
    score: {
      inputs: { ...history, candidates },
      outputs: { scores: float32(1, shapes.candidates) },
    },
    adapt: {
      inputs: {
        user_vector: history.user_vector,
        candidates,
        target: float32(1, shapes.candidates),
        learning_rate: float32(1, 1),
      },
      outputs: { user_vector: float32(1, shapes.dim) },
    },
    ...(state && {
      step: {
        inputs: { ...history, ...inputsOf(features, NEWEST), ...state, blocked },
        outputs: { ...state, ...ranking },
      },
    }),
  };
}

/**
 * The first expected signature that is missing or has other tensors, as text; null if none.
 * @param {Record<string, SignatureSpec>} actual
 * @param {Record<string, SignatureSpec>} expected
 * @returns {string | null}
 */
export function contractBreach(actual, expected) {
  for (const [name, spec] of Object.entries(expected)) {
    const [is, must] = [canonical(actual[name]), canonical(spec)];
    if (is !== must) {
      return `signature '${name}' is ${is ?? 'missing'}, where ${must} is expected`;
    }
  }
  return null;
}

/**
 * A signature as text with sorted names: equal signatures have equal texts.
 * @param {SignatureSpec | undefined} spec
 */
function canonical(spec) {
  if (!spec) return undefined;
  const [inputs, outputs] = [spec.inputs, spec.outputs].map((specs) =>
    Object.keys(specs)
      .sort()
      .map((name) => `${name} ${specs[name]?.dtype}[${specs[name]?.shape}]`)
      .join(', '),
  );
  return `(${inputs}) -> (${outputs})`;
}

/**
 * Feature inputs: rows of that many events for an event feature, one row for a user feature.
 * @param {readonly Feature[]} features
 * @param {number} events
 * @returns {TensorSpecs}
 */
function inputsOf(features, events) {
  const shape = (/** @type {Feature} */ { of, slots }) =>
    of === 'event' ? [events, slots] : [slots];
  return Object.fromEntries(features.map((f) => [f.input, int32(1, ...shape(f))]));
}

/** @param {number[]} shape */
function int32(...shape) {
  return { dtype: 'int32', shape };
}

/** @param {number[]} shape */
function float32(...shape) {
  return { dtype: 'float32', shape };
}
