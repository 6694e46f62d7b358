/**
 * The tour of the demo: a strip above the text, never over it, that opens one panel after the other and says in two
 * sentences what it is for. Labeling goes on meanwhile; digits label, the arrows step, Esc ends.
 */

import { byId, calm, h, write } from "./dom.js";

const SEEN = "tyrogue:tour";
const WIDE = "(min-width: 60.01rem)";

/**
 * @typedef {Object} Step
 * @property {string} title
 * @property {string} words
 * @property {string} [panel] opened for it
 * @property {string} [mark] selector of what the words are about, inside the panel
 * @property {"label"|"autopilot"} [does] what is tried in it
 */

/** @type {readonly Step[]} */
export const STEPS = Object.freeze([
  { title: "Label by key", words: "Read the text and press the number of its class. It is saved at once, and Backspace takes it back.", does: "label" },
  { title: "Why this one?", words: "Each text says why it was asked: how many were drawn, what it stands for, and how unsure the model is. Any time: key w.", panel: "why" },
  { title: "Watch it learn", words: "In the demo the answers are known. Let the autopilot give them for a while: every new model adds a point to the curve.", panel: "learning", mark: ".autopilot", does: "autopilot" },
  { title: "The dial", words: "To the left it explores texts of every kind, to the right it asks what the model doubts most. It re-ranks what you have not seen yet.", panel: "learning", mark: ".dial" },
  { title: "The map", words: "Texts that are alike lie together. Hover to read, draw around a group, and label or queue it as a whole.", panel: "map" },
  { title: "Honest accuracy", words: "One text in ten is a random check, labeled blind and never trained on. From these come the accuracy, its interval, and reasons to stop.", panel: "learning", mark: ".judgement" },
  { title: "Take it with you", words: "The labels as CSV, JSONL or Parquet, at any moment. The model comes with tyrogue export, for plain transformers.", panel: "learning", mark: ".exports" },
]);

export class Tour {
  /**
   * @param {{session: import("./session.js").Session, panels: import("./panels/panels.js").Panels, api: any,
   *   reload: () => Promise<void>, storage: Storage|null}} parts
   */
  constructor(parts) {
    Object.assign(this, parts);
    this.at = -1;
    this.strip = byId("tour");
    this.answering = false; // whether the tour has switched the autopilot on
    document.addEventListener("keydown", (event) => this.onKey(event));
    this.session.addEventListener("card", ({ detail }) => detail.leaving && this.decided());
  }

  get running() {
    return this.at >= 0;
  }

  /** Offers itself once, in the demo only. */
  offer() {
    const { project, autopilot } = this.session.state;
    if (project !== "demo" || !autopilot.available || this.storage?.getItem(SEEN)) return;
    const later = () => {
      this.remember();
      this.hide();
    };
    this.show(button("Take the tour, 60 s", () => this.start()), button("Not now", later));
    this.strip.classList.add("offer");
  }

  start() {
    this.remember();
    this.panels.close();
    this.go(0);
  }

  /** @param {number} to of STEPS; past the last one the tour ends */
  go(to) {
    this.rest();
    if (to >= STEPS.length) return this.end();
    this.at = Math.max(0, to);
    const step = STEPS[this.at];
    this.open(step);
    this.draw(step);
    this.focus(step);
  }

  open({ panel, mark }) {
    if (!panel) this.panels.close();
    else if (this.panels.current?.name !== panel) this.panels.open(panel);
    this.marked?.classList.remove("tour-here");
    this.marked = mark ? byId("panel-body").querySelector(mark) : null;
    this.marked?.classList.add("tour-here");
  }

  draw(step) {
    const last = this.at === STEPS.length - 1;
    const words = h("p", { id: "tour-words" }, h("b", {}, step.title), ` ${step.words}`);
    const place = h("span", { class: "small" }, `${this.at + 1} of ${STEPS.length}`);
    this.trial = step.does === "autopilot" ? button("Start the autopilot", () => this.answer(!this.answering)) : null;
    this.next = button(last ? "Done" : "Next", () => this.go(this.at + 1), "→");
    const back = this.at ? button("Back", () => this.go(this.at - 1), "←") : null;
    const end = last ? null : button("End", () => this.end(), "Esc");
    this.show(words, h("div", { class: "tour-row" }, place, this.trial, back, this.next, end));
    this.strip.classList.remove("offer");
    for (const one of [this.next, this.trial]) one?.setAttribute("aria-describedby", "tour-words");
  }

  focus() {
    (this.trial ?? this.next).focus({ preventScroll: true });
    this.keepInSight();
    // On a narrow screen the strip stands between the text and the panel: the words come first.
    if (!matchMedia(WIDE).matches) this.strip.scrollIntoView({ block: "start" });
  }

  /** What the words are about stays in sight while the panel fills above it, until a hand scrolls elsewhere. */
  keepInSight() {
    this.growth?.disconnect();
    // Within the panel only, where it scrolls by itself: text and strip stay in sight.
    if (!this.marked || !matchMedia(WIDE).matches) return;
    const panel = byId("panel");
    const align = (behavior) => {
      const top = this.marked.getBoundingClientRect().top - panel.getBoundingClientRect().top - 60; // px of air above
      if (Math.abs(top) > 1) panel.scrollBy({ top, behavior });
    };
    align(calm() ? "auto" : "smooth");
    const growth = new ResizeObserver(() => align("auto"));
    this.growth = growth;
    growth.observe(byId("panel-body"));
    for (const type of ["wheel", "pointerdown", "keydown"]) panel.addEventListener(type, () => growth.disconnect(), { once: true, passive: true });
  }

  /** Someone has tried the first step. */
  decided() {
    if (STEPS[this.at]?.does === "label") queueMicrotask(() => this.running && this.go(this.at + 1));
  }

  /** Switches the autopilot, which answers with the known labels until the next step. @param {boolean} on */
  async answer(on) {
    this.answering = on;
    if (this.trial) write(this.trial, on ? "Stop the autopilot" : "Start the autopilot");
    try {
      await this.api.autopilot(on, 0.3);
      await this.reload();
    } catch (error) {
      this.answering = false;
      this.session.say(error.message);
    }
  }

  /** Leaves the step as it was found. */
  rest() {
    this.growth?.disconnect();
    if (this.answering) this.answer(false);
  }

  end() {
    this.rest();
    this.at = -1;
    this.marked?.classList.remove("tour-here");
    this.hide();
    byId("reading").focus({ preventScroll: true });
    this.session.say("The tour has ended. Help (key ?) starts it again.");
  }

  /** @param {KeyboardEvent} event */
  onKey(event) {
    if (!this.running || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (/** @type {HTMLElement} */ (event.target).closest?.("input, textarea, select, .map-box")) return; // arrows are theirs
    if (event.key === "Escape") this.end();
    else if (event.key === "ArrowRight") this.go(this.at + 1);
    else if (event.key === "ArrowLeft") this.go(this.at - 1);
    else return;
    event.preventDefault();
  }

  show(...parts) {
    this.strip.replaceChildren(...parts);
    this.strip.hidden = false;
  }

  hide() {
    this.strip.hidden = true;
    this.strip.replaceChildren();
  }

  remember() {
    try {
      this.storage?.setItem(SEEN, "seen");
    } catch {
      // A full storage: it is offered once more.
    }
  }
}

function button(words, click, key = "") {
  return h("button", { class: "quiet", type: "button", on: { click } }, words, key && h("kbd", { "aria-hidden": "true" }, key));
}
