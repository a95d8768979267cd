// @ts-check
// What each panel shows, as the functions of the same names in `rsh.explorer.panels` say it.

import { fullName } from "../../panels/lib/shared.js";
import { fixed } from "./numbers.js";
import { codeOf, describeQuery, hexOf } from "./query.js";
import { bytesOf } from "./scan.js";
import { hasFeedback, RERANK_DEPTH } from "./search.js";
import { ordersOf } from "./state.js";
import { humanize, joined, pluralOf as plural, sentences } from "./text.js";

/** @import { Gallery } from "./gallery.js" */
/** @import { SearchResult } from "./search.js" */
/** @import { State } from "./state.js" */
/** @import { Query } from "./types" */

export const MAX_CARDS = 200; // a radius may hold the whole gallery
export const MAX_SELECTED_CARDS = 48;
const SHOWN = 24; // tiles of a class
const SEEN = "The model was trained on this tile, so the results look better than they are.";
/** @type {Record<string, string>} */
const ORDERS = {
  bits: "Hamming",
  asymmetric: "Hamming + asymmetric",
  "class-bits": "Hamming + {part} bits",
  "look-bits": "Hamming + look bits",
};
/** @type {Record<string, string>} */
const NOTES = {
  asymmetric: "Re-ranks {tiles}. Bits that are more certain in the query count more.",
  "class-bits": "Re-ranks {tiles} by their {part} bits alone, ties by the query's soft bits.",
  "look-bits": "Re-ranks {tiles} by their look bits alone, ties by the query's soft bits.",
};

/** @param {SearchResult} result */
export const shownRows = (result) => Array.from(result.rows.subarray(0, MAX_CARDS));

/**
 * @param {(string | false)[]} words
 */
export const alt = (...words) => words.filter(Boolean).join(", ");

/** The class that a tile was given in words, or "". @param {string} name */
export const givenWords = (name) => (name ? `given class ${humanize(name)}` : "");

/** The size of a gallery, and how many labels were given. @param {Gallery} gallery */
export function describeGallery({ manifest: { facts, classes }, annotations }) {
  const given = annotations.state.given.numTiles;
  const [tiles, labels, ...others] = facts;
  const said = [...(classes.length || !given ? [labels] : []), ...(given ? [`${plural(given, "label")} given`] : [])];
  return [tiles, ...said, ...others].join(" · ");
}

/** @param {SearchResult} result */
export function cardsView(result) {
  const { gallery, query } = result;
  const rows = shownRows(result);
  /** @type {Map<number, number>} */
  const shown = new Map();
  for (const tie of result.ties.subarray(0, rows.length)) shown.set(tie, (shown.get(tie) ?? 0) + 1);
  const { scores: every } = result.ranked;
  const { relevance: words } = gallery.manifest;
  /** @type {Map<number, number>} */
  const ofScore = new Map();
  for (const score of every ?? []) ofScore.set(score, (ofScore.get(score) ?? 0) + 1);
  return {
    heading: heading(result),
    summary: summary(result),
    note: note(result),
    num_bits: gallery.numBits,
    num_classes: gallery.classes.length,
    relevance: words,
    images: gallery.manifest.has_images,
    query_code: hexOf(gallery, query),
    class_bits: gallery.numBits - gallery.manifest.look_bits,
    cards: rows.map((row, place) => {
      const [distance, score, tie] = [result.distances[place], result.scores?.[place] ?? null, result.ties[place]];
      const relevant = result.relevance(row);
      const tile = gallery.describe(row);
      const same = relevant === null ? "" : relevant ? words.same : words.other;
      const far = `${plural(distance, "bit")} away`;
      return {
        ...tile,
        alt: alt(`rank ${place + 1}`, fullName(tile), far, score !== null && `score ${fixed(score, 2)}`, same),
        rank: place + 1,
        distance,
        relevant,
        tie,
        score,
        tied_shown: shown.get(tie),
        tied: score === null ? result.counts.items[distance] : ofScore.get(score),
      };
    }),
  };
}

/** @param {SearchResult} result */
function heading(result) {
  const { options, rows } = result;
  const total = rows.length;
  const where = options.where ? ` with ${options.where}` : "";
  if (result.order === "feedback") return `The ${plural(total, "tile")} most similar to your feedback${where}`;
  const within = options.radius === null ? "" : ` within ${plural(options.radius, "bit")}`;
  if (!total) return `No tile${within}${where}`;
  const reranked = result.order !== "bits";
  if (within) return `${plural(total, "tile")}${within}${where}${reranked ? ", most similar first" : ""}`;
  if (reranked && result.pool > total) {
    const most = total === 1 ? "most similar" : `${total} most similar`;
    return `The ${most} of the ${result.pool.toLocaleString("en")} nearest tiles${where}`;
  }
  return total === 1 ? `The nearest tile${where}` : `The ${total} nearest tiles${where}`;
}

/** Say that the filter leaves out all relevant tiles, with the class of the query. @param {SearchResult} result */
function leftOut({ gallery, query }) {
  const { left_out: words } = gallery.manifest.relevance;
  const said = `${words[0].toUpperCase()}${words.slice(1)}`;
  return gallery.hasSeveral ? said : `${said}, ${gallery.labelNames(query.row)}`;
}

/** @param {SearchResult} result */
function summary(result) {
  const { gallery, query, options, rows } = result;
  if (rows.length) {
    let words = "";
    if (result.classLeftOut) {
      words = `${leftOut(result)}. ${labelsOf(result)}`;
    } else if (result.hasVerdicts) words = judged(result, options.radius === null ? "" : "precision");
    const seen = gallery.split(query.row) === "train";
    return sentences(words || labelsOf(result), coverage(result), seen && SEEN);
  }
  const nearest = result.counts.items.findIndex((count) => count > 0);
  if (options.radius !== null && nearest >= 0) {
    return sentences(`The nearest tile is ${plural(nearest, "bit")} away. Increase the radius.`, coverage(result));
  }
  return "There is no other tile to search in this gallery.";
}

/** What share of a gallery in lists was searched, and how much of the results that finds. @param {SearchResult} result */
function coverage({ gallery, options, query, numCompared }) {
  const { lists, num_tiles: numTiles } = gallery.manifest;
  if (!lists) return "";
  const isAmongThem = !query.image && (options.includeHeldOut || gallery.split(query.row) !== "query");
  const others = numTiles - (options.includeHeldOut ? 0 : gallery.numHeldOut) - (isAmongThem ? 1 : 0);
  const share = ((100 * numCompared) / others).toLocaleString("en", { maximumSignificantDigits: 2 });
  const searched = `Searched ${share}% of the tiles, those in the nearest lists, and all figures count these.`;
  const unknown = hasFeedback(query) ? "feedback" : query.image && "your own image";
  if (unknown) return `${searched} The recall of a search with ${unknown} was not measured.`;
  const finds = `On average this finds ${fixed(100 * lists.recall, 1)}% of the nearest ${lists.recall_at}`;
  const beyond = options.radius === null ? options.topK > lists.recall_at && "of more" : "within a radius";
  return `${searched} ${finds}${beyond ? `, and fewer ${beyond}` : ""}.`;
}

/**
 * @param {string[]} names
 * @returns {[name: string, count: number][]} the most frequent first, equal ones in the order in which they come
 */
function mostCommon(names) {
  /** @type {Map<string, number>} */
  const counts = new Map();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts].sort((one, other) => other[1] - one[1]);
}

/** @param {SearchResult} result */
function labelsOf(result) {
  const rows = shownRows(result);
  const { gallery } = result;
  const { label } = gallery.manifest.relevance;
  const shown = rows.map((row) => gallery.listLabels(row));
  const names = mostCommon(shown.flat());
  const counts = names.slice(0, 3).map(([name, count]) => `${count} ${humanize(name)}`);
  if (names.length > 3) counts.push(plural(names.length - 3, `other ${label}`));
  const unknown = shown.filter((labels) => !labels.length).length;
  if (unknown) counts.push(`${unknown} without a ${label}`);
  const text = names.length ? `Of the ${plural(rows.length, "tile")} shown: ${joined(counts)}.` : "";
  return sentences(text, result.order === "bits" && `${reachOf(result)}.`);
}

/** @param {SearchResult} result */
function reachOf(result) {
  const far = plural(result.farthest, "bit");
  const ties = result.cutoffTies;
  if (!ties) return `The ${result.rows.length === 1 ? "tile" : "farthest"} is ${far} away`;
  const [tied, places] = ties;
  let last = places > 1 ? `the last ${places} places` : "the last place";
  if (result.rows.length === 1) last = "the only place";
  const at = result.scores ? "At the last score" : `At ${far}`;
  return `${at}, ${tied.toLocaleString("en")} tiles tie for ${last}`;
}

/**
 * @param {SearchResult} result
 * @param {string} term
 */
function judged(result, term) {
  const { numJudged, numRelevant, precision } = result;
  const { relevance: words } = result.gallery.manifest;
  if (precision === null)
    return `No tile found has a ${words.label}.${result.order === "bits" ? ` ${reachOf(result)}.` : ""}`;
  const have = numRelevant === 1 ? words.has : words.have;
  const all = numJudged === result.rows.length;
  const among = all ? numJudged.toLocaleString("en") : `the ${plural(numJudged, "tile")} with a ${words.label}`;
  const right = `${numRelevant.toLocaleString("en")} of ${among} ${have}`;
  const figure = `${term || `precision@${numJudged}`} = ${fixed(precision, 2)}`;
  const tied = result.cutoffTies;
  if (result.order !== "bits") {
    const byBits = term
      ? "the same by Hamming distance alone"
      : `by Hamming distance alone it is ${fixed(result.precisionByBits ?? 0, 2)}`;
    if (!tied) return `${right}: ${figure}; ${byBits}.`;
    return `${right}. ${reachOf(result)}. Averaged over tie orders: ${figure}; ${byBits}.`;
  }
  if (!tied) return `${right}: ${figure}. ${reachOf(result)}.`;
  return `${right}. ${reachOf(result)}. Averaged over tie orders: ${figure}.`;
}

/** @param {SearchResult} result */
function note(result) {
  const total = result.rows.length;
  if (!total) return "";
  let text = "Click a tile to search with it; its + and − buttons refine the results.";
  if (result.numJudged) {
    const { marks, unknown } = result.gallery.manifest.relevance;
    const none = result.numJudged === total ? "" : `, no mark ${unknown}`;
    text = `${marks}${none}. ${text}`;
  }
  if (total > MAX_CARDS) text = `The first ${MAX_CARDS} of ${total.toLocaleString("en")} are shown. ${text}`;
  return text;
}

/** @param {State} state */
export function queryView({ gallery, query, past, future }) {
  const marks = /** @type {const} */ ([
    ["like", query.positive],
    ["unlike", query.negative],
  ]);
  return {
    query: describeQuery(gallery, query),
    words: false,
    novelty: "",
    can_go_back: past.length > 0,
    can_go_forward: future.length > 0,
    num_classes: gallery.classes.length,
    marks: marks.flatMap(([sign, rows]) => rows.map((row) => ({ ...gallery.describe(row), sign }))),
  };
}

/** What the bits before the look bits are called. @param {Gallery} gallery */
const firstPart = (gallery) => gallery.manifest.parts[0]?.[0] ?? "";

/**
 * @param {State} state
 * @param {SearchResult} result
 */
export function controlsView(state, result) {
  const { gallery } = state;
  return {
    max_top_k: state.maxTopK,
    num_bits: gallery.numBits,
    orders: ordersOf(gallery).map((name) => [name, ORDERS[name].replace("{part}", firstPart(gallery))]),
    order_note: orderNote(state, result),
    has_feedback: hasFeedback(state.query),
    searched: searched(state, result),
    has_held_out: gallery.numHeldOut > 0,
  };
}

/** @param {State} state */
export function searchView({ settings }) {
  const { mode, topK, radius, order, includeHeldOut } = settings;
  return { mode, top_k: topK, radius, order, include_held_out: includeHeldOut };
}

/**
 * @param {State} state
 * @param {SearchResult} result
 */
function searched(state, result) {
  const { gallery, settings } = state;
  const most = plural(state.numSearched, "tile");
  const all = gallery.lists ? `${result.numCompared.toLocaleString("en")} of ${most}` : most;
  const hasFilter = state.filter.conditions.length > 0;
  const words = hasFilter ? `${state.countFound().toLocaleString("en")} of ${all}` : all;
  if (hasFilter && settings.includeHeldOut && gallery.numHeldOut) return `${words} searched, held-out ones included`;
  if (!gallery.numHeldOut) return `${words} searched`;
  return `${words} searched, ${gallery.numHeldOut.toLocaleString("en")}${settings.includeHeldOut ? " of them" : ""} held out`;
}

/**
 * @param {State} state
 * @param {SearchResult} result
 */
function orderNote(state, result) {
  const { options } = result;
  if (hasFeedback(state.query)) {
    const tiles = state.gallery.lists ? "the tiles searched" : "all tiles";
    return (
      `With feedback, ${tiles} are ranked by their similarity to the query and to the tiles marked +, and against ` +
      "those marked − (Rocchio relevance feedback)."
    );
  }
  if (options.order === "bits") return "";
  let tiles = "all tiles within the radius";
  if (options.radius === null) {
    const depth = Math.min(Math.max(options.topK, RERANK_DEPTH), result.numCompared);
    tiles = `the ${plural(depth, "nearest tile")} and all that tie with the last`;
  }
  return NOTES[options.order].replace("{tiles}", tiles).replace("{part}", firstPart(state.gallery));
}

/**
 * The tiles of a class that are shown, and the number of the first.
 * @param {State} state
 * @param {number} chosen
 * @param {number} part wraps around after the last page
 */
export function classPage(state, chosen, part) {
  const rows = state.listTiles(chosen);
  const start = (part * SHOWN) % (Math.ceil(rows.length / SHOWN) * SHOWN) || 0;
  return { total: rows.length, start, rows: rows.slice(start, start + SHOWN) };
}

/**
 * @param {State} state
 * @param {number} chosen
 * @param {ReturnType<typeof classPage>} page
 */
export function classBrowserView({ gallery, query }, chosen, { total, start, rows }) {
  const { label_names: labels, relevance } = gallery.manifest;
  const counts = gallery.labelCounts;
  const names = [...labels.map(humanize), ...(counts[labels.length] ? [`no ${relevance.label}`] : [])];
  return {
    label: relevance.label,
    classes: labels.length ? names.map((name, number) => ({ name, count: counts[number] })) : [],
    chosen,
    total,
    first: start + 1,
    cards: rows.map((row, place) => {
      const tile = gallery.describe(row);
      const current = row === query.row;
      const words = alt(
        `tile ${start + place + 1}`,
        fullName(tile),
        tile.place,
        tile.split,
        current && "the current query",
      );
      return { ...tile, alt: words, current };
    }),
  };
}

/** @param {SearchResult} result */
export function marksView(result) {
  const { gallery, query } = result;
  const rows = shownRows(result);
  const outlined = [...rows, query.row].map((row) => /** @type {const} */ ([row, gallery.ringsOf(row)]));
  return {
    spots: {},
    rings: Object.fromEntries(outlined.filter(([, rings]) => rings.length)),
    regions: result.options.outlines,
    query: query.row,
    query_code: hexOf(gallery, query),
    num_bits: gallery.numBits,
    hits: rows.map((row) => [row, result.relevance(row)]),
  };
}

/** What the dots are. @param {Query} query */
export function legendNote({ image }) {
  const dots = "Each dot is a tile: click one to search with it, or select many.";
  return image ? `${dots} Your image has no dot.` : dots;
}

/** @param {SearchResult} result */
export function verdictsOf(result) {
  if (!result.hasVerdicts) return ["unknown"];
  return ["right", "wrong", ...(result.gallery.numLabeled < result.gallery.size ? ["unknown"] : [])];
}

/** @param {SearchResult} result */
export function codesView(result) {
  const { gallery, counts, labeledCounts, options } = result;
  const rows = shownRows(result);
  const same = Array.from(counts.relevant);
  const other = Array.from(labeledCounts.items, (count, far) => (result.hasVerdicts ? count - same[far] : 0));
  return {
    num_bits: gallery.numBits,
    parts: gallery.manifest.parts,
    query: describeQuery(gallery, result.query),
    first: rows.length ? { ...gallery.describe(rows[0]), rank: 1 } : null,
    counted: gallery.lists ? `of the ${plural(result.numCompared, "tile")} searched` : "",
    histogram: { same, other, unknown: Array.from(counts.items, (count, far) => count - same[far] - other[far]) },
    judged: result.hasVerdicts,
    relevance: gallery.manifest.relevance,
    shown: rows.length,
    agreement: agreement(result, rows),
    curve: curve(result),
    reach: options.radius ?? result.farthest,
  };
}

/**
 * The share of tiles that agree with the query in each bit.
 * @param {SearchResult} result
 * @param {number[]} rows
 */
function agreement({ gallery, query }, rows) {
  if (!rows.length) return [];
  const own = bytesOf(codeOf(gallery, query));
  const codes = rows.map((row) => bytesOf(gallery.code(row)));
  return Array.from({ length: gallery.numBits }, (_, place) => {
    const [byte, mask] = [place >> 3, 128 >> (place & 7)];
    const agree = (/** @type {Uint8Array} */ code) => ((code[byte] ^ own[byte]) & mask ? 0 : 1);
    return codes.reduce((sum, code) => sum + agree(code), 0) / rows.length;
  });
}

/** Nothing for lists: how many tiles of the class there are in others is not known. @param {SearchResult} result */
function curve({ gallery, labeledCounts: { items, relevant } }) {
  if (gallery.lists) return [];
  const total = relevant.reduce((sum, count) => sum + count, 0);
  /** @type {[number, number][]} */
  const points = [];
  let [found, right] = [0, 0];
  for (let far = 0; far < items.length && total; far++) {
    found += items[far];
    right += relevant[far];
    if (items[far]) points.push([right / total, right / found]);
  }
  return points;
}

/**
 * The rows of the selected tiles, nearest to the query first, and their distances.
 * @param {State} state
 */
export function selectedTiles({ gallery, query, selection }) {
  const far = gallery.distancesTo(codeOf(gallery, query), selection);
  return Array.from(selection, (_, place) => place)
    .sort((one, other) => far[one] - far[other] || selection[one] - selection[other])
    .map((place) => /** @type {const} */ ([selection[place], far[place]]));
}

/**
 * @param {State} state
 * @param {ReturnType<typeof selectedTiles>} tiles of which the first `shown` are loaded
 * @param {number} shown
 */
export function selectedView({ gallery }, tiles, shown) {
  if (!tiles.length) {
    const words = "Select tiles with Space or the box on a card, or draw around dots in a space.";
    return { heading: "No tile is selected", note: words, cards: [], more: 0 };
  }
  const { label_names: every, relevance } = gallery.manifest;
  const none = `without a ${relevance.label}`;
  const names = mostCommon(
    tiles.flatMap(([row]) => {
      const labels = gallery.labelNames(row);
      return labels.length ? labels : [none];
    }),
  );
  const words = names.slice(0, 3).map(([name, count]) => `${count.toLocaleString("en")} ${name}`);
  const list = [...words, ...(names.length > 3 ? ["…"] : [])].join(", ");
  const part = tiles.length > shown ? ` The nearest ${shown} are shown.` : "";
  return {
    heading: plural(tiles.length, "selected tile"),
    note: `${every.length ? `${list}; nearest` : "Nearest"} to the query first.${part}`,
    cards: tiles.slice(0, shown).map(([row, distance]) => {
      const tile = gallery.describe(row);
      const far = plural(distance, "bit");
      const given = gallery.annotations.state.given.of(row);
      return { ...tile, alt: alt(fullName(tile), `${far} from the query`, givenWords(given)), far, given };
    }),
    more: Math.max(0, Math.min(tiles.length - shown, MAX_SELECTED_CARDS)),
  };
}
