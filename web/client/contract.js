/**
 * The contract between a bundle and its readers: what every signature takes and gives.
 *
 * Letters as everywhere: L history length, D embedding width, V items, K results, C candidates,
 * N blocked items, S numbers of an encoder's state. Item index 0 is padding; items are 1..V.
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
 * @property {number} [state] S, where there is a signature `step`
 */

export const PADDING = 0;

/** Score that the graph gives to what must not be recommended; real ones are nowhere near it. */
export const MASKED = -1e9;

/** Largest number of a user_vector: logits stay far from MASKED then, and finite. */
export const LARGEST = 1e4;

/** Largest number of a state: squares of it, in the norms, stay finite. */
export const LARGEST_OF_STATE = 1e9;

/** Events of which `step` takes rows: the newest, and the one before, whose state it gives back. */
export const NEWEST = 2;

/**
 * Of learning: what is left of a user's vector at each step, and the number of steps after which a
 * step counts half. The matrix inside of `adapt` was fitted to this schedule.
 */
export const DECAY = 0.95;
export const SLOWING = 20;

/** No tensor that an app fills has more numbers; a manifest that says so is refused. */
const MOST_NUMBERS = 2 ** 24;

const LETTERS = ['length', 'dim', 'items', 'results', 'candidates', 'blocked'];

/**
 * The sizes that a device's graph is built for; throws a plain Error unless all are sane.
 * @param {any} found
 * @returns {Shapes}
 */
export function readShapes(found) {
  const letters = Object.hasOwn(found, 'state') ? [...LETTERS, 'state'] : LETTERS;
  if (Object.keys(found).sort().join() !== [...letters].sort().join()) {
    throw new Error(`shapes must be ${LETTERS.join(', ')}`);
  }
  for (const letter of letters) {
    const size = found[letter];
    if (!Number.isSafeInteger(size) || size < 1 || size > MOST_NUMBERS) {
      throw new Error(`${letter} is ${JSON.stringify(size)}, not from 1 to ${MOST_NUMBERS}`);
    }
  }
  return found;
}

/**
 * Inputs and outputs of each signature, by name; `step` where the shapes tell of a state.
 * @param {Shapes} shapes
 * @param {readonly Feature[]} features
 * @returns {Record<string, SignatureSpec>}
 */
export function signatures(shapes, features) {
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
 * What is wrong with some signatures, or null: others than expected, or of other tensors.
 * @param {Record<string, SignatureSpec>} found
 * @param {Record<string, SignatureSpec>} expected
 * @returns {string | null}
 */
export function contractBreach(found, expected) {
  for (const [name, spec] of Object.entries(expected)) {
    const [is, must] = [canonical(found[name]), canonical(spec)];
    if (is !== must) {
      return `signature '${name}' is ${is ?? 'missing'}, where ${must} is expected`;
    }
  }
  return null;
}

/**
 * As text with sorted names, so that equal signatures are equal texts.
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
 * Inputs of features: of events the rows of so many, of the user one.
 * @param {readonly Feature[]} features
 * @param {number} events
 * @returns {TensorSpecs}
 */
function inputsOf(features, events) {
  const shape = (/** @type {Feature} */ { of, slots }) => (of === 'event' ? [events, slots] : [slots]);
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
