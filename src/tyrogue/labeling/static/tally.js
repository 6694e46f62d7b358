/**
 * Counts at the speed of the hand: the server's numbers plus the decisions it had not heard of when it counted. Pure.
 *
 * @import {ServerState, Action} from "./types.js"
 * @typedef {{labeled: number, skipped: number, flagged: number, answered: number, classes: Record<number, number>}} Delta
 */

/**
 * Gives what one decision changes.
 * @param {Action} action
 * @param {number|null} classId
 * @param {number} [more] texts beside it that got the label
 * @returns {Delta}
 */
export function deltaOf(action, classId, more = 0) {
  const labeled = action === "label";
  return {
    labeled: labeled ? 1 + more : 0,
    skipped: action === "skip" ? 1 : 0,
    flagged: action === "flag" ? 1 : 0,
    answered: 1,
    classes: labeled && classId !== null ? { [classId]: 1 + more } : {},
  };
}

/** Gives what the label of a whole region changes: texts that no batch asked for. @param {number} classId @param {number} n */
export function regionDelta(classId, n) {
  return { labeled: n, skipped: 0, flagged: 0, answered: 0, classes: { [classId]: n } };
}

/** @param {Delta} delta @returns {Delta} */
export function negate(delta) {
  const classes = Object.fromEntries(Object.entries(delta.classes).map(([id, n]) => [id, -n]));
  return { labeled: -delta.labeled, skipped: -delta.skipped, flagged: -delta.flagged, answered: -delta.answered, classes };
}

/** Gives what a decision of the deck had changed. @param {import("./deck.js").Decision} decision */
export function decisionDelta({ itemId, action, classId, delta, more = 0 }) {
  if (delta) return delta;
  return itemId < 0 && classId !== null ? regionDelta(classId, more) : deltaOf(action, classId, more);
}

export class Tally {
  constructor() {
    /** @type {Map<string, {delta: Delta, heard: number|null}>} */
    this.entries = new Map();
  }

  /** @param {string} token @param {Delta} delta */
  add(token, delta) {
    this.entries.set(token, { delta, heard: null });
  }

  /** @param {string} token */
  drop(token) {
    this.entries.delete(token);
  }

  /** The server acknowledged a decision at a time (ms). @param {string} token @param {number} time */
  heard(token, time) {
    const entry = this.entries.get(token);
    if (entry) entry.heard = time;
  }

  /** A count asked for at `time` holds all that was acknowledged before. @param {number} time */
  counted(time) {
    for (const [token, { heard }] of this.entries) if (heard !== null && heard < time) this.entries.delete(token);
  }

  /**
   * Gives the state with what the server has not counted yet.
   * @param {ServerState} state
   * @returns {ServerState}
   */
  over(state) {
    const sum = { labeled: state.labeled, skipped: state.skipped, flagged: state.flagged, today: state.today };
    let answered = state.round?.answered ?? 0;
    const classes = state.classes.map((one) => ({ ...one }));
    for (const { delta } of this.entries.values()) {
      sum.labeled += delta.labeled;
      sum.today += delta.labeled;
      sum.skipped += delta.skipped;
      sum.flagged += delta.flagged;
      answered += delta.answered;
      for (const one of classes) one.labeled += delta.classes[one.id] ?? 0;
    }
    const round = state.round && { ...state.round, answered: Math.max(0, Math.min(answered, state.round.size)) };
    return { ...state, ...sum, classes, round };
  }
}
