/**
 * A session of labeling: joins the deck (what is on screen), the outbox (what must reach the server) and the tally
 * (what is counted), and tells the page what changed by events: `card`, `save`, `state`, `say`, `journal`, `undone`.
 * No DOM here: tests drive it with a fake server.
 *
 * @import {Action, Annotation, ServerState} from "./types.js"
 */

import { Deck } from "./deck.js";
import { Stopwatch } from "./stopwatch.js";
import { Tally, deltaOf, negate } from "./tally.js";
import { undoLast } from "./undo.js";

export class Session extends EventTarget {
  /**
   * @param {{api: ReturnType<typeof import("./api.js").connect>, outbox: import("./queue.js").Outbox, state: ServerState,
   *   now: () => number, newToken: () => string}} parts
   */
  constructor({ api, outbox, state, now, newToken }) {
    super();
    Object.assign(this, { api, outbox, now, newToken });
    this.deck = new Deck();
    this.tally = new Tally();
    this.watch = new Stopwatch(now);
    this.state = state;
    this.stateAt = now();
    /** Why there is no text: null, "preparing", "done", or "resuming" after the autopilot. @type {string|null} */
    this.reason = "preparing";
    this.online = true;
    this.locked = false;
    /** An undo whose text only the server knows is on its way: nothing may be decided meanwhile. */
    this.waiting = false;
    /** The autopilot labels; the hand rests. */
    this.paused = state.autopilot.on;
    this.note = "";
    /** The next label goes to the near-identical texts too: consent, given anew for each text. */
    this.armed = false;
    /** @type {{text: string, detail: string}[]} */
    this.refusals = [];
    outbox.onChange = () => this.tell("save");
  }

  /** Counts what an earlier page left unsent as decided: the server, not yet told, would offer those texts again. */
  adopt() {
    const items = [];
    for (const { kind, body } of this.outbox.operations) {
      if (kind === "undo") items.pop();
      else items.push(body.item); // none for a region or a second look
    }
    for (const item of items) if (item !== undefined) this.deck.decided.add(item);
  }

  tell(type, detail = undefined) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  say(words) {
    this.tell("say", words);
  }

  /** The server's state with the decisions it has not counted yet. */
  get view() {
    return this.tally.over(this.state);
  }

  get item() {
    return this.deck.current;
  }

  get suggestionsShown() {
    return this.state.settings.suggestions;
  }

  /** Takes a state that was asked for at `askedAt`. @param {ServerState} state @param {number} askedAt */
  receiveState(state, askedAt) {
    this.tally.counted(askedAt);
    this.state = state;
    this.stateAt = this.now();
    this.reached();
    if (state.autopilot.on !== this.paused) this.setPaused(state.autopilot.on);
    this.tell("state");
    if (this.deck.low) this.refill();
  }

  setPaused(paused) {
    this.paused = paused;
    this.deck.clear();
    this.reason = paused ? this.reason : "resuming";
    this.tell("card", { fresh: false });
    if (!paused) this.refill();
  }

  reached() {
    const back = !this.online || this.locked;
    this.online = true;
    this.locked = false;
    if (!back) return;
    this.outbox.kick();
    this.tell("save");
    this.tell("card", { fresh: false });
  }

  failed(error) {
    const before = [this.online, this.locked].join();
    if (error.status === 401) this.locked = true;
    else this.online = false;
    if (before === [this.online, this.locked].join()) return;
    this.tell("save");
    this.tell("card", { fresh: false });
  }

  /** Asks for the next texts; one request at a time. @param {{refresh?: boolean}} [options] */
  async refill({ refresh = false } = {}) {
    if (this.paused) return;
    if (this.refilling) {
      this.again = { refresh: refresh || Boolean(this.again?.refresh) };
      return;
    }
    this.refilling = true;
    try {
      const { items, reason } = await this.api.next(this.deck.wants(this.outbox.pending));
      this.take(items, reason, refresh);
      this.reached();
    } catch (error) {
      this.failed(error);
    }
    this.refilling = false;
    const again = this.again;
    this.again = null;
    if (again) this.refill(again);
  }

  take(items, reason, refresh) {
    const before = this.deck.current;
    const reasonBefore = this.reason;
    this.deck.receive(items, { refresh });
    this.reason = reason;
    const fresh = before?.id !== this.deck.current?.id;
    if (fresh || refresh || (!before && reason !== reasonBefore)) this.show(fresh);
  }

  /** @param {boolean} fresh another text, not the same one with other marks */
  show(fresh, leaving = null) {
    if (fresh) {
      this.watch.restart();
      this.note = "";
      this.armed = false;
    }
    this.tell("card", { fresh, leaving });
  }

  /**
   * Decides about the text on screen; gives whether there was one to decide about.
   * @param {Action} action
   * @param {number|null} classId
   */
  decide(action, classId = null) {
    if (this.waiting || this.paused || this.locked || !this.deck.current) return false;
    const token = this.newToken();
    const seconds = Math.round(this.watch.read() / 10) / 100;
    const note = this.note || null;
    const also = action === "label" && this.armed ? this.copies : [];
    const item = this.deck.decide(token, action, classId, also.length);
    this.deck.forget(also);
    this.tally.add(token, deltaOf(action, classId, also.length));
    this.show(true, { item, action, classId });
    const body = { item: item.id, action, class_id: classId, note, seconds, ...(also.length ? { also } : {}) };
    this.send(token, body, item.text);
    if (this.deck.low) this.refill();
    return true;
  }

  /** Rows that nearly repeat the text on screen. @returns {number[]} */
  get copies() {
    const near = this.item?.facts?.near;
    return Array.isArray(near) ? near : [];
  }

  /** Says that the next label is for the copies too, or not after all. */
  arm() {
    if (!this.copies.length || this.waiting || this.paused || this.locked) return false;
    this.armed = !this.armed;
    this.tell("card", { fresh: false });
    return true;
  }

  /**
   * Gives an earlier decision another class.
   * @param {Annotation} annotation
   * @param {number} classId
   */
  correct(annotation, classId) {
    const token = this.newToken();
    const was = negate(deltaOf(annotation.action, annotation.class_id));
    const becomes = deltaOf("label", classId);
    const delta = { ...was, labeled: was.labeled + 1, answered: 0, classes: { ...was.classes, ...becomes.classes } };
    this.deck.correct(token, annotation.item, classId, delta);
    this.tally.add(token, delta);
    this.tell("state");
    const body = { item: annotation.item, action: "label", class_id: classId, note: annotation.note ?? null, seconds: null };
    return this.send(token, body, annotation.text ?? "");
  }

  async send(token, body, text) {
    try {
      await this.outbox.push(token, "annotate", { token, ...body });
      this.tally.heard(token, this.now());
      this.tell("journal");
    } catch (error) {
      this.deck.refuse(token);
      this.tally.drop(token);
      this.refusals.push({ text, detail: error.message });
      this.say(`Not recorded: ${error.message}`);
      this.tell("state");
      this.refill();
    }
  }

  /** Takes the last decision back. */
  undo() {
    undoLast(this);
  }

  /** Puts a found text on screen. @param {number} row */
  async queueRow(row) {
    await this.api.enqueue(row);
    const before = this.item?.id;
    await this.refill();
    const shown = this.deck.bring(row);
    if (this.item?.id !== before) this.show(true);
    return shown;
  }

  /** @param {Partial<ServerState["settings"]>} patch */
  async change(patch) {
    const before = this.state.settings;
    this.state = { ...this.state, settings: { ...before, ...patch } };
    this.tell("state");
    this.tell("card", { fresh: false });
    try {
      this.state = { ...this.state, settings: await this.api.settings(patch) };
    } catch (error) {
      this.state = { ...this.state, settings: before }; // refused: the page shows again what is so
      this.tell("card", { fresh: false });
      throw error;
    } finally {
      this.tell("state");
    }
    await this.refill({ refresh: true });
  }
}
