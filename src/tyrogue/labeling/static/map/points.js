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
    /** @type {Set<number>} positions of what is in my hand: it comes next */
    this.mine = new Set();
    /** @type {Set<number>} positions of the rest of the queue */
    this.waiting = new Set();
    /** @type {Set<number>} positions of checks that were decided */
    this.audit = new Set();
    /** @type {number[]} positions */
    this.picks = [];
    /** @type {number[]} rows of checks that somebody has yet to decide: they are not shown */
    this.undecided = [];
    /** @type {number|null} row of the check on the card */
    this.veiled = null;
  }

  get size() {
    return this.rows.length;
  }

  /** Positions that are not shown: neither drawn, nor found by any hand. */
  get hidden() {
    return this.index.hidden;
  }

  /** Takes the answer of GET /api/map: all points, or with `since` those that came after that version. */
  place({ version, since, method, scale, rows, x, y }) {
    const came = { rows, xs: Float32Array.from(x, (v) => v / scale), ys: Float32Array.from(y, (v) => v / scale) };
    const more = since !== undefined;
    const all = more ? this.joined(came) : came;
    const before = { at: this.at, predicted: this.predicted, entropy: this.entropy };
    Object.assign(this, { version, method, rows: Int32Array.from(all.rows), index: new Index(all.xs, all.ys) });
    this.at = new Map();
    for (let i = 0; i < this.size; i += 1) this.at.set(this.rows[i], i);
    this.labels = new Int32Array(this.size).fill(NO_CLASS);
    this.rounds = new Int32Array(this.size).fill(-1);
    if (more) this.remember(before);
    else if (this.opinionOf?.version !== version) this.forgetOpinions();
    this.picks = [];
    this.conceal();
  }

  /** The points there are and those that came, in the order of their rows, as the server counts them. */
  joined(came) {
    const n = this.size;
    const rowOf = (i) => (i < n ? this.rows[i] : came.rows[i - n]);
    const order = Array.from({ length: n + came.rows.length }, (_, i) => i).sort((a, b) => rowOf(a) - rowOf(b));
    const pick = (old, fresh) => Float32Array.from(order, (i) => (i < n ? old[i] : fresh[i - n]));
    return { rows: order.map(rowOf), xs: pick(this.index.xs, came.xs), ys: pick(this.index.ys, came.ys) };
  }

  /** Opinions go on for the points that were there, until those of the new version are told. */
  remember({ at, predicted, entropy }) {
    const of = (list, none) => (row) => list[at.get(row) ?? -1] ?? none;
    this.predicted = this.rows.map(of(predicted, NO_CLASS));
    this.entropy = Int16Array.from(this.rows, of(entropy, -1));
  }

  forgetOpinions() {
    this.opinionOf = null;
    this.predicted = new Int32Array(this.size).fill(NO_CLASS);
    this.entropy = new Int16Array(this.size).fill(-1);
  }

  /** Takes the answer of GET /api/map/marks. */
  mark({ rows, class_ids: classes, rounds, mine, waiting, audit, hidden }) {
    this.labels.fill(NO_CLASS);
    this.rounds.fill(-1);
    rows.forEach((row, n) => {
      const i = this.at.get(row);
      if (i === undefined) return;
      this.labels[i] = classes[n];
      this.rounds[i] = rounds[n] ?? -1;
    });
    this.mine = new Set(this.positions(mine));
    this.waiting = new Set(this.positions(waiting));
    this.audit = new Set(this.positions(audit));
    this.undecided = hidden;
    this.conceal();
  }

  /** Hides the check on the card too; gives whether that changes the picture. @param {number|null} row */
  veil(row) {
    const before = [...this.hidden].join();
    this.veiled = row;
    this.conceal();
    return before !== [...this.hidden].join();
  }

  conceal() {
    const rows = this.veiled === null ? this.undecided : [...this.undecided, this.veiled];
    this.index.hidden = new Set(this.positions(rows));
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
    return this.labels[i] === NO_CLASS && !this.audit.has(i) && !this.hidden.has(i);
  }

  /**
   * Gives a number for each point: the class id, or the shade of a scale; -1 for none.
   * @param {Colouring} by
   * @param {(id: number) => number} today the active class that an id counts for
   */
  colours(by, today) {
    const known = new Map();
    const counted = (id) => {
      if (!known.has(id)) known.set(id, today(id));
      return known.get(id);
    };
    const last = by === "round" ? this.lastRound : 0;
    return Int32Array.from({ length: this.size }, (_, i) => this.colourOf(i, by, counted, last));
  }

  colourOf(i, by, today, last) {
    if (by === "entropy") return this.entropy[i] < 0 ? -1 : Math.min(STEPS - 1, Math.floor((this.entropy[i] / 101) * STEPS));
    if (by === "prediction" && this.predicted[i] >= 0) return today(this.predicted[i]);
    if (this.labels[i] === NO_CLASS) return -1;
    return by === "round" ? shadeOfRound(this.rounds[i], last) : today(this.labels[i]);
  }

  /** The newest round that any label is of. */
  get lastRound() {
    return this.rounds.reduce((most, one) => Math.max(most, one), 0);
  }

  /** Gives how many points have each colour. @returns {Map<number, number>} */
  counts(colours) {
    const found = new Map();
    for (const colour of colours) found.set(colour, (found.get(colour) ?? 0) + 1);
    return found;
  }
}

/** The oldest rounds share the first shade; what nobody asked for (a region, a search) has the shade 0 too. */
const shadeOfRound = (round, last) => Math.max(0, MOST_ROUNDS - 1 - (last - Math.max(0, round)));

/** Gives the words of a shade. @param {Colouring} by @param {number} shade @param {number} last the newest round */
export function shadeName(by, shade, last) {
  if (by === "entropy") return `${Math.round((shade * 100) / STEPS)}–${Math.round(((shade + 1) * 100) / STEPS)}%`;
  const round = last - (MOST_ROUNDS - 1 - shade);
  if (shade === 0 && last >= MOST_ROUNDS) return `batch ${Math.max(0, round) + 1} and before`;
  return `batch ${round + 1}`;
}
