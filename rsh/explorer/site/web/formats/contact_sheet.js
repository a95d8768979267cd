// @ts-check
// A contact sheet, as `rsh.search.formats.contact_sheet`: the query and its tiles as one image. Color, words, signs and
// frames (solid or dashed) each show which tiles are relevant, so that the sheet can be read in gray.

import { fixed } from "../numbers.js";
import { describeQuery } from "../query.js";
import { pluralOf as plural } from "../text.js";

/** @import { Tiles } from "./tables.js" */

const MOST = 200; // tiles of a sheet
const [FEWEST, WIDEST] = [5, 12]; // tiles side by side
const [MARGIN, GAP, CELL] = [32, 20, 152]; // pixels
const FRAME = 4; // from a tile to the edge of its frame
const LINE = 18; // from one line of words to the next
const SIDE = 128; // the longer one of a tile
const HIGH = SIDE + 2 * FRAME;
const [INK, SOFT, LINES, PAPER, EMPTY] = ["#1b2126", "#59626b", "#dedcd5", "#faf9f6", "#e9e7e0"];
const [RIGHT, WRONG, ACCENT] = ["#00718a", "#b8400b", "#0b5c8f"]; // those of the dashboard
const FAMILY = '"DejaVu Sans", "Segoe UI", Roboto, Helvetica, Arial, sans-serif';

/** @typedef {OffscreenCanvasRenderingContext2D} Context */

/**
 * Draw the query and the tiles with rank, distance, score, class and relevance.
 * @param {Tiles} tiles
 * @param {boolean} isSelection whether someone selected them, so that no search describes them
 * @returns {Promise<Blob>} PNG
 */
export async function toContactSheet(tiles, isSelection) {
  const { gallery, query, rows } = tiles;
  const drawn = rows.slice(0, MOST);
  await gallery.load(query.image ? drawn : [query.row, ...drawn]);
  const ctx = contextOf(1, 1);
  const names = drawn.map((row) => wrap(ctx, labelsOf(tiles, row), font(13), CELL, 2));
  const columns = columnsOf(drawn.length);
  const step = HIGH + (3 + Math.max(...names.map((lines) => lines.length))) * LINE + GAP;
  const top = MARGIN + HIGH + GAP + 12;
  const notes = notesOf(tiles);
  const width = 2 * MARGIN + columns * CELL + (columns - 1) * GAP;
  const height = top + Math.ceil(drawn.length / columns) * step + notes.length * LINE + MARGIN;
  const sheet = contextOf(width, height);
  await drawHead(sheet, tiles, isSelection, width);
  for (const [place, row] of drawn.entries()) {
    const x = MARGIN + (place % columns) * (CELL + GAP);
    await drawCard(sheet, tiles, place, row, names[place], x, top + Math.floor(place / columns) * step);
  }
  notes.forEach((note, place) => {
    write(sheet, MARGIN, height - MARGIN - (notes.length - place) * LINE + 4, note, font(12), SOFT);
  });
  return sheet.canvas.convertToBlob({ type: "image/png" });
}

/**
 * @param {number} width
 * @param {number} height
 */
function contextOf(width, height) {
  const ctx = new OffscreenCanvas(width, height).getContext("2d");
  if (!ctx) throw new Error("no canvas");
  ctx.fillStyle = PAPER;
  ctx.fillRect(0, 0, width, height);
  ctx.textBaseline = "top";
  return ctx;
}

/** @param {number} size */
const font = (size, isBold = false) => `${isBold ? "bold " : ""}${size}px ${FAMILY}`;

/** The class or the labels of a tile in words, "" for none. @param {Tiles} tiles @param {number} row */
const labelsOf = ({ gallery }, row) => gallery.labelNames(row).join(", ");

/** How many tiles stand side by side, so that the last row is as full as possible. @param {number} count */
function columnsOf(count) {
  const about = Math.min(Math.max(Math.round(Math.sqrt(1.3 * count)), FEWEST + 1), WIDEST);
  const empty = (/** @type {number} */ columns) => Math.ceil(count / columns) * columns - count;
  return [about, about - 1, Math.min(about + 1, WIDEST)].reduce((best, each) =>
    empty(each) < empty(best) ? each : best,
  );
}

/**
 * Write one line from its top left corner; returns where it ends.
 * @type {(ctx: Context, x: number, y: number, text: string, by: string, color?: string) => number}
 */
function write(ctx, x, y, text, by, color = INK) {
  [ctx.font, ctx.fillStyle] = [by, color];
  ctx.fillText(text, x, y);
  return x + ctx.measureText(text).width;
}

/**
 * Lines that fit into a width; the last is cut.
 * @type {(ctx: Context, text: string, by: string, width: number, most: number) => string[]}
 */
function wrap(ctx, text, by, width, most) {
  ctx.font = by;
  const fits = (/** @type {string} */ line) => ctx.measureText(line).width <= width;
  /** @type {string[]} */
  const lines = [];
  let rest = text.split(" ").filter(Boolean);
  while (rest.length && lines.length < most) {
    let count = 1;
    if (lines.length === most - 1) count = rest.length;
    else while (count < rest.length && fits(rest.slice(0, count + 1).join(" "))) count += 1;
    let line = rest.slice(0, count).join(" ");
    if (!fits(line)) {
      while (line && !fits(`${line}…`)) line = [...line].slice(0, -1).join("");
      line += "…";
    }
    lines.push(line);
    rest = rest.slice(count);
  }
  return lines;
}

/**
 * Draw the query, its class, and how the tiles were found.
 * @param {Context} ctx
 * @param {Tiles} tiles
 * @param {boolean} isSelection
 * @param {number} width
 */
async function drawHead(ctx, tiles, isSelection, width) {
  const { gallery, query } = tiles;
  const own = describeQuery(gallery, query);
  await drawImage(ctx, own.thumb, MARGIN, MARGIN);
  [ctx.strokeStyle, ctx.lineWidth] = [ACCENT, 3];
  ctx.strokeRect(MARGIN + 1.5, MARGIN + 1.5, HIGH - 3, HIGH - 3);
  const [left, room] = [MARGIN + HIGH + GAP, width - 2 * MARGIN - HIGH - GAP];
  let y = MARGIN - 2;
  write(ctx, left, y, "Query", font(13, true), ACCENT);
  y += 20;
  const how = isSelection ? selectionWords(tiles) : searchWords(tiles);
  /** @type {[text: string, by: string, color: string, lines: number, height: number][]} */
  const texts = [
    [labelsOf(tiles, query.row) || (query.image ? "an image" : "a tile"), font(22, true), INK, 1, 33],
    [own.id, font(13), SOFT, 1, 21],
    [how, font(13), INK, 2, 21],
    [relevanceWords(tiles), font(13, true), INK, 1, 21],
  ];
  for (const [text, by, color, most, height] of texts) {
    for (const line of wrap(ctx, text, by, room, most)) {
      write(ctx, left, y, line, by, color);
      y += height;
    }
  }
  ctx.fillStyle = LINES;
  ctx.fillRect(MARGIN, MARGIN + HIGH + GAP - 4, width - 2 * MARGIN, 1);
}

/**
 * Draw one tile and its caption.
 * @type {(ctx: Context, tiles: Tiles, place: number, row: number, name: string[], x: number, y: number) => Promise<void>}
 */
async function drawCard(ctx, tiles, place, row, name, x, y) {
  const relevant = tiles.relevance(row);
  await drawImage(ctx, tiles.gallery.describe(row).thumb, x, y);
  if (relevant !== null) {
    [ctx.strokeStyle, ctx.lineWidth] = [relevant ? RIGHT : WRONG, 2];
    ctx.setLineDash(relevant ? [] : [5, 5]);
    ctx.strokeRect(x + 1, y + 1, HIGH - 2, HIGH - 2);
    ctx.setLineDash([]);
  }
  let down = y + HIGH + 5;
  const score = tiles.scores ? ` · ${fixed(tiles.scores[place], 3)}` : "";
  const end = write(ctx, x, down, String(place + 1), font(14, true));
  write(ctx, end + 8, down + 1, plural(tiles.distances[place], "bit") + score, font(13), SOFT);
  down += LINE + 2;
  if (relevant !== null) {
    const { relevance: said } = tiles.gallery.manifest;
    const [sign, words, color] = relevant ? ["✓", said.same, RIGHT] : ["✗", said.other, WRONG];
    write(ctx, x, down, `${sign} ${words}`, font(13, true), color);
    down += LINE;
  }
  name.forEach((line, number) => {
    write(ctx, x, down + number * LINE, line, font(13));
  });
}

/**
 * Draw an image in the middle of its frame.
 * @type {(ctx: Context, thumb: DataView<ArrayBuffer>, x: number, y: number) => Promise<void>}
 */
async function drawImage(ctx, thumb, x, y) {
  ctx.fillStyle = EMPTY;
  ctx.fillRect(x + FRAME, y + FRAME, SIDE, SIDE);
  if (!thumb.byteLength) return; // a tile of embeddings has none
  const image = await createImageBitmap(new Blob([thumb], { type: "image/jpeg" }));
  const scale = SIDE / Math.max(image.width, image.height);
  const [width, height] = [image.width * scale, image.height * scale];
  ctx.drawImage(image, x + (HIGH - width) / 2, y + (HIGH - height) / 2, width, height);
  image.close();
}

/** @param {Tiles} tiles */
function searchWords({ gallery, query, options, rows }) {
  const first =
    options.radius === null ? `${rows.length} nearest tiles` : `tiles at most ${plural(options.radius, "bit")} away`;
  const marked = query.positive.length + query.negative.length;
  return [
    `The ${first} in ${gallery.manifest.name}`,
    ...(options.order === "bits" ? [] : [`ordered by ${options.order}`]),
    ...(marked ? [`with feedback on ${plural(marked, "tile")}`] : []),
    ...(options.where ? [`with ${options.where}`] : []),
  ].join("; ");
}

/** @param {Tiles} tiles */
function selectionWords({ gallery, rows }) {
  const nearest = rows.length === 1 ? "" : ", the nearest to the query first";
  return `${plural(rows.length, "selected tile")} in ${gallery.manifest.name}${nearest}`;
}

/** @param {Tiles} tiles */
function relevanceWords({ gallery, rows, relevance }) {
  const { relevance: said } = gallery.manifest;
  const verdicts = rows.map(relevance).filter((one) => one !== null);
  if (!verdicts.length) return plural(rows.length, "tile");
  const right = verdicts.filter(Boolean).length;
  const all = verdicts.length === rows.length;
  const among = all ? rows.length : `the ${plural(verdicts.length, "tile")} with a ${said.label}`;
  return `${right} of ${among} ${right === 1 ? said.has : said.have}`;
}

/** @param {Tiles} tiles */
function notesOf({ gallery, rows }) {
  const { name } = gallery.manifest;
  const size = `${plural(gallery.size, "tile")}, ${plural(gallery.numBits, "bit")}`;
  const cut = rows.length > MOST ? [`The first ${MOST} of ${plural(rows.length, "tile")} are drawn.`] : [];
  return [...cut, `${name}: ${size}`];
}
