/**
 * What is known of the points: places, labels, what the model thinks, what others would pick. Pure.
 *
 * @typedef {"label"|"prediction"|"entropy"|"round"} Colouring
 * @typedef {{colour: number, of: string, count: number}} Entry of the legend
 */

import { Index } from "./geometry.js";

export const NO_CLASS = -1;
export const STEPS = 5; // shades of a scale
export const MOST_ROUNDS = 5;

export class Points {
  constructor() {
    this.version = /** @type {number|null} */ (null);
    this.method = "";
    this.rows = new Int32Array(0);
    this.index = new Index(new Float32Array(0), new Float32Array(0));
    /** @type {Map<number, number>} where a row stands */
    this.at = new Map();
    this.labels = new Int32Array(0);
    this.rounds = new Int32Array(0);
    this.predicted = new Int32Array(0);
    this.entropy = new Int16Array(0);
    this.opinionOf = /** @type {{model: string, stands_in: boolean, version: number}|null} */ (null);
    /** @type {Set<number>} positions that wait in the queue */
    this.waiting = new Set();
    /** @type {Set<number>} positions kept for honest checks */
    this.audit = new Set();
    /** @type {number[]} positions */
    this.picks = [];
  }

  get size() {
    return this.rows.length;
  }

  /** Takes the answer of GET /api/map. */
  place({ version, method, scale, rows, x, y }) {
    this.version = version;
    this.method = method;
    this.rows = Int32Array.from(rows);
    this.index = new Index(Float32Array.from(x, (v) => v / scale), Float32Array.from(y, (v) => v / scale));
    this.at = new Map(rows.map((row, i) => [row, i]));
    this.labels = new Int32Array(rows.length).fill(NO_CLASS);
    this.rounds = new Int32Array(rows.length).fill(-1);
    if (this.opinionOf?.version !== version) this.forgetOpinions();
    this.picks = [];
  }

  forgetOpinions() {
    this.opinionOf = null;
    this.predicted = new Int32Array(this.size).fill(NO_CLASS);
    this.entropy = new Int16Array(this.size).fill(-1);
  }

  /** Takes the answer of GET /api/map/marks. */
  mark({ rows, class_ids: classes, rounds, waiting, audit }) {
    this.labels.fill(NO_CLASS);
    this.rounds.fill(-1);
    rows.forEach((row, n) => {
      const i = this.at.get(row);
      if (i === undefined) return;
      this.labels[i] = classes[n];
      this.rounds[i] = rounds[n] ?? -1;
    });
    this.waiting = new Set(this.positions(waiting));
    this.audit = new Set(this.positions(audit));
  }

  /** Takes the answer of GET /api/map/opinions; gives whether it belongs to this map. */
  believe({ status, version, model, stands_in, class_ids: classes, entropy }) {
    if (status !== "ready" || version !== this.version) return false;
    this.opinionOf = { model, stands_in, version };
    this.predicted = Int32Array.from(classes);
    this.entropy = Int16Array.from(entropy);
    return true;
  }

  /** @param {number[]} rows @returns {number[]} positions of those on the map */
  positions(rows) {
    return rows.map((row) => this.at.get(row)).filter((i) => i !== undefined);
  }

  /** @param {number[]} positions */
  rowsOf(positions) {
    return positions.map((i) => this.rows[i]);
  }

  /** Whether a text may be labeled here: not decided yet, and no blind check. */
  free(i) {
    return this.labels[i] === NO_CLASS && !this.audit.has(i);
  }

  /**
   * Gives a number for each point: the class id, or the shade of a scale; -1 for none.
   * @param {Colouring} by
   * @param {(id: number) => number} today the active class that an id counts for
   */
  colours(by, today) {
    const found = new Int32Array(this.size).fill(-1);
    for (let i = 0; i < this.size; i += 1) found[i] = this.colourOf(i, by, today);
    return found;
  }

  colourOf(i, by, today) {
    if (by === "label") return this.labels[i] === NO_CLASS ? -1 : today(this.labels[i]);
    if (by === "prediction" && this.predicted[i] >= 0) return today(this.predicted[i]);
    if (by === "prediction") return this.labels[i] === NO_CLASS ? -1 : today(this.labels[i]);
    if (by === "entropy") return this.entropy[i] < 0 ? -1 : Math.min(STEPS - 1, Math.floor((this.entropy[i] / 101) * STEPS));
    return this.labels[i] === NO_CLASS ? -1 : this.shadeOfRound(this.rounds[i]);
  }

  /** The oldest rounds share the first shade; what nobody asked for (a region, a search) has the shade 0 too. */
  shadeOfRound(round) {
    const last = this.rounds.reduce((most, one) => Math.max(most, one), 0);
    return Math.max(0, MOST_ROUNDS - 1 - (last - Math.max(0, round)));
  }

  /** Gives how many points have each colour, most first. @returns {Map<number, number>} */
  counts(colours) {
    const found = new Map();
    for (const colour of colours) found.set(colour, (found.get(colour) ?? 0) + 1);
    return found;
  }
}

/** Gives the words of a shade. @param {Colouring} by @param {number} shade @param {number} last the newest round */
export function shadeName(by, shade, last) {
  if (by === "entropy") return `${Math.round((shade * 100) / STEPS)}–${Math.round(((shade + 1) * 100) / STEPS)}%`;
  const round = last - (MOST_ROUNDS - 1 - shade);
  if (shade === 0 && last >= MOST_ROUNDS) return `batch ${Math.max(0, round) + 1} and before`;
  return `batch ${round + 1}`;
}
