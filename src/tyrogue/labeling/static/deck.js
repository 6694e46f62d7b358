/**
 * The deck: the text on screen, the texts after it, and the decisions that can be taken back. Pure; no DOM, no network.
 *
 * @import {Item, Action} from "./types.js"
 * @import {Delta} from "./tally.js"
 *
 * @typedef {Object} Decision
 * @property {string} token
 * @property {number|null} itemId -1 of a region; null of a second look
 * @property {Item|null} item as it was shown; null for what was not decided on the card
 * @property {Action|"queue"} action
 * @property {number|null} classId
 * @property {number} [more] texts that got the label beside the item; all of a region's
 * @property {Delta} [delta] what a correction changed in the counts
 * @property {number[]} [queued] rows that were put first in the queue
 */

export const AHEAD = 10; // asked for; at least 5 stay in the browser while an answer is on its way
const MOST = 100; // the server gives no more at once

export class Deck {
  constructor() {
    /** @type {Item|null} */
    this.current = null;
    /** @type {Item[]} */
    this.ahead = [];
    /** @type {Decision[]} */
    this.decisions = [];
    /** Items decided on this page: a late answer of /api/next must not bring them back. */
    this.decided = new Set();
    /** Tokens of decisions that the server refused. */
    this.refused = new Set();
  }

  /** Whether it is time to ask for more. */
  get low() {
    return !this.current || this.ahead.length <= AHEAD / 2;
  }

  /**
   * How many to ask for: the server counts what is on screen, and what it has not yet heard was decided.
   * @param {number} unsent
   */
  wants(unsent) {
    return Math.min(MOST, AHEAD + 1 + unsent);
  }

  /**
   * Takes the server's list as the order of what comes next; the text on screen stays where it is, and as it is: a
   * suggestion that changed between reading and Enter would label wrongly. `refresh` is for when it was asked to change.
   * @param {Item[]} items
   * @param {{refresh?: boolean}} [options]
   */
  receive(items, { refresh = false } = {}) {
    const same = refresh && items.find((item) => item.id === this.current?.id);
    if (same && this.current) this.current = { ...same, label: this.current.label ?? same.label };
    const seen = new Set([this.current?.id]);
    this.ahead = items.filter((item) => {
      const fresh = !seen.has(item.id) && !this.decided.has(item.id);
      seen.add(item.id);
      return fresh;
    });
    if (!this.current) this.current = this.ahead.shift() ?? null;
  }

  /**
   * Records a decision about the current text and moves on; gives the decided item.
   * @param {string} token
   * @param {Action} action
   * @param {number|null} classId
   * @param {number} [more] copies that get the same label
   */
  decide(token, action, classId, more = 0) {
    const item = this.current;
    if (!item) return null;
    this.decided.add(item.id);
    this.decisions.push({ token, itemId: item.id, item, action, classId, more });
    this.current = this.ahead.shift() ?? null;
    return item;
  }

  /**
   * Remembers a correction made elsewhere than on the card, so that undo takes things back in their order.
   * @param {string} token
   * @param {number|null} itemId null for a second look
   * @param {number|null} classId
   * @param {Delta} [delta]
   * @param {Action} [action]
   */
  correct(token, itemId, classId, delta = undefined, action = "label") {
    this.decisions.push({ token, itemId, item: null, action, classId, delta });
  }

  /** Remembers texts that were put first in the queue. @param {string} token @param {number[]} rows */
  queue(token, rows) {
    this.decisions.push({ token, itemId: -1, item: null, action: "queue", classId: null, queued: rows });
  }

  /**
   * Remembers a region that was labeled at once; undo takes all of it back.
   * @param {string} token
   * @param {number} classId
   * @param {number} more
   */
  together(token, classId, more) {
    this.decisions.push({ token, itemId: -1, item: null, action: "label", classId, more });
  }

  /** The server says how many of a region it labeled. @param {string} token @param {number} more */
  settle(token, more) {
    const region = this.decisions.find((decision) => decision.token === token);
    if (region) region.more = more;
  }

  /** Forgets texts that were decided elsewhere; gives whether the one on screen was among them. @param {number[]} rows */
  forget(rows) {
    const gone = new Set(rows);
    this.ahead = this.ahead.filter((item) => !gone.has(item.row));
    if (!this.current || !gone.has(this.current.row)) return false;
    this.current = this.ahead.shift() ?? null;
    return true;
  }

  /** Forgets the texts, for somebody else has been at them; decisions can still be taken back. */
  clear() {
    this.current = null;
    this.ahead = [];
  }

  /** Takes the newest decision off the list; gives it, or null when this page made none. */
  takeBack() {
    const decision = this.decisions.pop() ?? null;
    if (decision?.item) this.putBack({ ...decision.item, label: decision.classId });
    return decision;
  }

  /**
   * Shows an item now; the one on screen comes after it.
   * @param {Item} item
   */
  putBack(item) {
    this.decided.delete(item.id);
    const rest = this.ahead.filter((other) => other.id !== item.id);
    const shown = this.current && this.current.id !== item.id ? [this.current] : [];
    this.ahead = [...shown, ...rest];
    this.current = item;
  }

  /**
   * Shows the waiting item of a row now; gives whether there was one.
   * @param {number} row
   */
  bring(row) {
    const item = this.ahead.find((other) => other.row === row);
    if (item) this.putBack(item);
    return Boolean(item) || this.current?.row === row;
  }

  /**
   * Forgets a decision the server refused: its text may come again.
   * @param {string} token
   */
  refuse(token) {
    this.refused.add(token);
    const refused = this.decisions.find((decision) => decision.token === token);
    this.decisions = this.decisions.filter((decision) => decision !== refused);
    if (refused) this.decided.delete(refused.itemId);
  }

  /**
   * Takes an item off again that undo had put back: its decision stands. Gives whether it was the one on screen.
   * @param {number} id
   */
  dismiss(id) {
    this.decided.add(id);
    this.ahead = this.ahead.filter((item) => item.id !== id);
    if (this.current?.id !== id) return false;
    this.current = this.ahead.shift() ?? null;
    return true;
  }
}

/** Gives the words for a decision that was taken back. @param {Decision} decision */
export function takenBack({ item, itemId, action, more = 0 }) {
  if (itemId < 0) return `${more} labels taken back.`;
  if (more) return `Taken back, and from its ${more === 1 ? "copy" : `${more} copies`}.`;
  if (item) return "Taken back.";
  return action === "flag" ? "Flag taken back." : "Correction taken back.";
}
