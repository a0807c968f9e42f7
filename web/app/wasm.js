/** Chooses the LiteRT.js build for this browser. */

/** A module with one relaxed SIMD instruction; LiteRT.js chooses its build by the same module. */
const RELAXED_SIMD =
  '\0asm\x01\0\0\0\x01\x05\x01\x60\0\x01\x7b\x03\x02\x01\0\x0a\x0f\x01\x0d\0\x41\x01\xfd\x0f' +
  '\x41\x02\xfd\x0f\xfd\x80\x02\x0b';

/** @returns {'relaxedSimd' | 'compat'} */
export function wasmBuild() {
  const bytes = Uint8Array.from(RELAXED_SIMD, (letter) => letter.charCodeAt(0));
  return WebAssembly.validate(bytes) ? 'relaxedSimd' : 'compat';
}

const NAMES = { relaxedSimd: 'litert_wasm_internal', compat: 'litert_wasm_compat_internal' };

/** Request the runtime's largest file at once; its loader would only do so after it has run. */
export function preloadWasm() {
  const link = document.createElement('link');
  link.rel = 'preload';
  link.as = 'fetch';
  link.type = 'application/wasm';
  link.crossOrigin = 'anonymous';
  link.href = `wasm/${NAMES[wasmBuild()]}.wasm`;
  document.head.append(link);
}
