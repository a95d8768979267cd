// @ts-check
// The files of a site: as a whole, with their checksum, or in part where the host can.

import { keepLast } from "./recent.js";
import { escapeControl } from "./text.js";

/** @typedef {{ size: number, sha256: string }} FileRecord */

/** An error that a visitor can do something about. */
export class SiteError extends Error {
  /** The sentence without what it is about. */
  reason = this.message;
  /** @param {string} message which may quote names that others gave */
  constructor(message) {
    super(escapeControl(message));
  }
}

const CACHE = "rsh"; // where the browser keeps large files
const NUMBERED = /-(\d+)\.bin$/; // one of many files, of which some are read
const PACKS_KEPT = 64; // of them, in memory
const TOTAL = /\/(\d+)$/; // size of a file, of which a host sends a part

/** @param {ArrayBuffer} bytes */
async function sha256(bytes) {
  const digest = await crypto.subtle.digest("SHA-256", bytes);
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

export class Store {
  /**
   * @param {string} base address of the folder of the site
   * @param {Record<string, FileRecord>} files by their path, but numbered ones
   * @param {number} checked numbered files in a file of checksums
   */
  constructor(base, files, checked = 1) {
    this.base = base;
    this.files = files;
    this.checked = checked;
    /** Files of checksums that were read. @type {Map<string, Promise<Record<string, FileRecord>>>} */
    this.checksums = new Map();
    /** Files that were read as a whole. @type {Map<string, Promise<ArrayBuffer>>} */
    this.read = new Map();
    /** The same of packs, those used last. @type {Map<string, Promise<ArrayBuffer>>} */
    this.packs = new Map();
    /** Whether the host sends parts of files. @type {Promise<boolean> | null} */
    this.ranges = null;
  }

  /** @param {string} path */
  has(path) {
    return path in this.files || this.checksumsOf(path) in this.files;
  }

  /** The file with the checksum of a numbered one; "" for others, which the manifest knows. @param {string} path */
  checksumsOf(path) {
    const number = NUMBERED.exec(path)?.[1];
    return number ? path.replace(NUMBERED, `-checksums-${Math.floor(Number(number) / this.checked)}.json`) : "";
  }

  /**
   * The size and checksum of a file.
   * @param {string} path
   * @returns {Promise<FileRecord>}
   */
  async recordOf(path) {
    const file = this.checksumsOf(path);
    if (!file) return this.files[path];
    const records = this.checksums.get(file) ?? this.once(file).then((bytes) => new Response(bytes).json());
    this.checksums.set(file, records);
    records.catch(() => this.checksums.delete(file)); // another try may find it
    return (await records)[path];
  }

  /**
   * A file as a whole; the second time it is in memory.
   * @param {string} path
   * @returns {Promise<ArrayBuffer>}
   * @throws {SiteError} it is missing, cut or altered
   */
  whole(path) {
    return this.keep(path, this.keptWith(path).get(path) ?? this.once(path));
  }

  /**
   * Keep a file in memory.
   * @param {string} path
   * @param {Promise<ArrayBuffer>} bytes
   */
  keep(path, bytes) {
    const kept = this.keptWith(path);
    keepLast(kept, path, bytes, kept === this.packs ? PACKS_KEPT : Infinity);
    bytes.catch(() => kept.delete(path)); // another try may find it
    return bytes;
  }

  /**
   * A file as a whole, which is not kept.
   * @param {string} path
   * @throws {SiteError} it is missing, cut or altered
   */
  async once(path) {
    const response = await this.fetch(path);
    return this.check(path, response.arrayBuffer());
  }

  /**
   * A large file as a whole, which the browser keeps for later visits if it can, and the page not at all.
   * @param {string} path
   * @param {(bytes: number) => void} onBytes told how many came each time
   * @returns {Promise<ArrayBuffer>}
   * @throws {SiteError} it is missing, cut or altered
   */
  async download(path, onBytes) {
    const cache = await globalThis.caches?.open(CACHE).catch(() => null); // there is none on plain HTTP
    const address = new URL(path, this.base);
    const key = new URL(`?${this.files[path].sha256}`, address);
    const known = await cache?.match(key).catch(() => undefined);
    const forget = () => cache?.delete(address, { ignoreSearch: true }).catch(() => false);
    if (known) {
      onBytes(this.files[path].size);
      const kept = this.check(path, known.arrayBuffer());
      kept.catch(forget); // so that another try loads it
      return kept;
    }
    const bytes = await this.check(path, this.stream(path, onBytes));
    await forget(); // an earlier version
    await cache?.put(key, new Response(bytes)).catch(() => {}); // it is full
    return bytes;
  }

  /**
   * @param {string} path
   * @param {(bytes: number) => void} onBytes
   */
  async stream(path, onBytes) {
    const { body } = await this.fetch(path);
    const count = new TransformStream({
      transform(/** @type {Uint8Array} */ bytes, next) {
        onBytes(bytes.byteLength);
        next.enqueue(bytes);
      },
    });
    return new Response(body?.pipeThrough(count)).arrayBuffer().catch(() => {
      throw this.notLoaded(path);
    });
  }

  /** The files that are in memory, of the kind of one. @param {string} path */
  keptWith(path) {
    return NUMBERED.test(path) ? this.packs : this.read;
  }

  /** Whether the host sends parts of files; it is asked once. @returns {Promise<boolean>} */
  knowsRanges() {
    this.ranges ??= (async () => {
      const stop = new AbortController();
      const [path] = Object.keys(this.files);
      /** @type {RequestInit} */
      const options = { headers: { Range: "bytes=0-0" }, signal: stop.signal, cache: "no-store" };
      const { status } = await this.fetch(path, options); // not the browser's cache, which knows ranges
      stop.abort(); // a host without them is sending the whole file
      return status === 206;
    })();
    this.ranges.catch(() => {
      this.ranges = null; // another try may learn it
    });
    return this.ranges;
  }

  /**
   * Some bytes of a file; of a host that does not know ranges the whole file, which is kept.
   * @param {string} path
   * @param {number} start
   * @param {number} stop last byte + 1
   * @returns {Promise<ArrayBuffer>}
   * @throws {SiteError} it is missing or cut, or another size shows that it was altered
   */
  async part(path, start, stop) {
    if (this.keptWith(path).has(path) || !(await this.knowsRanges()))
      return (await this.whole(path)).slice(start, stop);
    const asked = this.fetch(path, { headers: { Range: `bytes=${start}-${stop - 1}` } });
    const [response, { size }] = await Promise.all([asked, this.recordOf(path)]);
    if (response.status === 200) {
      const bytes = this.check(path, response.arrayBuffer()); // some hosts send parts of some files alone
      return (await this.keep(path, bytes)).slice(start, stop);
    }
    const bytes = await response.arrayBuffer();
    if (bytes.byteLength !== stop - start) throw this.harmed(path, "is cut");
    const total = TOTAL.exec(response.headers.get("Content-Range") ?? "")?.[1];
    if (total && Number(total) !== size) throw this.harmed(path, "was altered"); // such as by another version
    return bytes;
  }

  /**
   * @param {string} path
   * @param {RequestInit} [options]
   */
  async fetch(path, options) {
    let response;
    try {
      response = await fetch(new URL(path, this.base), options);
    } catch {
      throw this.notLoaded(path);
    }
    if (!response.ok) throw this.harmed(path, response.status === 404 ? "is missing" : `cannot be loaded`);
    return response;
  }

  /**
   * @param {string} path
   * @param {Promise<ArrayBuffer>} loading
   */
  async check(path, loading) {
    const [bytes, { size, sha256: wanted }] = await Promise.all([loading, this.recordOf(path)]);
    if (bytes.byteLength !== size) throw this.harmed(path, "is cut");
    // Browsers have no checksums on pages that came over plain HTTP from another machine.
    if (globalThis.crypto?.subtle && (await sha256(bytes)) !== wanted) throw this.harmed(path, "was altered");
    return bytes;
  }

  /** @param {string} path */
  notLoaded(path) {
    return new SiteError(`${path} cannot be loaded: check the connection and try again`);
  }

  /**
   * @param {string} path
   * @param {string} harm
   */
  harmed(path, harm) {
    return new SiteError(`${path} ${harm}: reload the page, and if that does not help, publish the site again`);
  }
}
