// @ts-check
// Wrong input, as `rsh.errors` and `rsh.explorer.alerts` word it.

import { SiteError } from "./store.js";

export class InputError extends SiteError {
  /**
   * @param {string} reason one sentence: what is wrong, and the way out
   * @param {string} [what] a visitor's word for what was given, such as "filter"
   * @param {string} [value] what was given for it
   */
  constructor(reason, what = "", value = "") {
    super(what ? `the ${what} “${value}”: ${reason}` : reason);
    this.reason = reason;
  }
}
