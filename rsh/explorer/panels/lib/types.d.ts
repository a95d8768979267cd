// What crosses the border between Python and the browser, and between the panels of one dashboard.
// The Python file of each panel says what its traits mean.

// anywidget's model: the traits of the Python widget, and messages to it and from it.
// biome-ignore lint/suspicious/noExplicitAny: helpers take the model of any panel
export interface Model<Traits = any> {
  get<Name extends keyof Traits>(name: Name): Traits[Name];
  set<Name extends keyof Traits>(name: Name, value: Traits[Name]): void;
  save_changes(): void;
  send(content: { kind: string; [key: string]: unknown }, callbacks?: undefined, buffers?: ArrayBufferLike[]): void;
  on(event: `change:${string}`, handler: () => void): void;
  on(event: "msg:custom", handler: (content: Message, buffers: DataView<ArrayBuffer>[]) => void): void;
  off(event: `change:${string}`, handler: () => void): void;
  off(event: "msg:custom", handler: (content: Message, buffers: DataView<ArrayBuffer>[]) => void): void;
}

export type Message =
  | { kind: "pong" | "idle" | "selected" }
  | { kind: "text"; form: string; text: string; note: string }
  | { kind: "part"; row: number; problem: string }
  | { kind: "enlarged"; row: number; title: string; what: string; facts: [name: string, value: string][] }
  | { kind: "scene"; bounds: [west: number, south: number, east: number, north: number] }
  | { kind: "footprints" }
  | { kind: "keep"; dump: unknown }
  | { kind: "imported"; words: string }
  | { kind: "file"; name: string; type: string }
  | ({ kind: "tile" } & TileWords);

export interface Props<Traits> {
  model: Model<Traits & { page: string }>;
  el: HTMLElement;
}

export type Bytes = DataView<ArrayBuffer>;
export type Draw = () => void;
export type Stop = () => void;
export type Point = [x: number, y: number];
export type Child = Node | string | null | undefined;
export type Sign = "like" | "unlike";

// One tile, as `describe` in tiles.py gives it.
export interface TileWords {
  row: number;
  id: string;
  name: string;
  color: number;
  scene: string;
  date: string;
  code: string;
  place: string;
  map: string;
  split: string;
  unseen: boolean;
}

export interface Tile extends TileWords {
  thumb: Bytes;
}

export interface Card extends Tile {
  alt: string;
}

// What the panels tell each other, by kind.
export interface Events {
  hover:
    | { row: null; card?: boolean }
    | ({ row: number; url?: string; rank?: number; card?: boolean } & Partial<TileWords>);
  busy: { words?: string };
  idle: object;
  alert: object;
  say: { words: string };
  "region drawn": { polygon: string };
  only: { condition: string };
  given: { classes: Record<string, string> };
  enlarge: { row: number; name: string };
  region: { name: string };
  go: { region: string };
  join: object;
  coloring: { coloring: DotColoring };
  highlight: { value: number | null };
  select: { rows: Int32Array<ArrayBuffer> };
}

// cards.py
export type Relevance = boolean | null;

export interface ResultCard extends Card {
  rank: number;
  distance: number;
  relevant: Relevance;
  tie: number;
  score: number | null;
  tied: number;
  tied_shown: number;
}

export interface ResultsView {
  relevance: RelevanceWords;
  heading: string;
  summary: string;
  note: string;
  num_bits: number;
  num_classes: number;
  images: boolean;
  query_code: string;
  class_bits: number;
  cards: ResultCard[];
}

// Gallery.describe_composites
export interface Composite {
  name: string;
  bands: string[];
  black: number[];
  white: number[];
  unit: string;
  unseen: string[];
}

// RelevanceWords in labels.py
export interface RelevanceWords {
  label: "class" | "label";
  same: string;
  other: string;
  has: string;
  have: string;
  marks: string;
  unknown: string;
  left_out: string;
}

// class_browser.py
export interface ClassView {
  label: "class" | "label";
  classes: { name: string; count: number }[];
  chosen: number;
  total: number;
  first: number;
  cards: (Card & { current: boolean })[];
}

// codes.py
export type CodeParts = [name: string, numBits: number, meaning: string][];

export interface CodesView {
  relevance: RelevanceWords;
  num_bits: number;
  parts: CodeParts;
  query: Tile;
  first: (Tile & { rank: number }) | null;
  counted: string; // which tiles are in the histogram, "" for all
  histogram: { same: number[]; other: number[]; unknown: number[] };
  judged: boolean;
  shown: number;
  agreement: number[];
  curve: Point[];
  reach: number;
}

// A tile whose code is compared with the query's.
export interface CodeTile {
  row: number;
  name: string;
  code: string;
  url: string;
  rank?: number;
}

// compare.py
export interface SideCard extends Card {
  rank: number;
  far: string;
  relevant: Relevance;
  only: boolean;
}

export interface CompareView {
  note: string;
  sides: { title: string; figures: string[]; cards: SideCard[]; mine: boolean }[];
}

// query.py
export interface QueryView {
  query: Tile;
  words?: boolean;
  novelty: string;
  can_go_back: boolean;
  can_go_forward: boolean;
  num_classes: number;
  marks: (Tile & { sign: Sign })[];
}

// strips.py
export interface Strip {
  key: string;
  title: string;
  words: string;
  cards: (Card & { far?: string; given?: string })[];
  actions: [name: string, words: string][];
  named: boolean;
  name: string;
  facts: [term: string, words: string][];
}

export interface StripsView {
  note: string;
  actions: [name: string, words: string][];
  main?: boolean;
  choices?: {
    name: string;
    words: string;
    options?: [value: string, words: string][];
    range?: [least: number, most: number, step: number];
    unit?: string;
    chosen: string;
  }[];
  strips: Strip[];
}

// labels.py
/** `AnnotationStore.dump`, which a browser may keep. */
export interface Dump {
  format: number;
  events: ({ id?: unknown } | null)[];
}

export interface LabelsView {
  classes: [name: string, count: number][];
  num_encoded: number;
  sets: [name: string, count: number][];
  num_given: number;
  can_undo: boolean;
  can_redo: boolean;
  kept: "gallery" | "visitor" | "none";
  why: string;
  notes: string[];
  conflicts: [row: number, said: [name: string, person: string][]][];
}

// controls.py
export interface ControlsView {
  max_top_k: number;
  num_bits: number;
  orders: [value: string, words: string][];
  order_note: string;
  has_feedback: boolean;
  searched: string;
  has_held_out: boolean;
}

export interface Search {
  mode: "top_k" | "radius";
  top_k: number;
  radius: number;
  order: string;
  include_held_out: boolean;
}

// explain.py
export interface Asked {
  bit: number;
  pair: number;
}

export interface BoundaryTile extends Card {
  far: string;
  other: Tile;
}

export interface OcclusionView {
  images: { title: string; note: string; png: Bytes; alt: string }[];
  note: string;
}

export interface BitView {
  note: string;
  on: Card[];
  off: Card[];
  shares: [name: string, share: number][];
}

export interface PairsView {
  pairs: [names: string, margin: string][];
  chosen?: number;
  note: string;
  tiles: BoundaryTile[];
}

export interface ExplainView {
  bits: string[];
  num_classes: number;
  parts?: OcclusionView;
  bit?: BitView;
  pairs?: PairsView;
}

// filter.py
export interface FilterView {
  texts: string[];
  words: string[];
  columns: {
    name: string;
    words: string;
    values: string[];
    hint: string;
    kind: "number" | "text" | "box" | "region";
  }[];
  found: string;
}

// coloring.py
export interface Coloring {
  by: string;
  names: string[];
  colors: string[];
  ends: string[];
  strong: "low" | "high" | "";
  missing: string;
  num_missing: number;
  num_values: number;
  layers: [from: number, to: number][];
  values: Bytes;
  wide: boolean;
}

// The same, ready to be drawn: a value for each row.
export interface DotColoring extends Pick<Coloring, "names" | "colors" | "ends" | "strong" | "num_values" | "layers"> {
  by?: string;
  values: Uint8Array | Uint16Array;
}

// scatter.py
export type Hit = [row: number, relevant: Relevance];

export interface Marks {
  query: number;
  query_code: string;
  num_bits: number;
  hits: Hit[];
  rings?: Record<string, Point[][]>;
  regions?: Point[][];
  spots?: Record<string, Point>;
}

export interface Basemap {
  url: string;
  credit: string;
  origin: string;
}

export interface ScatterTraits {
  heading: string;
  term: string;
  caption: string;
  space: "feature" | "code" | "world";
  xy: Bytes;
  background: Bytes;
  basemap: Basemap | Record<string, never>;
  scenes: number;
  tile_width: number;
  most: number;
  marks: Marks;
}
