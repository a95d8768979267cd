// @ts-check
// Groups of near duplicates by their codes alone, as `rsh.analysis.duplicates` finds them with the check "none".

import { NO_CLASS } from "../gallery.js";
import { Budget, DistinctCodes, nearPairs } from "./near_codes.js";

/** @import { Gallery } from "../gallery.js" */

const MOST_WORDS = 1.5e8; // compared in about two seconds

/**
 * Tiles that a chain of near duplicates connects: the center first, then the nearest to it.
 * @typedef {object} Group
 * @property {number[]} rows
 * @property {number[]} distances from the center, bits
 * @property {boolean[]} kept each other tile is a near duplicate of one of these
 */

/**
 * @param {Gallery} gallery
 * @param {number} radius largest distance of codes, bits
 * @param {number} [most] words that may be compared
 * @returns {Group[] | null} the nearest first; null if that would take too long
 */
export function findGroups(gallery, radius, most = MOST_WORDS) {
  // A tile with a class stands for those with the same code.
  const isUnlabeled = (/** @type {number} */ row) => gallery.label(row) === NO_CLASS;
  const every = Int32Array.from({ length: gallery.size }, (_, row) => row);
  const labeled = every.filter((row) => !isUnlabeled(row));
  const ordered = new Int32Array(gallery.size);
  ordered.set(labeled);
  ordered.set(every.filter(isUnlabeled), labeled.length);
  const codes = new DistinctCodes(gallery.words, gallery.perCode, ordered);
  const budget = new Budget(most);
  const degrees = codes.sizes.map((size) => size - 1);
  const joined = new Components(codes.length);
  const isDone = nearPairs(codes, gallery.numBits, radius, budget, (one, other) => {
    joined.join(one, other);
    degrees[one] += codes.sizes[other];
    degrees[other] += codes.sizes[one];
  });
  if (!isDone) return null;
  /** @type {Group[]} */
  const groups = [];
  for (const members of joined.groups()) {
    if (members.length === 1 && codes.sizes[members[0]] === 1) continue;
    members.sort((one, other) => {
      const [first, second] = [codes.rows[one], codes.rows[other]];
      const byClass = Number(isUnlabeled(first)) - Number(isUnlabeled(second));
      return degrees[other] - degrees[one] || byClass || first - second;
    });
    const kept = chooseKept(codes, members, radius, budget);
    if (!kept) return null;
    groups.push(describe(codes, members, kept));
  }
  return groups.sort((one, other) => farthest(one) - farthest(other) || one.rows[0] - other.rows[0]);
}

/** @param {Group} group */
export const farthest = ({ distances }) => distances.reduce((most, far) => Math.max(most, far), 0);

/**
 * Which codes to keep: the first, then each that is no near duplicate of a kept one.
 * @param {DistinctCodes} codes
 * @param {number[]} members those with most near duplicates first
 * @param {number} radius
 * @param {Budget} budget
 */
function chooseKept(codes, members, radius, budget) {
  /** @type {Set<number>} */
  const kept = new Set();
  const covered = new Uint8Array(members.length);
  for (let place = 0; place < members.length; place++) {
    if (covered[place]) continue;
    kept.add(members[place]);
    if (!budget.spend((members.length - place) * codes.perCode)) return null;
    for (let other = place; other < members.length; other++) {
      if (codes.distance(members[place], members[other]) <= radius) covered[other] = 1;
    }
  }
  return kept;
}

/**
 * @param {DistinctCodes} codes
 * @param {number[]} members the center first
 * @param {Set<number>} kept
 * @returns {Group}
 */
function describe(codes, members, kept) {
  const [center, ...others] = members;
  const far = new Map(members.map((code) => [code, codes.distance(center, code)]));
  const distance = (/** @type {number} */ code) => far.get(code) ?? 0;
  others.sort((one, other) => distance(one) - distance(other) || codes.rows[one] - codes.rows[other]);
  /** @type {Group} */
  const group = { rows: [], distances: [], kept: [] };
  for (const code of [center, ...others]) {
    codes.members(code).forEach((row, place) => {
      group.rows.push(row);
      group.distances.push(distance(code));
      group.kept.push(place === 0 && kept.has(code));
    });
  }
  return group;
}

/** Which numbers pairs connect. */
class Components {
  /** @param {number} count */
  constructor(count) {
    this.parents = Int32Array.from({ length: count }, (_, place) => place);
  }

  /** @param {number} one */
  find(one) {
    const { parents } = this;
    let root = one;
    while (parents[root] !== root) {
      parents[root] = parents[parents[root]];
      root = parents[root];
    }
    return root;
  }

  /**
   * @param {number} one
   * @param {number} other
   */
  join(one, other) {
    this.parents[this.find(one)] = this.find(other);
  }

  /** @returns {Iterable<number[]>} the numbers of each component */
  groups() {
    /** @type {Map<number, number[]>} */
    const found = new Map();
    for (let place = 0; place < this.parents.length; place++) {
      const root = this.find(place);
      const known = found.get(root);
      if (known) known.push(place);
      else found.set(root, [place]);
    }
    return found.values();
  }
}
