// @ts-check
// The network of the gallery in the browser: the exported ONNX file in ONNX Runtime Web, as `rsh.models.onnx` runs it.

import { InputError } from "../errors.js";
import { SiteError } from "../store.js";
import { fitSquare } from "./fit.js";
import { pixelsOf } from "./read.js";

/** @import { Gallery } from "../gallery.js" */
/** @import { OnnxRuntime, OnnxSession } from "../types" */

const NETWORK = "data/encoder.onnx";
const RUNTIME = "data/runtime.js";
const MACHINE = "data/runtime.bin"; // WebAssembly of the runtime, compressed by gzip
const FILES = [NETWORK, RUNTIME, MACHINE];
// A module whose only function returns a vector of 128 bits.
const WITH_SIMD = [
  ...[0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0],
  ...[10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11],
];

/** A code in words, and its soft bits from -127 to 127. @typedef {{ code: Uint32Array, soft: Int8Array }} Encoded */

/** What the browser lacks to encode images, in a sentence; "" if nothing. */
export function missing() {
  const isThere =
    globalThis.WebAssembly?.validate(Uint8Array.from(WITH_SIMD)) &&
    globalThis.OffscreenCanvas &&
    globalThis.DecompressionStream;
  return isThere ? "" : "This browser lacks WebAssembly with SIMD, which your own images need: use a newer one.";
}

export class Encoder {
  /** @param {Gallery} gallery */
  constructor(gallery) {
    this.gallery = gallery;
    /** The files and the runtime with them; null before they are needed. @type {Promise<{ session: OnnxSession, runtime: OnnxRuntime }> | null} */
    this.opened = null;
  }

  /** Bytes that are loaded once. */
  get size() {
    return FILES.reduce((sum, path) => sum + this.gallery.store.files[path].size, 0);
  }

  /**
   * Load the network, the first time.
   * @param {(bytes: number) => void} onBytes told how many bytes have come
   */
  open(onBytes = () => {}) {
    this.opened ??= this.load(onBytes);
    this.opened.catch(() => {
      this.opened = null; // another try may load it
    });
    return this.opened;
  }

  /** @param {(bytes: number) => void} onBytes */
  async load(onBytes) {
    const { store } = this.gallery;
    let loaded = 0;
    const count = (/** @type {number} */ bytes) => {
      loaded += bytes;
      onBytes(loaded);
    };
    const [network, machine, /** @type {OnnxRuntime} */ runtime] = await Promise.all([
      store.download(NETWORK, count),
      store.download(MACHINE, count),
      import(new URL(RUNTIME, store.base).href).catch(() => {
        throw navigator.onLine ? store.harmed(RUNTIME, "cannot be loaded") : store.notLoaded(RUNTIME);
      }),
    ]);
    const unpacked = new Blob([machine]).stream().pipeThrough(new DecompressionStream("gzip"));
    Object.assign(runtime.env.wasm, { numThreads: 1, wasmBinary: await new Response(unpacked).arrayBuffer() });
    try {
      return { runtime, session: await runtime.InferenceSession.create(network, { executionProviders: ["wasm"] }) };
    } catch (error) {
      console.error(error);
      throw new SiteError("the network cannot start: reload the page, or try another browser");
    }
  }

  /**
   * The code of an image.
   * @param {OffscreenCanvas} image
   * @returns {Promise<Encoded>}
   */
  async encode(image) {
    const { runtime, session } = await this.open();
    const side = /** @type {{ image_size: number }} */ (this.gallery.manifest.encoder).image_size;
    const tiles = new runtime.Tensor("uint8", fitSquare(pixelsOf(image), side), [1, 3, side, side]);
    const { relaxed } = await session.run({ tiles });
    return this.binarize(relaxed.data);
  }

  /**
   * @param {Float32Array} relaxed one number a bit, of which 0 and more are 1
   * @returns {Encoded}
   */
  binarize(relaxed) {
    const { numBits, perCode, manifest } = this.gallery;
    if (relaxed.length !== numBits || !relaxed.every(Number.isFinite)) {
      throw new InputError(`the network gave no code of ${numBits} bits: publish the site again`);
    }
    const bytes = new Uint8Array(4 * perCode);
    relaxed.forEach((value, bit) => {
      if (value >= 0) bytes[bit >> 3] |= 1 << (7 - (bit & 7));
    });
    const soft = Int8Array.from(relaxed, (value) => Math.round(manifest.soft_scale * Math.tanh(value)));
    return { code: new Uint32Array(bytes.buffer), soft };
  }
}
