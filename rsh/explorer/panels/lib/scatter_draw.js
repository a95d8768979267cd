// @ts-check
import { pixelOf, resolveColor } from "./palette.js";

/**
 * @import { Hit, Point, Relevance } from "./types"
 * @import { ScatterView } from "./scatter_view.js"
 */

/** @typedef {CanvasRenderingContext2D} Context */
/** @typedef {ReturnType<typeof readColors>} Colors */

/**
 * Colors as they are now: they follow the visitor's light or dark scheme.
 * @param {Element} element
 */
export function readColors(element) {
  /** @param {string} name */
  const read = (name) => resolveColor(`var(--rsh-${name})`, element);
  const text = read("ink");
  return {
    right: read("right"),
    wrong: read("wrong"),
    accent: read("accent"),
    surface: read("surface"),
    ink: text,
    inkPixel: pixelOf(text),
  };
}

const STEPS = [30, 10, 5, 1, 0.5, 0.1, 0.05, 0.01, 0.005, 0.001]; // degrees between lines
const APART = 30; // CSS pixels between two lines at least

/**
 * Draw the Earth, as much of it as the view shows, with meridians and parallels as fine as fits.
 * @param {Context} ctx
 * @param {ScatterView} view
 * @param {ImageBitmap | null} image
 * @param {Colors} colors
 * @param {number} dim opacity of the veil over the image, 0 to 1, so that points stand out
 */
export function drawBackground(ctx, view, image, colors, dim) {
  const [west, north] = view.toData(0, 0);
  const [east, south] = view.toData(...view.size);
  if (image) {
    const { width, height } = image;
    const [x, y] = [((west + 180) / 360) * width, ((90 - north) / 180) * height];
    ctx.imageSmoothingQuality = "medium";
    ctx.drawImage(image, x, y, ((east - west) / 360) * width, ((north - south) / 180) * height, 0, 0, ...view.size);
    ctx.globalAlpha = dim;
    ctx.fillStyle = colors.surface;
    ctx.fillRect(0, 0, ...view.size);
  }
  const step = STEPS.findLast((degrees) => degrees * view.scale >= APART) ?? STEPS[0];
  ctx.globalAlpha = image ? 0.18 : 0.35;
  ctx.strokeStyle = colors.ink;
  ctx.lineWidth = 0.5;
  ctx.beginPath();
  const [left, right] = [Math.max(west, -180), Math.min(east, 180)]; // no lines beside the Earth
  const [top, bottom] = [Math.min(north, 90), Math.max(south, -90)];
  for (let lon = Math.ceil(left / step); lon * step <= right; lon++) {
    traceLine(ctx, view.toScreen(lon * step, top), view.toScreen(lon * step, bottom));
  }
  for (let lat = Math.ceil(bottom / step); lat * step <= top; lat++) {
    traceLine(ctx, view.toScreen(left, lat * step), view.toScreen(right, lat * step));
  }
  ctx.stroke();
  ctx.globalAlpha = 1;
}

/**
 * Draw the outline of the ground that a tile shows, dashed as the cards of another class are.
 * @param {Context} ctx
 * @param {Point[]} corners
 * @param {string} color
 * @param {Colors} colors
 * @param {number[]} dashes
 */
export function drawFootprint(ctx, corners, color, colors, dashes) {
  ctx.beginPath();
  for (const corner of corners) ctx.lineTo(...corner);
  ctx.closePath();
  stroke(ctx, colors.surface, 4.5);
  stroke(ctx, color, 2.5, dashes);
}

/** @type {(ctx: Context, color: string, width: number, dashes?: number[]) => void} */
function stroke(ctx, color, width, dashes = []) {
  ctx.strokeStyle = color;
  ctx.lineWidth = width;
  ctx.setLineDash(dashes);
  ctx.stroke();
  ctx.setLineDash([]);
}

/** @type {(ctx: Context, from: Point, to: Point) => void} */
function traceLine(ctx, from, to) {
  ctx.moveTo(...from);
  ctx.lineTo(...to);
}

/**
 * The color of a verdict. A visitor's own image has no class: its results are neither right nor wrong.
 * @param {Relevance} relevant
 * @param {Colors} colors
 */
export function verdictColor(relevant, colors) {
  if (relevant === null) return colors.accent;
  return relevant ? colors.right : colors.wrong;
}

/**
 * Draw thin spokes from the query to its hits. On the map they are arcs, which claim no route.
 * @param {Context} ctx
 * @param {ScatterView} view
 * @param {Point} star
 * @param {Hit[]} hits
 * @param {Colors} colors
 */
export function drawSpokes(ctx, view, [x, y], hits, colors) {
  ctx.lineWidth = 1;
  ctx.globalAlpha = hits.length > 60 ? 0.25 : 0.55;
  for (const [row, relevant] of hits) {
    if (!view.has(row)) continue;
    const [toX, toY] = view.pointOnScreen(row);
    // Arcs bow towards the middle, or they would leave the map.
    const down = (y + toY) / 2 < view.size[1] / 2 ? 1 : -1;
    const bend = view.world ? 0.14 * down * Math.hypot(toX - x, toY - y) : 0;
    ctx.strokeStyle = verdictColor(relevant, colors);
    ctx.beginPath();
    ctx.moveTo(x, y);
    ctx.quadraticCurveTo((x + toX) / 2, (y + toY) / 2 + bend, toX, toY);
    ctx.stroke();
  }
  ctx.globalAlpha = 1;
}

/**
 * Draw a hit: a ring for the query's class, a cross for another. The symbol tells as much as the color.
 * @param {Context} ctx
 * @param {Point} place
 * @param {Relevance} relevant
 * @param {string} color of its dot
 * @param {Colors} colors
 * @param {number} radius of a dot, CSS pixels
 */
export function drawHit(ctx, [x, y], relevant, color, colors, radius) {
  const r = radius + 2.5;
  drawDisc(ctx, x, y, r + 1.5, colors.surface);
  drawDisc(ctx, x, y, r - 1, color);
  ctx.lineWidth = 2;
  ctx.strokeStyle = verdictColor(relevant, colors);
  ctx.beginPath();
  if (relevant !== false) ctx.arc(x, y, r + 0.5, 0, 2 * Math.PI);
  else {
    traceLine(ctx, [x - r, y - r], [x + r, y + r]);
    traceLine(ctx, [x + r, y - r], [x - r, y + r]);
  }
  ctx.stroke();
}

/** @type {(ctx: Context, x: number, y: number, radius: number, color: string) => void} */
function drawDisc(ctx, x, y, radius, color) {
  ctx.beginPath();
  ctx.arc(x, y, radius, 0, 2 * Math.PI);
  ctx.fillStyle = color;
  ctx.fill();
}

/**
 * Mark the query with a star.
 * @param {Context} ctx
 * @param {Point} place
 * @param {Colors} colors
 */
export function drawStar(ctx, [x, y], colors) {
  ctx.beginPath();
  for (let corner = 0; corner < 10; corner++) {
    const [angle, reach] = [(corner * Math.PI) / 5 - Math.PI / 2, corner % 2 ? 5 : 12];
    ctx.lineTo(x + reach * Math.cos(angle), y + reach * Math.sin(angle));
  }
  ctx.closePath();
  ctx.lineJoin = "round";
  stroke(ctx, colors.surface, 4);
  ctx.fillStyle = colors.accent;
  ctx.fill();
}

/**
 * Mark the tile that is pointed at with a ring.
 * @param {Context} ctx
 * @param {Point} place
 * @param {Colors} colors
 */
export function drawRing(ctx, [x, y], colors) {
  ctx.beginPath();
  ctx.arc(x, y, 9, 0, 2 * Math.PI);
  stroke(ctx, colors.surface, 5);
  stroke(ctx, colors.ink, 2);
}

/**
 * Draw the line around tiles that the visitor draws, visible on light and on dark.
 * @param {Context} ctx
 * @param {Point[]} points
 * @param {Colors} colors
 */
export function drawLasso(ctx, points, colors) {
  ctx.beginPath();
  for (const point of points) ctx.lineTo(...point);
  ctx.closePath();
  ctx.fillStyle = colors.accent;
  ctx.globalAlpha = 0.12;
  ctx.fill("evenodd");
  ctx.globalAlpha = 1;
  ctx.lineJoin = "round";
  stroke(ctx, colors.surface, 4);
  stroke(ctx, colors.accent, 2, [6, 4]);
}
