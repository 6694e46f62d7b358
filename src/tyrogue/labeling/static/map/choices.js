/** The two choices above the map: what colour tells, and which strategy is compared. */

import { h } from "../dom.js";

const COLOURINGS = [
  ["label", "your labels"],
  ["prediction", "what the model thinks"],
  ["entropy", "the model's doubt"],
  ["round", "the batch it was asked in"],
];
/** Colourings that lead as a suggestion does. */
export const LEADING = ["prediction", "entropy"];

export const STRATEGIES = [
  ["", "nobody else"],
  ["tyrogue-1", "TYROGUE r = 1, diversity"],
  ["tyrogue-3", "TYROGUE r = 3"],
  ["tyrogue-10", "TYROGUE r = 10"],
  ["random", "Random"],
  ["entropy", "Entropy"],
  ["margin", "Margin"],
  ["badge", "BADGE"],
  ["ftbertkm", "FT-BERT-KM"],
];

export class Choices {
  /** @param {{colouring: string, strategy: string, recolour: (to: string) => void, compare: (to: string) => Promise<void>}} view */
  constructor(view) {
    this.colour = select("map-colour", "Colour", COLOURINGS, view.colouring, (to) => view.recolour(to));
    this.others = select("map-others", "Others would pick", STRATEGIES, view.strategy, (to) => view.compare(to));
    this.element = h("div", { class: "map-choices" }, this.colour, this.others);
  }

  /** Takes colourings away while suggestions are hidden, and says why. @param {boolean} shown @param {string} colouring what is chosen */
  lead(shown, colouring) {
    const list = /** @type {HTMLSelectElement} */ (this.colour.querySelector("select"));
    for (const option of list.options) {
      if (!LEADING.includes(option.value)) continue;
      const [, name] = COLOURINGS.find(([key]) => key === option.value);
      const words = shown ? name : `${name} (suggestions are hidden: key h)`;
      option.disabled = !shown;
      if (option.textContent !== words) option.textContent = words;
    }
    if (list.value !== colouring) list.value = colouring;
  }
}

function select(id, words, options, value, on) {
  const list = options.map(([key, name]) => h("option", { value: key, selected: key === value }, name));
  const change = (event) => on(event.target.value);
  return h("label", { class: "map-choice", for: id }, h("span", {}, words), h("select", { id, on: { change } }, ...list));
}
