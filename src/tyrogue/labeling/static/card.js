/** The card: the text to label, and in one line what the model thinks of it and why it is here. */

import { byId, h, write, calm } from "./dom.js";
import { colourOf, resolve } from "./colours.js";
import { age, count, modelName, percent, reason } from "./format.js";

const CHUNK = 10_000; // characters; the browser lays out only the chunks in sight
const LONGEST_PAIR = 20_000; // characters; the server cuts there, and tells the whole length of the first text only
const GHOST_LIMIT = 4_000; // a longer text leaves without motion: copying it would cost the frame

export class Card {
  /** @param {ReturnType<typeof import("./api.js").connect>} api */
  constructor(api) {
    this.api = api;
    this.card = byId("card");
    this.reading = byId("reading");
    this.cut = byId("cut");
    this.suggestion = byId("suggestion");
    this.chosen = byId("chosen");
    /** @type {import("./types.js").Item|null} */
    this.item = null;
    this.shownAt = 0;
  }

  /**
   * Shows a text.
   * @param {import("./types.js").Item} item
   */
  show(item) {
    this.item = item;
    this.shownAt = performance.now();
    this.reading.dataset.row = String(item.row);
    this.reading.replaceChildren(...texts(item));
    this.reading.classList.toggle("pair", item.text_pair !== null);
    this.reading.scrollTop = 0;
    this.showCut(item);
  }

  /** Shows what the model thinks, or nothing where that would bias. */
  explain(item, { suggestions, classes }) {
    const guess = suggestions ? item.suggestion : null;
    const one = guess ? resolve(classes, guess.class_id) : null;
    this.suggestion.replaceChildren(...(one && guess ? chip(one, guess.probability) : []));
    this.writeAge();
  }

  /** Rewrites the age of the model; called every second. */
  writeAge() {
    const item = this.item;
    if (!item) return;
    const elapsed = (performance.now() - this.shownAt) / 1000;
    const blind = item.kind === "reference" || !item.model;
    const by = blind ? "" : `${modelName(item.model.version)}, ${age(item.model.age_seconds + elapsed)} old`;
    write(this.chosen, [by, reason(item)].filter(Boolean).join(" · ")); // the least important is cut first
  }

  showCut(item) {
    const shown = characters(item.text);
    const partial = item.text_length > shown || characters(item.text_pair ?? "") >= LONGEST_PAIR;
    this.cut.hidden = !partial && !item.cut;
    if (this.cut.hidden) return;
    const words = partial
      ? `The first ${count(shown)} of ${count(item.text_length)} characters.${item.text_pair === null ? "" : " The second may be cut too."}`
      : "The model reads only the beginning of this text.";
    const button = partial && h("button", { class: "link", type: "button", on: { click: () => this.showAll(item) } }, "Show all");
    this.cut.replaceChildren(h("span", {}, words), button || "");
  }

  async showAll(item) {
    try {
      const whole = await this.api.row(item.row);
      if (this.item !== item) return; // decided meanwhile
      this.reading.replaceChildren(...texts({ ...item, text: whole.text, text_pair: whole.text_pair }));
      this.cut.replaceChildren(h("span", {}, `All ${count(item.text_length)} characters.`));
    } catch (error) {
      if (this.item === item) this.cut.firstElementChild.textContent = `${error.message} `;
    }
  }

  /** Moves the text by a part of its window: arrows and page keys work without focus. @param {string} key */
  scroll(key) {
    const page = this.reading.clientHeight * 0.85;
    const by = { ArrowDown: 60, ArrowUp: -60, PageDown: page, PageUp: -page }[key];
    if (key === "Home" || key === "End") this.reading.scrollTop = key === "Home" ? 0 : this.reading.scrollHeight;
    else if (by) this.reading.scrollTop += by;
    else return false;
    return true;
  }

  /** The decided text leaves to the side of its class, over the next one, which is there already. */
  leave(item, side) {
    if (calm() || item.text.length + (item.text_pair?.length ?? 0) > GHOST_LIMIT || !this.reading.animate) return;
    const ghost = this.reading.cloneNode(true);
    ghost.removeAttribute("id");
    ghost.removeAttribute("tabindex");
    ghost.classList.add("ghost");
    ghost.inert = true;
    ghost.setAttribute("aria-hidden", "true");
    this.card.append(ghost);
    const frames = { transform: ["none", `translateX(${side * 64}px)`], opacity: [0.4, 0] };
    const motion = ghost.animate(frames, { duration: 140, easing: "ease-out", fill: "forwards" });
    motion.finished.finally(() => ghost.remove());
  }
}

function texts(item) {
  if (item.text_pair === null) return [column(item.text)];
  return [
    h("div", { class: "half" }, h("span", { class: "tag" }, "A"), column(item.text)),
    h("div", { class: "half" }, h("span", { class: "tag" }, "B"), column(item.text_pair)),
  ];
}

function column(text) {
  const long = text.length > CHUNK * 2;
  const parts = long ? chunks(text).map((chunk) => h("div", { class: "chunk", dir: "auto" }, chunk)) : [text];
  return h("div", { class: text.length < 160 ? "text short" : "text", dir: "auto" }, ...parts);
}

/** Gives the number of characters as the server counts them: an emoji is one, though two units here. */
function characters(text) {
  let pairs = 0;
  for (let i = 0; i < text.length; i += 1) if (isHigh(text, i)) pairs += 1;
  return text.length - pairs;
}

const isHigh = (text, i) => (text.charCodeAt(i) & 0xfc00) === 0xd800 && (text.charCodeAt(i + 1) & 0xfc00) === 0xdc00;

/** Gives a long text in parts, broken after a line or at least after a word. */
function chunks(text) {
  const parts = [];
  for (let from = 0; from < text.length; ) {
    let to = Math.min(text.length, from + CHUNK);
    if (to < text.length) {
      const line = text.lastIndexOf("\n", to);
      const word = text.lastIndexOf(" ", to);
      to = line > from ? line + 1 : word > from ? word + 1 : isHigh(text, to - 1) ? to + 1 : to;
    }
    parts.push(text.slice(from, to));
    from = to;
  }
  return parts;
}

function chip(one, probability) {
  return [
    "Suggests ",
    h("span", { class: `chip ${colourOf(one.id)}` }, h("i", { class: "dot" }), h("b", { dir: "auto" }, one.name)),
    ` ${percent(probability)} `,
    h("kbd", {}, "Enter"),
  ];
}
