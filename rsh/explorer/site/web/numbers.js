// @ts-check
// Numbers as Python writes them: a half goes to the even digit, where JavaScript rounds it up.

const MANY = 100; // digits, which show exactly whether a number lies in the middle of two others
const HALF = /^50*$/;

/**
 * A number with a fixed count of decimals, as the format ".2f" of Python writes it.
 * @param {number} value
 * @param {number} digits after the point
 */
export function fixed(value, digits) {
  const [whole, decimals] = value.toFixed(MANY).split(".");
  const down = digits ? `${whole}.${decimals.slice(0, digits)}` : whole;
  return HALF.test(decimals.slice(digits)) && isEven(down) ? down : value.toFixed(digits);
}

/**
 * A number with at most six digits, as the format "g" of Python writes it.
 * @param {number} value
 */
export function general(value) {
  const [exact, power] = value.toExponential(MANY).split("e");
  const down = exact.slice(0, -(MANY - 5));
  const isDown = HALF.test(exact.slice(-(MANY - 5))) && isEven(down);
  const [digits, exponent] = isDown ? [down, power] : value.toExponential(5).split("e");
  if (Number(exponent) >= -4 && Number(exponent) < 6) return String(Number(`${digits}e${exponent}`));
  return `${Number(digits)}e${exponent[0]}${exponent.slice(1).padStart(2, "0")}`;
}

/** @param {string} digits */
const isEven = (digits) => "02468".includes(digits[digits.length - 1]);
