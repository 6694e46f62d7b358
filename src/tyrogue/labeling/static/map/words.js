/** The map in words: the legend with its counts, the state of things, the text under the hand. For those who see it and those who do not. */

import { choices, colourOf, resolve } from "../colours.js";
import { h } from "../dom.js";
import { count, modelName, percent, plural, snippet } from "../format.js";
import { STEPS, shadeName } from "./points.js";

/** Whether a colouring shows classes, not a scale. @param {string} colouring */
export const byClass = (colouring) => colouring === "label" || colouring === "prediction";

/**
 * Gives the entries of the legend, with how many points each has.
 * @param {import("./points.js").Points} points
 * @param {Int32Array} colours
 * @param {any} colouring
 * @param {import("../types.js").LabelClass[]} classes
 */
export function legend(points, colours, colouring, classes) {
  const counts = points.counts(colours);
  const last = points.lastRound;
  const shades = Array.from({ length: STEPS }, (_, shade) => shade).filter((shade) => counts.has(shade));
  const entries = byClass(colouring)
    ? choices(classes).map((one) => entry(h("i", { class: "dot" }), one.name, counts.get(one.id) ?? 0, colourOf(one.id)))
    : shades.map((shade) => entry(h("i", { class: "dot" }), shadeName(colouring, shade, last), counts.get(shade) ?? 0, `shade-${shade}`));
  const sign = (name) => h("i", { class: `mark-sign ${name}` });
  const marks = [["mark-mine", "next for you", points.mine], ["mark-waiting", "in the queue", points.waiting], ["mark-audit", "blind checks", points.audit]];
  return [...entries, ...marks.map(([name, words, list]) => entry(sign(name), words, list.size))];
}

function entry(mark, words, n, colour = "") {
  return h("li", { class: colour }, mark, h("span", { dir: "auto" }, words), h("span", { class: "value" }, count(n)));
}

/** @param {import("./points.js").Points} points @param {string} colouring */
export function summary(points, colouring) {
  const labeled = points.labels.reduce((n, one) => n + (one >= 0 ? 1 : 0), 0);
  const sketch = points.method === "pca" ? " This is a first sketch; the finer picture comes in about a minute." : "";
  return `${plural(points.size - points.hidden.size, "text")} on the map, ${count(labeled)} labeled.${sketch}${opinion(points, colouring)}`;
}

function opinion({ opinionOf: told }, colouring) {
  if (colouring !== "prediction" && colouring !== "entropy") return "";
  if (!told) return " The model's opinions are on their way.";
  const by = told.stands_in ? ", told by a linear model on the same labels" : "";
  return ` Opinions are those of ${modelName(told.model)}${by}.`;
}

/**
 * Gives a text and what is known of its point.
 * @param {import("./points.js").Points} points
 * @param {number} i
 * @param {{text: string, text_pair: string|null}} text
 * @param {import("../session.js").Session} session
 */
export function about(points, i, { text, text_pair: pair }, session) {
  const chip = (id) => {
    const one = resolve(session.state.classes, id);
    return one ? h("span", { class: `chip ${colourOf(one.id)}` }, h("i", { class: "dot" }), h("b", { dir: "auto" }, one.name)) : "";
  };
  const parts = [];
  if (points.labels[i] >= 0) parts.push(chip(points.labels[i]), points.rounds[i] >= 0 ? `batch ${points.rounds[i] + 1}` : "you chose it");
  else if (points.audit.has(i)) parts.push("a blind check, skipped");
  else if (points.mine.has(i)) parts.push("next for you");
  else if (points.waiting.has(i)) parts.push("in the queue");
  if (points.predicted[i] >= 0 && points.labels[i] < 0 && session.suggestionsShown) {
    parts.push("the model thinks", chip(points.predicted[i]), `doubt ${percent(points.entropy[i] / 100)}`);
  }
  const marks = parts.map((one) => (typeof one === "string" ? h("span", {}, one) : one));
  return [h("p", { dir: "auto", class: "map-snippet" }, snippet(pair ? `${text} — ${pair}` : text, 240)), h("p", { class: "small map-about" }, ...marks)];
}
