/** What can be done with a region: read its texts, queue them, or label them all after one confirmation that says how many. */

import { choices, colourOf } from "../colours.js";
import { h } from "../dom.js";
import { count, plural, snippet } from "../format.js";
import { labelRegion, queueRows } from "../regions.js";
import { MOST } from "./surface.js";

const LISTED = 50; // texts that are listed
const QUEUED = 100;

export class RegionBar {
  /** @param {{session: import("../session.js").Session, api: any, reader: import("../keys.js").KeyReader}} context */
  constructor({ session, api, reader }) {
    Object.assign(this, { session, api, reader });
    this.bar = h("div", { class: "map-region", hidden: true });
    this.list = /** @type {HTMLDetailsElement} */ (h("details", { class: "map-list", hidden: true }));
    /** The class that was asked about. @type {import("../types.js").LabelClass|null} */
    this.asked = null;
  }

  /**
   * @param {import("./surface.js").Surface} surface
   * @param {import("./points.js").Points} points
   * @param {() => void} changed called after labels were given or texts queued
   */
  watch(surface, points, changed) {
    Object.assign(this, { surface, points, changed });
    surface.addEventListener("region", () => this.show());
    surface.addEventListener("key", (event) => this.onKey(/** @type {CustomEvent} */ (event)));
  }

  show() {
    this.confirm(null);
    const { region, leftOut } = this.surface;
    const some = region.length > 0;
    this.bar.hidden = !some && !leftOut;
    this.list.hidden = !some;
    this.list.open = false;
    if (this.bar.hidden) return;
    const left = leftOut ? ` ${plural(leftOut, "other")} left out: decided, kept for checks, or beyond ${count(MOST)}.` : "";
    this.bar.replaceChildren(this.words(some ? `${plural(region.length, "text")} in the region.${left}` : `Nothing to label here.${left}`));
    if (!some) return;
    this.bar.append(this.actions());
    this.offerList();
  }

  words(text) {
    return h("p", { class: "map-region-words", role: "status" }, text);
  }

  actions() {
    const classes = choices(this.session.state.classes).map((one) => this.classButton(one, [h("span", { dir: "auto" }, one.name)], () => this.ask(one)));
    const queue = h("button", { class: "button", type: "button", on: { click: () => this.queue() } }, "Queue ", h("kbd", {}, "q"));
    const clear = h("button", { class: "quiet", type: "button", on: { click: () => this.leave() } }, "Clear ", h("kbd", {}, "Esc"));
    return h("div", { class: "map-actions", role: "group", "aria-label": "Label the region" }, ...classes, queue, clear);
  }

  classButton(one, parts, click) {
    return h("button", { class: `chip-button ${colourOf(one.id)}`, type: "button", on: { click } }, h("i", { class: "dot" }), ...parts);
  }

  offerList() {
    const rows = this.points.rowsOf(this.surface.region).slice(0, LISTED);
    const list = h("ol", { class: "results", tabIndex: 0, "aria-label": "Texts of the region" });
    const words = this.surface.region.length > LISTED ? `Read the first ${LISTED} texts of the region` : "Read the texts of the region";
    this.list.replaceChildren(h("summary", {}, words), list);
    this.list.ontoggle = async () => {
      if (!this.list.open || list.children.length) return;
      try {
        const { texts } = await this.api.texts(rows);
        list.replaceChildren(...texts.map((one) => h("li", { class: "entry" }, h("span", { class: "snippet", dir: "auto" }, snippet(one.text, 200)))));
      } catch (error) {
        list.replaceChildren(h("li", {}, error.message));
      }
    };
  }

  /** Keys that the surface leaves: a class for the region, its confirmation, the queue. Others go to the card. */
  onKey(key) {
    const event = key.detail;
    const { region } = this.surface;
    if (event.key === "Escape") {
      if (this.asked ? this.confirm(null) : this.surface.clear()) key.preventDefault();
      return;
    }
    if (!region.length) return;
    if (event.repeat) key.preventDefault();
    else if (event.key === "Enter" && this.asked) this.label(this.asked);
    else if (event.key === "q") this.queue();
    else if (!this.classKey(event)) return;
    key.preventDefault();
  }

  classKey(event) {
    const meaning = this.reader.read(event);
    if (meaning?.kind === "class") this.ask(choices(this.session.state.classes)[meaning.index]);
    else if (meaning?.kind === "command") return false;
    return meaning !== null;
  }

  /** Asks once, with the number; the same class again, or Enter, says yes. */
  ask(one) {
    if (this.asked?.id === one.id) this.label(one);
    else this.confirm(one);
  }

  /** Shows the question, or takes it away; gives whether there was anything to do. */
  confirm(one) {
    const before = this.asked;
    this.asked = one;
    if (this.surface) this.surface.confirming = Boolean(one);
    this.bar.querySelector(".map-confirm")?.remove();
    if (!one) return Boolean(before);
    const words = `Label ${plural(this.surface.region.length, "text")} ${one.name}`;
    const yes = this.classButton(one, [h("b", { dir: "auto" }, words), h("kbd", {}, "Enter")], () => this.label(one));
    const no = h("button", { class: "quiet", type: "button", on: { click: () => this.confirm(null) } }, "No ", h("kbd", {}, "Esc"));
    this.bar.append(h("div", { class: "map-confirm", role: "group", "aria-label": "Sure?" }, yes, no));
    this.session.say(`${words}? Enter says yes, Escape no.`);
    return true;
  }

  async label(one) {
    const rows = this.points.rowsOf(this.surface.region);
    this.confirm(null);
    try {
      const { rows: done, left_out: left } = await labelRegion(this.session, rows, one.id);
      const skipped = left.audit + left.decided;
      this.session.say(`${plural(done.length, "text")} labeled ${one.name}.`);
      this.done(`${plural(done.length, "text")} labeled ${one.name}.${skipped ? ` ${skipped} left as they are.` : ""} Backspace takes all of it back.`);
    } catch (error) {
      this.done(error.message);
    }
  }

  async queue() {
    const { region } = this.surface;
    const rows = this.points.rowsOf(region).slice(0, QUEUED);
    try {
      const { rows: done } = await queueRows(this.session, rows);
      const more = region.length > QUEUED ? `, the first of ${count(region.length)}` : "";
      this.done(`${plural(done.length, "text")} queued${more}: they come next. Backspace takes them out again.`);
    } catch (error) {
      this.done(error.message);
    }
  }

  leave() {
    this.surface.clear();
    this.surface.box.focus({ preventScroll: true });
  }

  done(words) {
    const here = this.bar.contains(document.activeElement) || document.activeElement === document.body;
    this.surface.clear();
    this.bar.hidden = false;
    this.bar.replaceChildren(this.words(words));
    if (here) this.surface.box.focus({ preventScroll: true });
    this.changed();
  }
}
