import { make } from "./shared.js";

const MEANINGS = {
  "bits away": "in how many bits two codes differ: their Hamming distance. The fewer, the nearer.",
  "precision@k": "the share of the first k tiles that have the query's class: 1.00 is all of them.",
  recall: "the share of all tiles of the query's class that are among those found.",
  tied:
    "equally far from the query, so that the codes cannot tell which comes first: a bracket holds them, and " +
    "\u201c2 bits \u00b7 19 of 142\u201d means that 142 tiles are 2 bits away, of which 19 are shown. They stand in a " +
    "shuffled order; precision is the mean over all orders they could stand in.",
  score:
    "how alike two tiles are by the measure chosen under \u201cOrder by\u201d, which sees more than bits: 1 is the same, " +
    "0 is nothing in common.",
  "overlap@k":
    "the share of the first k tiles that both sides find, the mean over all orders of ties: 1.00 is the same tiles.",
  "average precision":
    "the mean of the precision at each tile of the query's class, down the whole gallery: 1.00 is all of them before any other.",
  "features before the bits":
    "the numbers of which the network makes the bits, compared by the cosine of their angle (cos): what is lost in between.",
};

// What a newcomer may not know, folded away.
export function glossary(...terms) {
  const entries = terms.flatMap((term) => [make("dt", {}, term), make("dd", {}, MEANINGS[term])]);
  return make(
    "details",
    { class: "rsh-terms" },
    make("summary", {}, "What do these words mean?"),
    make("dl", {}, ...entries),
  );
}
