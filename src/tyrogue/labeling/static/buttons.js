/** The classes under the card as buttons, each with its key; a filter when there are more than nine. */

import { byId, h, write, calm } from "./dom.js";
import { choices, colourOf, resolve } from "./colours.js";

const MANY = 9;

export class ClassButtons {
  /**
   * @param {import("./keys.js").KeyReader} reader
   * @param {(classId: number, fromPointer: boolean) => void} choose
   */
  constructor(reader, choose) {
    this.reader = reader;
    this.choose = choose;
    this.box = byId("classes");
    this.filter = byId("filter");
    this.row = byId("filter-row");
    this.prefix = byId("prefix");
    this.signature = "";
    /** @type {import("./types.js").LabelClass[]} */
    this.list = [];
    /** @type {Map<number, {button: HTMLElement, hint: HTMLElement}>} */
    this.buttons = new Map();
    this.filter.addEventListener("input", () => this.narrow());
    this.filter.addEventListener("keydown", (event) => this.onFilterKey(event));
  }

  /** Draws the buttons anew only when classes, names or order changed. */
  update(classes) {
    const list = choices(classes);
    const signature = JSON.stringify(list.map(({ id, name }) => [id, name]));
    if (signature === this.signature) return false;
    this.signature = signature;
    this.list = list;
    this.reader.setCount(list.length);
    this.buttons.clear();
    this.box.replaceChildren(...list.map((one, index) => this.button(one, this.reader.codes[index])));
    if (!list.length) this.box.append(h("p", { class: "empty" }, "No classes yet: press c to add the first ones."));
    byId("main").classList.toggle("many", list.length > MANY);
    this.row.hidden = list.length <= MANY;
    this.narrow();
    return true;
  }

  button(one, code) {
    const hint = h("span", { class: "hint" });
    const name = h("span", { class: "name", dir: "auto" }, one.name);
    const on = { click: (event) => this.choose(one.id, event.detail > 0) };
    const props = { class: `class-button ${colourOf(one.id)}`, type: "button", title: one.name, "aria-keyshortcuts": code, on };
    const button = h("button", props, h("kbd", {}, code), name, hint);
    this.buttons.set(one.id, { button, hint });
    return button;
  }

  /**
   * Marks the suggested class and the one chosen before.
   * @param {import("./types.js").Item|null} item
   * @param {boolean} suggestions
   */
  mark(item, suggestions, classes) {
    const suggested = suggestions && item?.suggestion ? resolve(classes, item.suggestion.class_id)?.id : undefined;
    const before = item?.label != null ? resolve(classes, item.label)?.id : undefined;
    for (const [id, { button, hint }] of this.buttons) {
      button.classList.toggle("suggested", id === suggested);
      button.classList.toggle("before", id === before);
      write(hint, id === before ? "before" : "");
      button.disabled = !item;
    }
  }

  /** A short glow of what was just chosen: the one motion that says what a key did. */
  flash(classId) {
    const button = this.buttons.get(classId)?.button;
    if (!button || calm()) return;
    button.getAnimations().forEach((animation) => animation.id === "glow" && animation.cancel());
    button.animate({ boxShadow: ["0 0 0 3px var(--colour)", "0 0 0 0 transparent"] }, { duration: 320, id: "glow" });
  }

  setPrefix(prefix) {
    write(this.prefix, prefix ? `${prefix} …` : "");
    this.narrow();
  }

  matches() {
    const words = this.filter.value.trim().toLowerCase();
    const starts = this.list.filter((one) => one.name.toLowerCase().startsWith(words));
    const holds = this.list.filter((one) => !starts.includes(one) && one.name.toLowerCase().includes(words));
    return words ? [...starts, ...holds] : this.list;
  }

  narrow() {
    const starts = (one) => this.reader.codes[this.list.indexOf(one)].startsWith(this.reader.prefix);
    const found = new Set(this.matches().filter(starts).map((one) => one.id));
    const first = this.filter.value.trim() ? this.matches()[0]?.id : undefined;
    for (const [id, { button }] of this.buttons) {
      button.hidden = !found.has(id);
      button.classList.toggle("first", id === first);
    }
  }

  focusFilter() {
    if (!this.row.hidden) this.filter.focus();
  }

  leaveFilter() {
    this.filter.value = "";
    this.narrow();
    this.filter.blur();
  }

  onFilterKey(event) {
    if (event.isComposing || !["Enter", "Escape"].includes(event.key)) return;
    event.preventDefault();
    event.stopPropagation();
    const first = this.filter.value.trim() ? this.matches()[0] : undefined;
    this.leaveFilter();
    if (event.key === "Enter" && first) this.choose(first.id, false);
  }
}
