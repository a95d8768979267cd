// @ts-check
// Tiles to which persons gave different classes, as `rsh.gallery.annotations.conflicts`.

/** @import { ClassChange, LabelEvent } from "./types" */

/** @typedef {{ name: string, event: LabelEvent }} Statement */

/**
 * @param {[number: number, change: ClassChange][]} changes
 * @param {LabelEvent[]} events
 * @param {boolean[]} inEffect
 * @returns {{ row: number, statements: Statement[] }[]} by row; the last statement of each person, in their order
 */
export function findConflicts(changes, events, inEffect) {
  const counted = changes.filter(([number]) => inEffect[number]);
  const personOf = (/** @type {number} */ number) => events[number].visitor.author || events[number].visitor.token;
  if (new Set(counted.map(([number]) => personOf(number))).size < 2) return [];
  /** The last statement of each person about each tile. @type {Map<number, Map<string, Statement>>} */
  const said = new Map();
  for (const [number, { class: name, settles, tiles }] of counted) {
    const person = personOf(number);
    for (const row of tiles.rows) {
      if (settles || !name) said.delete(row);
      if (!name) continue;
      const known = said.get(row) ?? new Map();
      known.delete(person); // so that it comes last
      said.set(row, known.set(person, { name, event: events[number] }));
    }
  }
  return [...said]
    .map(([row, persons]) => ({ row, statements: [...persons.values()] }))
    .filter(({ statements }) => new Set(statements.map(({ name }) => name)).size > 1)
    .sort((one, other) => one.row - other.row);
}
