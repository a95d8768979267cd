// @ts-check
// What was used last stays in memory.

/**
 * Keep an entry as the last one, and forget the first one if there are too many.
 * @template Key, Value
 * @param {Map<Key, Value>} map
 * @param {Key} key
 * @param {Value} value
 * @param {number} most
 */
export function keepLast(map, key, value, most) {
  map.delete(key);
  map.set(key, value);
  if (map.size > most) map.delete(/** @type {Key} */ (map.keys().next().value));
}
