// @ts-check
// JSON and numbers as Python's `json.dumps` and `repr` write them, so that files of both homes are the same.

/** A number that is written as a float, such as 1.0. */
export class Float {
  /** @param {number} value */
  constructor(value) {
    this.value = value;
  }

  toString() {
    const { value } = this;
    const [digits, exponent] = value.toExponential().split("e");
    const power = Number(exponent);
    if (power < -4 || power >= 16) {
      return `${digits}e${power < 0 ? "-" : "+"}${String(Math.abs(power)).padStart(2, "0")}`;
    }
    if (Object.is(value, -0)) return "-0.0";
    return Number.isInteger(value) ? `${value}.0` : String(value);
  }
}

/**
 * @param {unknown} value
 * @param {number} [indent] spaces before each level; by default all is on one line
 * @returns {string}
 */
export function toJson(value, indent = 0, level = 1) {
  if (value instanceof Float || typeof value === "bigint") return String(value);
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const [start, between, end] = indent
    ? [`\n${" ".repeat(indent * level)}`, `,\n${" ".repeat(indent * level)}`, `\n${" ".repeat(indent * (level - 1))}`]
    : ["", ", ", ""];
  const isList = Array.isArray(value);
  const parts = isList
    ? value.map((one) => toJson(one, indent, level + 1))
    : Object.entries(value).map(([key, one]) => `${JSON.stringify(key)}: ${toJson(one, indent, level + 1)}`);
  const [open, close] = isList ? "[]" : "{}";
  return parts.length ? open + start + parts.join(between) + end + close : open + close;
}
