// @ts-check
import { make } from "./shared.js";

const MEANINGS = {
  "Hamming distance": "The number of bits in which two codes differ. The fewer, the nearer the tile.",
  "precision@k":
    "The fraction of the first k results that have the query's class, or one of its labels, averaged over all orders of tied tiles. " +
    "1.00 means all of them. Tiles without a label do not count.",
  recall: "The fraction of all tiles of the query's class, or with one of its labels, that are among the results.",
  tied:
    "At the same distance from the query, so that the codes cannot order them. A bracket groups tied tiles: " +
    "\u201c2 bits \u00b7 19 of 142\u201d means that 142 tiles are 2 bits away and 19 of them are shown. Which of them " +
    "come first is decided by their features, or on a page without a server by the query's soft bits: by how " +
    "sure the network is of each.",
  "held out":
    "Kept apart from training, so that searches with these tiles show what the codes are worth. A search does not " +
    "find them unless you include them.",
  score:
    "The similarity of two tiles by the measure chosen under \u201cRank by\u201d, which is finer than bits. " +
    "1 means the same, 0 means nothing in common.",
  "neighbors kept":
    "How many of the 10 tiles with the most similar features are among the first 10 by code, the mean over " +
    "all orders of ties. It needs no labels: it shows what the code keeps of the features.",
  "overlap@k":
    "The fraction of the first k tiles that both sides retrieve, averaged over all orders of tied tiles. " +
    "1.00 means the same tiles.",
  "average precision":
    "The mean of the precision at each tile of the query's class, or with one of its labels, over the whole gallery. " +
    "1.00 means that all of them come before any other tile.",
  "unquantized features":
    "The numbers from which the network computes the bits, compared by cosine similarity (cos). " +
    "They show what quantization loses.",
};

/**
 * Explain some terms, folded away.
 * @param {...keyof typeof MEANINGS} terms
 */
export function glossary(...terms) {
  const entries = terms.flatMap((term) => [make("dt", {}, term), make("dd", {}, MEANINGS[term])]);
  return make("details", { class: "rsh-glossary" }, make("summary", {}, "Glossary"), make("dl", {}, ...entries));
}
