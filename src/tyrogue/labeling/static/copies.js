/** The line under a text that others nearly repeat: how many there are, what they say, and whether they get its label too. */

import { byId, h } from "./dom.js";
import { plural, snippet } from "./format.js";

const READ = 100; // texts asked for at once

export class CopiesLine {
  /**
   * @param {import("./session.js").Session} session
   * @param {any} api
   * @param {() => void} toggle says yes, or no again
   */
  constructor(session, api, toggle) {
    Object.assign(this, { session, api, toggle });
    this.box = byId("copies");
    this.list = h("ul", { class: "copies-list", tabIndex: 0, "aria-label": "Near-identical texts", hidden: true });
    this.shown = "";
  }

  /** @param {import("./types.js").Item|null} item */
  update(item) {
    const near = item ? this.session.copies : [];
    this.box.hidden = !near.length;
    const key = JSON.stringify([item?.id, near.length, this.session.armed]);
    if (key === this.shown || !near.length || !item) return;
    if (this.item !== item.id) this.fold();
    this.item = item.id;
    this.shown = key;
    this.box.replaceChildren(...this.parts(near), this.list);
  }

  parts(near) {
    const all = near.length + 1;
    const read = h("button", { class: "link", type: "button", "aria-expanded": String(!this.list.hidden), on: { click: () => this.read(near) } }, this.list.hidden ? "Read them" : "Fold them");
    const on = { click: (event) => this.press(event) };
    const props = { class: "link", type: "button", "aria-pressed": String(this.session.armed), "aria-keyshortcuts": "a", on };
    const armed = this.session.armed;
    const words = armed ? h("span", { class: "armed" }, `Your next label goes to all ${all} texts.`) : h("span", {}, `${plural(near.length, "near-identical text")}.`);
    return [words, read, h("button", props, armed ? "Only this one" : `Label all ${all} together`, " ", h("kbd", {}, "a"))];
  }

  press(event) {
    this.toggle();
    if (event.detail > 0) byId("reading").focus({ preventScroll: true });
  }

  fold() {
    this.list.hidden = true;
    this.list.replaceChildren();
  }

  async read(near) {
    const item = this.session.item;
    if (!this.list.hidden) this.fold();
    else {
      this.list.hidden = false;
      this.list.replaceChildren(h("li", {}, "…"));
      try {
        const { texts } = await this.api.texts(near.slice(0, READ));
        this.list.replaceChildren(...texts.map((one) => h("li", { dir: "auto" }, snippet(one.text, 280))));
      } catch (error) {
        this.list.replaceChildren(h("li", {}, error.message));
      }
    }
    this.shown = "";
    if (this.session.item === item) this.update(item);
  }
}
