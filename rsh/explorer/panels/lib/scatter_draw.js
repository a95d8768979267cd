import { pixelOf, resolveColor } from "./palette.js";

// Colors as they are now: they follow the visitor's light or dark scheme.
export function readInk(element) {
  const names = ["right", "wrong", "accent", "ink", "surface"];
  const ink = Object.fromEntries(names.map((name) => [name, resolveColor(`var(--rsh-${name})`, element)]));
  return { ...ink, inkPixel: pixelOf(ink.ink) };
}

const STEPS = [30, 10, 5, 1, 0.5, 0.1, 0.05, 0.01, 0.005, 0.001]; // degrees between lines
const APART = 30; // CSS pixels between two lines at least

// The Earth, as much of it as the view shows, with meridians and parallels as fine as fits.
export function drawBackground(pen, view, image, ink, dim) {
  const [west, north] = view.toData(0, 0);
  const [east, south] = view.toData(...view.size);
  if (image) {
    const { width, height } = image;
    const [x, y] = [((west + 180) / 360) * width, ((90 - north) / 180) * height];
    pen.imageSmoothingQuality = "medium";
    pen.drawImage(image, x, y, ((east - west) / 360) * width, ((north - south) / 180) * height, 0, 0, ...view.size);
    pen.globalAlpha = dim; // a veil, so that points stand out from the land
    pen.fillStyle = ink.surface;
    pen.fillRect(0, 0, ...view.size);
  }
  const step = STEPS.findLast((degrees) => degrees * view.scale >= APART) ?? STEPS[0];
  pen.globalAlpha = image ? 0.18 : 0.35;
  pen.strokeStyle = ink.ink;
  pen.lineWidth = 0.5;
  pen.beginPath();
  for (let lon = Math.ceil(west / step); lon * step <= east; lon++)
    line(pen, view.toScreen(lon * step, north), view.toScreen(lon * step, south));
  for (let lat = Math.ceil(south / step); lat * step <= north; lat++)
    line(pen, view.toScreen(west, lat * step), view.toScreen(east, lat * step));
  pen.stroke();
  pen.globalAlpha = 1;
}

// The outline of the ground that a tile shows, dashed as the cards of another class are.
export function drawFootprint(pen, corners, color, ink, dashes) {
  pen.beginPath();
  for (const corner of corners) pen.lineTo(...corner);
  pen.closePath();
  for (const [stroke, width] of [
    [ink.surface, 4.5],
    [color, 2.5],
  ]) {
    pen.setLineDash(stroke === color ? dashes : []);
    pen.strokeStyle = stroke;
    pen.lineWidth = width;
    pen.stroke();
  }
  pen.setLineDash([]);
}

function line(pen, from, to) {
  pen.moveTo(...from);
  pen.lineTo(...to);
}

// An image of one's own has no class: what it finds is neither right nor wrong.
export function verdictInk(relevant, ink) {
  return relevant === null ? ink.accent : relevant ? ink.right : ink.wrong;
}

// Thin spokes from the query to its hits. On the map they are arcs, which claim no route.
export function drawSpokes(pen, view, query, hits, ink) {
  const [x, y] = view.pointOnScreen(query);
  pen.lineWidth = 1;
  pen.globalAlpha = hits.length > 60 ? 0.25 : 0.55;
  for (const [row, relevant] of hits) {
    if (!view.has(row)) continue;
    const [toX, toY] = view.pointOnScreen(row);
    // Arcs bow towards the middle, or they would leave the map.
    const down = (y + toY) / 2 < view.size[1] / 2 ? 1 : -1;
    const bend = view.world ? 0.14 * down * Math.hypot(toX - x, toY - y) : 0;
    pen.strokeStyle = verdictInk(relevant, ink);
    pen.beginPath();
    pen.moveTo(x, y);
    pen.quadraticCurveTo((x + toX) / 2, (y + toY) / 2 + bend, toX, toY);
    pen.stroke();
  }
  pen.globalAlpha = 1;
}

// A ring for the query's class, a cross for another: the symbol tells as much as the color.
export function drawHit(pen, [x, y], relevant, color, ink, radius) {
  const r = radius + 2.5;
  disc(pen, x, y, r + 1.5, ink.surface);
  disc(pen, x, y, r - 1, color);
  pen.lineWidth = 2;
  pen.strokeStyle = verdictInk(relevant, ink);
  pen.beginPath();
  if (relevant !== false) pen.arc(x, y, r + 0.5, 0, 2 * Math.PI);
  else {
    line(pen, [x - r, y - r], [x + r, y + r]);
    line(pen, [x + r, y - r], [x - r, y + r]);
  }
  pen.stroke();
}

function disc(pen, x, y, radius, color) {
  pen.beginPath();
  pen.arc(x, y, radius, 0, 2 * Math.PI);
  pen.fillStyle = color;
  pen.fill();
}

export function drawStar(pen, [x, y], ink) {
  pen.beginPath();
  for (let corner = 0; corner < 10; corner++) {
    const [angle, reach] = [(corner * Math.PI) / 5 - Math.PI / 2, corner % 2 ? 5 : 12];
    pen.lineTo(x + reach * Math.cos(angle), y + reach * Math.sin(angle));
  }
  pen.closePath();
  pen.lineJoin = "round";
  pen.lineWidth = 4;
  pen.strokeStyle = ink.surface;
  pen.stroke();
  pen.fillStyle = ink.accent;
  pen.fill();
}

export function drawRing(pen, [x, y], ink) {
  for (const [color, width] of [
    [ink.surface, 5],
    [ink.ink, 2],
  ]) {
    pen.beginPath();
    pen.arc(x, y, 9, 0, 2 * Math.PI);
    pen.strokeStyle = color;
    pen.lineWidth = width;
    pen.stroke();
  }
}

// The line that the visitor draws around tiles, on light and dark alike.
export function drawLasso(pen, points, ink) {
  pen.beginPath();
  for (const point of points) pen.lineTo(...point);
  pen.closePath();
  pen.fillStyle = ink.accent;
  pen.globalAlpha = 0.12;
  pen.fill("evenodd");
  pen.globalAlpha = 1;
  pen.lineJoin = "round";
  for (const [color, width, dashes] of [
    [ink.surface, 4, []],
    [ink.accent, 2, [6, 4]],
  ]) {
    pen.strokeStyle = color;
    pen.lineWidth = width;
    pen.setLineDash(dashes);
    pen.stroke();
  }
  pen.setLineDash([]);
}
