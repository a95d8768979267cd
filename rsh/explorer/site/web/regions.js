// @ts-check
// Regions on Earth: polygons of longitudes and latitudes, read as `rsh.data.regions` reads them.
//
//   5,45,10,45,10,50               corners: longitude and latitude in turn, degrees
//   0,0,9,0,9,9,0,9:3,3,6,3,6,6    a colon begins a hole
//   0,0,9,0,9,9/20,0,29,0,29,9     a slash begins another part

import { InputError } from "./errors.js";
import { general } from "./numbers.js";

/** @typedef {[x: number, y: number]} Point degrees; longitudes go on beyond 180 */
/** Corners, without the first one again. @typedef {Point[]} Ring */
/** @typedef {{ corners: Ring, west: number, east: number, south: number, north: number }} Shape */

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
const MIN_AREA = 1e-10; // square degrees; less is a line
const NEAR_POLE = 1e-6; // degrees
const [OUTSIDE, BORDER, INSIDE] = [0, 1, 2];

/**
 * A longitude of any range as -180 to 180.
 * @param {number} degrees
 */
export const wrapped = (degrees) => (Math.abs(degrees) <= 180 ? degrees : modulo(degrees + 180, 360) - 180);

/**
 * @param {number} value
 * @param {number} by
 */
const modulo = (value, by) => ((value % by) + by) % by;

/**
 * @typedef {object} Region
 * @property {(longitude: number, latitude: number) => boolean} contains whether a point lies in it or on its border
 * @property {(ring: Ring) => boolean} overlaps whether it shares a point with an outline, from -180 to 180
 */

/** An outline, and what it does not enclose. @typedef {{ outline: Shape, holes: Shape[] }} Part */

/**
 * The region that a text describes.
 * @param {string} text
 * @returns {Region}
 * @throws {InputError} the text cannot be read, or is no region
 */
export function readRegion(text) {
  const read = text.split("/").map((part) => part.split(":").map(readRing));
  const parts = read.map((rings) => {
    const [outline, ...holes] = rings.map(shapeOf);
    for (const hole of holes) checkHole(hole, outline);
    return { outline, holes };
  });
  const inside = (/** @type {number} */ x, /** @type {number} */ y) =>
    parts.some(
      ({ outline, holes }) =>
        placeIn(outline, x, y) !== OUTSIDE && !holes.some((hole) => placeIn(hole, x, y) === INSIDE),
    );
  return {
    contains: (x, y) => inside(x, y) || (Math.abs(x) === 180 && inside(-x, y)), // one meridian of two names
    overlaps: (ring) => parts.some((part) => overlapsPart(part, ring)),
  };
}

/**
 * @param {Part} part
 * @param {Ring} ring
 */
function overlapsPart({ outline, holes }, ring) {
  const isAt = (/** @type {Point} */ [x, y]) =>
    placeIn(outline, x, y) !== OUTSIDE && !holes.some((hole) => placeIn(hole, x, y) === INSIDE);
  const turns = turnsBeside(ring, outline);
  return (
    turns.some((moved) => isAt(moved[0]) || placeInPlane(moved, outline.corners[0]) !== OUTSIDE) ||
    [outline, ...holes].some((shape) => turnsBeside(ring, shape).some((moved) => meet(moved, shape.corners)))
  );
}

/**
 * A ring on each turn around the Earth on which it may meet a shape.
 * @param {Ring} ring from -180 to 180
 * @param {Shape} shape
 */
function turnsBeside(ring, { west, east, south, north }) {
  const [xs, ys] = [ring.map(([x]) => x), ring.map(([, y]) => y)];
  if (Math.max(...ys) < south || Math.min(...ys) > north) return [];
  /** @type {Ring[]} */
  const found = [];
  for (let turn = Math.floor((west + 180) / 360); 360 * turn - 180 < east; turn++) {
    const by = 360 * turn;
    if (Math.max(...xs) + by < west || Math.min(...xs) + by > east) continue;
    found.push(ring.map(([x, y]) => /** @type {Point} */ ([x + by, y])));
  }
  return found;
}

/**
 * Whether two rings share a point.
 * @param {Ring} one
 * @param {Ring} other
 */
function meet(one, other) {
  const at = (/** @type {Ring} */ ring, /** @type {number} */ place) => ring[place % ring.length];
  return one.some((a, place) =>
    other.some((c, number) => shared(a, at(one, place + 1), c, at(other, number + 1)) !== null),
  );
}

/**
 * @param {string} text
 * @returns {Ring}
 */
function readRing(text) {
  const words = text.split(",").map((word) => word.trim());
  const wrong = words.find((word) => !NUMBER.test(word));
  if (wrong !== undefined) {
    throw new InputError(
      `'${wrong}' is not a number: write longitude and latitude of each corner in turn, such as 5,45,10,45,10,50`,
    );
  }
  if (words.length % 2) {
    throw new InputError(`a ring has ${words.length} numbers: write longitude and latitude of each corner in turn`);
  }
  const numbers = words.map(Number);
  return Array.from({ length: numbers.length / 2 }, (_, corner) => [numbers[2 * corner], numbers[2 * corner + 1]]);
}

/** @param {Ring} ring */
const countDifferent = (ring) => new Set(ring.map(String)).size;

/**
 * A ring, checked, with longitudes that go on beyond 180.
 * @param {Ring} ring
 * @returns {Shape}
 */
function shapeOf(ring) {
  const corners = around(checked(ring));
  if (hullArea(corners) < MIN_AREA) {
    throw new InputError("a polygon has no area: give corners that are not on one line");
  }
  const cross = crossing(corners);
  if (cross) {
    const kind = corners.some((corner) => String(corner) === String(cross))
      ? "ring self-intersection"
      : "self-intersection";
    const [x, y] = cross.map((value) => String(Number(value.toPrecision(15))));
    throw new InputError(`a polygon crosses or touches itself at ${x},${y} (${kind}): put its corners in order`);
  }
  const [xs, ys] = [corners.map(([x]) => x), corners.map(([, y]) => y)];
  return {
    corners,
    west: Math.min(...xs),
    east: Math.max(...xs),
    south: Math.min(...ys),
    north: Math.max(...ys),
  };
}

/** @param {Ring} ring */
function checked(ring) {
  const corners = ring.filter((corner, place) => String(corner) !== String(ring[(place + 1) % ring.length]));
  if (countDifferent(corners) < 3) {
    throw new InputError(`a polygon has ${countDifferent(ring)} different corners: give three or more`);
  }
  const outside = corners.find(([x, y]) => !(Math.abs(x) <= 360 && Math.abs(y) <= 90));
  if (outside) {
    const [x, y] = outside.map(general);
    throw new InputError(
      `the corner ${x},${y} is outside -360 to 360 degrees of longitude or -90 to 90 of latitude: give the longitude ` +
        "first, in degrees",
    );
  }
  return corners;
}

/**
 * Follow a ring beyond the 180th meridian, and close it over a pole if it goes around the Earth.
 * @param {Ring} ring
 * @returns {Ring}
 */
function around(ring) {
  const corners = spreadPoles(ring);
  const steps = corners.map(([x], place) => {
    const step = corners[(place + 1) % corners.length][0] - x;
    return Math.abs(step) > 180 && Math.abs(step) < 360 ? wrapped(step) : step;
  });
  let x = corners[0][0];
  const followed = corners.map(([, y], place) => {
    const corner = /** @type {Point} */ ([x, y]);
    x += steps[place];
    return corner;
  });
  const every = [...followed.map(([each]) => each), x];
  if (Math.max(...every) - Math.min(...every) > 360 + NEAR_POLE) {
    throw new InputError("a polygon is wider than the Earth: give at most 360 degrees of longitude");
  }
  const first = corners[0][0];
  if (Math.abs(x - first) < 180) return followed;
  const pole = poleOf(corners);
  return [...followed, [x, corners[0][1]], [x, pole], [first, pole]];
}

/**
 * Replace a corner at a pole, which has any longitude, by the ends of two meridians there.
 * @param {Ring} ring
 * @returns {Ring}
 */
function spreadPoles(ring) {
  const at = (/** @type {number} */ place) => ring[(place + ring.length) % ring.length];
  const isPole = (/** @type {number} */ place) => Math.abs(at(place)[1]) > 90 - NEAR_POLE;
  return ring.flatMap(([x, y], place) =>
    isPole(place) && !isPole(place - 1) && !isPole(place + 1)
      ? [/** @type {Point} */ ([at(place - 1)[0], y]), /** @type {Point} */ ([at(place + 1)[0], y])]
      : [/** @type {Point} */ ([x, y])],
  );
}

/**
 * The latitude of the pole that a ring around the Earth encloses.
 * @param {Ring} ring
 */
function poleOf(ring) {
  const isNorth = ring.some(([, y]) => y > 0);
  if (isNorth === ring.some(([, y]) => y < 0)) {
    throw new InputError(
      "a polygon goes around the Earth on both sides of the equator, so it encloses either pole: begin and end it at the " +
        "180th meridian, and close it over one of them, such as with the corners 180,90 and -180,90",
    );
  }
  return isNorth ? 90 : -90;
}

/**
 * Twice the area of the triangle of three points; positive if they turn to the left.
 * @param {Point} a
 * @param {Point} b
 * @param {Point} c
 */
const turn = (a, b, c) => (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]);

/**
 * The area of the convex hull, by Andrew's monotone chain.
 * @param {Ring} ring
 */
function hullArea(ring) {
  const sorted = ring.toSorted((one, other) => one[0] - other[0] || one[1] - other[1]);
  const half = (/** @type {Ring} */ points) => {
    /** @type {Ring} */
    const chain = [];
    for (const point of points) {
      while (chain.length > 1 && turn(chain[chain.length - 2], chain[chain.length - 1], point) <= 0) chain.pop();
      chain.push(point);
    }
    return chain.slice(0, -1);
  };
  const hull = [...half(sorted), ...half(sorted.toReversed())];
  return hull.reduce((sum, point, place) => sum + turn(hull[0], point, hull[(place + 1) % hull.length]), 0) / 2;
}

/**
 * Whether a point lies on a line between two points that it is in line with.
 * @param {Point} a
 * @param {Point} b
 * @param {Point} point
 */
const isBetween = (a, b, point) =>
  Math.min(a[0], b[0]) <= point[0] &&
  point[0] <= Math.max(a[0], b[0]) &&
  Math.min(a[1], b[1]) <= point[1] &&
  point[1] <= Math.max(a[1], b[1]);

/**
 * A point that two edges share, or null.
 * @param {Point} a
 * @param {Point} b
 * @param {Point} c
 * @param {Point} d
 * @returns {Point | null}
 */
function shared(a, b, c, d) {
  const [left, right, before, after] = [turn(a, b, c), turn(a, b, d), turn(c, d, a), turn(c, d, b)];
  if (left === 0 && isBetween(a, b, c)) return c;
  if (right === 0 && isBetween(a, b, d)) return d;
  if (before === 0 && isBetween(c, d, a)) return a;
  if (after === 0 && isBetween(c, d, b)) return b;
  if (left > 0 === right > 0 || before > 0 === after > 0 || !(left && right && before && after)) return null;
  const part = before / (before - after);
  return [a[0] + part * (b[0] - a[0]), a[1] + part * (b[1] - a[1])];
}

/**
 * Where a ring crosses or touches itself, or null.
 * @param {Ring} ring
 */
function crossing(ring) {
  const at = (/** @type {number} */ place) => ring[place % ring.length];
  for (let one = 0; one < ring.length; one++) {
    const [a, b] = [at(one), at(one + 1)];
    const after = at(one + 2);
    // Edges that follow each other share a corner: more than that only if one goes back over the other.
    if (turn(a, b, after) === 0 && (isBetween(a, b, after) || isBetween(b, after, a))) return after;
    const last = one ? ring.length : ring.length - 1;
    for (let other = one + 2; other < last; other++) {
      const point = shared(a, b, at(other), at(other + 1));
      if (point) return point;
    }
  }
  return null;
}

/**
 * @param {Shape} hole
 * @param {Shape} outline
 */
function checkHole(hole, outline) {
  const outside = hole.corners.find(([x, y]) => placeIn(outline, x, y) === OUTSIDE);
  if (!outside) return;
  const [x, y] = outside.map(general);
  throw new InputError(
    `a hole lies outside its outline at ${x},${y}: begin another part with /, or move its corners inside`,
  );
}

/**
 * Where a point lies, on any turn around the Earth.
 * @param {Shape} shape
 * @param {number} longitude
 * @param {number} latitude
 */
function placeIn({ corners, west, east, south, north }, longitude, latitude) {
  if (latitude < south || latitude > north) return OUTSIDE;
  let place = OUTSIDE;
  for (let x = longitude + 360 * Math.ceil((west - longitude) / 360); x <= east; x += 360) {
    place = Math.max(place, placeInPlane(corners, [x, latitude]));
  }
  return place;
}

/**
 * Where a point lies, by the crossings of a ray to the east.
 * @param {Ring} ring
 * @param {Point} point
 */
function placeInPlane(ring, point) {
  let isInside = false;
  for (let place = 0; place < ring.length; place++) {
    const [a, b] = [ring[place], ring[(place + 1) % ring.length]];
    const side = turn(a, b, point);
    if (side === 0 && isBetween(a, b, point)) return BORDER;
    if (a[1] > point[1] !== b[1] > point[1] && side > 0 === b[1] > a[1]) isInside = !isInside;
  }
  return isInside ? INSIDE : OUTSIDE;
}

/**
 * The rings of a region as they were written, and shifted by a turn those that go beyond the 180th meridian.
 * @param {string} text
 * @returns {Ring[]}
 */
export function ringsOf(text) {
  const rings = text.split(/[/:]/).map(readRing);
  return rings.flatMap((ring) => {
    const shift = Math.max(...ring.map(([x]) => x)) > 180 ? -360 : Math.min(...ring.map(([x]) => x)) < -180 ? 360 : 0;
    return shift ? [ring, ring.map(([x, y]) => /** @type {Point} */ ([x + shift, y]))] : [ring];
  });
}
