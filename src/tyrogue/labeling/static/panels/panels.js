/** The frame of the side panels: one at a time, beside the text and never over it (below it on a phone). */

import { byId, calm, h } from "../dom.js";

/**
 * @typedef {Object} Panel
 * @property {string} name of its command in keys.js
 * @property {string} tab
 * @property {string} key
 * @property {string} title
 * @property {(body: HTMLElement) => void} open fills the empty body
 * @property {(body: HTMLElement) => HTMLElement|null|undefined} [focus] what takes the focus; else the title
 * @property {Partial<Record<"state"|"card"|"journal"|"second", (body: HTMLElement) => void>>} [on] what it hears while open
 */

export class Panels {
  /** @param {Panel[]} panels in the order of the tabs */
  constructor(panels) {
    this.panels = new Map(panels.map((panel) => [panel.name, panel]));
    this.aside = byId("panel");
    this.body = byId("panel-body");
    this.title = byId("panel-title");
    /** @type {Panel|null} */
    this.current = null;
    this.tabs = new Map();
    for (const panel of panels) {
      const props = { class: "quiet tab", type: "button", "aria-expanded": "false", "aria-controls": "panel" };
      const on = { click: () => this.toggle(panel.name) };
      this.tabs.set(panel.name, h("button", { ...props, on }, panel.tab, h("kbd", {}, panel.key)));
    }
    byId("tabs").replaceChildren(...this.tabs.values());
    byId("panel-close").addEventListener("click", () => this.close());
  }

  has(name) {
    return this.panels.has(name);
  }

  toggle(name) {
    if (this.current?.name === name) this.close();
    else this.open(name);
  }

  open(name) {
    const panel = this.panels.get(name);
    if (!panel) return;
    this.tabs.get(this.current?.name)?.setAttribute("aria-expanded", "false");
    this.current = panel;
    this.aside.hidden = false;
    this.aside.dataset.panel = name;
    byId("desk").classList.add("with-panel");
    this.title.textContent = panel.title;
    // A body of its own: an answer that comes late to another panel must not write into this one.
    const body = h("div", { id: "panel-body", class: "panel-body" });
    this.body.replaceWith(body);
    this.body = body;
    panel.open(body);
    this.tabs.get(name).setAttribute("aria-expanded", "true");
    const focus = panel.focus?.(this.body) ?? this.title;
    focus.focus({ preventScroll: true });
    // Below the text on a narrow screen: go there, as the eye has to.
    if (this.aside.getBoundingClientRect().top > innerHeight * 0.6) {
      this.aside.scrollIntoView({ behavior: calm() ? "auto" : "smooth", block: "start" });
    }
  }

  /** Closes what is open; gives whether there was anything. */
  close() {
    if (!this.current) return false;
    const tab = this.tabs.get(this.current.name);
    const inside = this.aside.contains(document.activeElement);
    tab.setAttribute("aria-expanded", "false");
    this.current = null;
    this.aside.hidden = true;
    byId("desk").classList.remove("with-panel");
    // Back to the text, not to the tab: there Enter and Space would press the tab again instead of labeling.
    if (inside) byId("reading").focus();
    return true;
  }

  /** Tells the open panel that something changed. @param {"state"|"card"|"journal"|"second"} what */
  hear(what) {
    this.current?.on?.[what]?.(this.body);
  }
}
