// What the modules of labels share; the events are those of `rsh.gallery.annotations.events`.

export interface Visitor {
  token: string;
  author: string;
}

export interface Tiles {
  rows: Int32Array;
  absent: number; // tiles that this gallery lacks
}

export type ClassChange = { kind: "class"; class: string; settles: boolean; tiles: Tiles };
export type MemberChange = { kind: "put" | "take"; set: string; tiles: Tiles };
export type SetChange = { kind: "set"; set: string; name?: string; color?: string; deleted: boolean };
export type GroupChange = { kind: "group"; group: string; name: string };
export type Reversal = { kind: "undo" | "redo"; event: string };
export type Change =
  | ClassChange
  | MemberChange
  | SetChange
  | GroupChange
  | Reversal
  | { kind: "classes"; names: string[] }
  | { kind: "final" }
  | { kind: "unknown" };

export interface LabelEvent {
  id: string;
  time: string;
  visitor: Visitor;
  changes: Change[];
}

export interface TileSet {
  key: string;
  name: string;
  numTiles: number;
}
