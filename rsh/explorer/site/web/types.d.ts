// What the modules of a site share.

import type { Bytes, Composite, Point, RelevanceWords } from "../../panels/lib/types";

type OfOther =
  | ("name" | "fingerprint" | "num_bits" | "classes" | "label_names")
  | ("label_sets" | "relevance" | "splits");

export interface Manifest {
  format: number;
  made_with: string;
  name: string;
  question: string;
  facts: string[];
  provenance: { data: { fingerprint: string | null }; [key: string]: unknown };
  fingerprint: string;
  num_tiles: number;
  num_bits: number;
  look_bits: number;
  parts: [name: string, numBits: number, meaning: string][];
  classes: string[];
  label_names: string[];
  label_sets: [number: number, labels: number[]][]; // class, -1 without one, and labels
  relevance: RelevanceWords;
  composites: Composite[];
  splits: string[];
  first: number;
  has_images: boolean;
  has_map: boolean;
  decimals: number;
  scenes: [west: number, south: number, east: number, north: number, size: number][];
  reach: [] | [width: number, height: number];
  pack: number;
  soft_rows: number;
  soft_scale: number;
  planes: Record<string, [heading: string, term: string, caption: string]>;
  encoder: { image_size: number } | null;
  columns: { name: string; words: string; kind: string; values: string[]; hint: string }[];
  ways: [value: string, words: string][];
  others: Pick<Manifest, OfOther>[];
  choices: [value: string, words: string][];
  lists: { nprobe: number; recall: number; recall_at: number } | null;
  checked: number;
  files: Record<string, { size: number; sha256: string }>;
}

// What is shown of a tile.
export interface Item {
  id: string;
  scene: string;
  date: string;
  longitude: number | null;
  latitude: number | null;
  rings: Point[][];
  columns: TableRow | null; // of a gallery in lists
  thumb: Bytes;
  hasImage: boolean;
}

// A row of items.parquet.
export interface TableRow {
  id: string;
  longitude?: number | null;
  latitude?: number | null;
  footprint?: string | null;
  [column: string]: unknown;
}

// An image of the visitor, with its code.
export interface QueryImage {
  name: string;
  code: Uint32Array;
  soft: Int8Array;
  thumb: Bytes;
  large: ArrayBuffer; // JPEG, as large as screens show it
  note: string; // how it was converted to RGB, if it was
}

export interface Query {
  row: number; // NO_ROW for an image
  image?: QueryImage;
  positive: readonly number[];
  negative: readonly number[];
}

export interface Settings {
  mode: "top_k" | "radius";
  topK: number;
  radius: number;
  order: string;
  includeHeldOut: boolean;
}

// One condition of a filter, as it is written, not yet read as numbers.
export interface Condition {
  column: string;
  values: string[];
  between: boolean;
  negated: boolean;
}

export interface SearchOptions {
  topK: number;
  radius: number | null;
  order: string;
  includeHeldOut: boolean;
  hasFilter: boolean;
  where: string;
  outlines: [x: number, y: number][][];
  passes: Uint8Array | null;
}

// A panel of the page, as the worker tells the window to make it.
export interface PanelSpec {
  id: string;
  script: string;
  region: string;
  traits: Record<string, unknown>;
}

export type PartPanel = [id: string, script: string, region: string, traits: Record<string, unknown>];

/** What groups.json says of a group, with rows of tiles. */
export interface GroupInWords {
  key: string;
  title: string;
  words: string;
  typical: number[];
  size: number;
}

/** What groups.json says. */
export interface GroupsInWords {
  note: string;
  label: string; // words of a button, with {name}
  changed: string;
  unusual: { title: string; words: string; tiles: [row: number, far: string][] } | null;
  groups: GroupInWords[];
}

/** What explained.json says, with rows of tiles. */
export interface Explained {
  names: string[];
  bits: { note: string; on: number[]; off: number[]; shares: [name: string, share: number][] }[];
  pairs: [names: string, margin: string][];
  borders: { note: string; tiles: [row: number, far: string, nearest: number][] }[];
  no_pairs: string;
}

// A part of the page with panels of its own, perhaps in a tab of the drawer.
export interface Part {
  readonly tab: readonly [name: string, words: string] | null;
  readonly panels: PartPanel[];
  receive(panel: string, content: { kind: string; [key: string]: unknown }, buffers: ArrayBuffer[]): void;
  /** Takes what a panel has changed. */
  changed?(panel: string, traits: Record<string, unknown>): void;
  /** Shows what depends on the query and the results. */
  refresh(): void;
  /** Shows what the part's tab needs. */
  open(): Promise<void> | void;
}

// From the window to the worker.
export type ToWorker =
  | { kind: "open"; base: string; address: string }
  | { kind: "traits"; panel: string; traits: Record<string, unknown> }
  | { kind: "message"; panel: string; content: { kind: string; [key: string]: unknown }; buffers: ArrayBuffer[] };

// And back.
export type FromWorker =
  | { kind: "panels"; panels: PanelSpec[] }
  | { kind: "traits"; panels: Record<string, Record<string, unknown>> }
  | { kind: "message"; panel: string; content: { kind: string; [key: string]: unknown }; buffers: ArrayBuffer[] }
  | { kind: "waiting"; words: string } // while the page opens; "" after it
  | { kind: "failed"; words: string };

export interface ParquetFile {
  byteLength: number;
  slice(start: number, stop?: number): Promise<ArrayBuffer>;
}

export interface ParquetMetadata {
  schema: { name: string }[];
}

export interface OnnxSession {
  run(inputs: Record<string, unknown>): Promise<Record<string, { data: Float32Array }>>;
}

// What is used of ONNX Runtime Web.
export interface OnnxRuntime {
  env: { wasm: { numThreads: number; wasmBinary: ArrayBuffer } };
  InferenceSession: { create(model: ArrayBuffer, options: { executionProviders: string[] }): Promise<OnnxSession> };
  Tensor: new (type: string, data: Uint8Array, shape: number[]) => unknown;
}

declare global {
  const COMPILED_SCAN: string; // base64 of scan.wasm
  const hyparquet: {
    parquetMetadataAsync(file: ParquetFile): Promise<ParquetMetadata>;
    parquetRead(options: {
      file: ParquetFile;
      metadata: ParquetMetadata;
      columns: string[];
      onChunk(chunk: { columnData: ArrayLike<unknown>; rowStart: number; rowEnd: number }): void;
    }): Promise<void>;
  };
}
