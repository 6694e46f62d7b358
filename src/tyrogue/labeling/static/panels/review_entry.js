/** One label in the review: what it is, what speaks against it, and on request all that was ever said about it. */

import { h } from "../dom.js";
import { choices, colourOf, resolve } from "../colours.js";
import { percent, plural, snippet } from "../format.js";

export const KINDS = { query: "queried", reference: "random check", search: "searched", review: "reviewed", import: "imported" };
const DEEDS = { skip: "skipped", flag: "flagged", note: "noted", undo: "took a decision back" };

/** Gives a class as a chip. @param {import("../types.js").LabelClass|null} one */
export function chip(one) {
  if (!one) return h("b", {}, "no label");
  return h("span", { class: `chip ${colourOf(one.id)}` }, h("i", { class: "dot" }), h("b", { dir: "auto" }, one.name));
}

/**
 * Gives the row of the list.
 * @param {any} label as GET /api/review gives it
 * @param {{classes: import("../types.js").LabelClass[], toggle: () => void}} context
 */
export function entry(label, { classes, toggle }) {
  const facts = [KINDS[label.kind] ?? (label.skipped ? "skipped" : ""), label.annotator, clock(label.created)].filter(Boolean).join(" · ");
  const marks = [label.flagged && "flagged", label.disputed && "disputed", label.reviewed && "reviewed"].filter(Boolean);
  const suspect = label.suspect ? `A model without it says ${resolve(classes, label.suspect.class_id)?.name ?? "?"} (${percent(label.suspect.probability)}).` : "";
  const button = h(
    "button",
    { class: "entry", type: "button", tabIndex: -1, "aria-expanded": "false", on: { click: toggle } },
    h("span", { class: "mark" }, chip(resolve(classes, label.class_id)), ...marks.map((mark) => h("span", { class: "badge" }, mark)), h("span", { class: "when" }, facts)),
    h("span", { class: "snippet", dir: "auto" }, snippet(label.text, 160)),
    label.text_pair ? h("span", { class: "snippet", dir: "auto" }, snippet(label.text_pair, 120)) : "",
    suspect ? h("span", { class: "suspect" }, suspect) : "",
    label.note ? h("span", { class: "small", dir: "auto" }, `note: ${snippet(label.note, 200)}`) : "",
  );
  return h("li", { data: { row: String(label.row) } }, button);
}

/**
 * Gives what opens under a row: the whole text, its history, and buttons for those who do not use keys.
 * @param {any} item as GET /api/review/{row} gives it
 * @param {any} label
 * @param {{classes: import("../types.js").LabelClass[], decide: (body: any) => void, like: () => void}} context
 */
export function details(item, label, { classes, decide, like }) {
  const correct = choices(classes).map((one) => {
    const props = { class: `chip-button ${colourOf(one.id)}`, type: "button", on: { click: () => decide({ action: "label", class_id: one.id }) } };
    return h("button", props, h("i", { class: "dot" }), h("span", { dir: "auto" }, one.id === label.class_id ? `${one.name} is right` : one.name));
  });
  const field = h("input", { type: "text", maxLength: 2000, autocomplete: "off", class: "review-note", "aria-label": "Note", placeholder: "a note; Enter keeps it" });
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.isComposing && field.value.trim()) decide({ action: "note", note: field.value.trim() });
  });
  const text = [item.text, item.text_pair].filter((part) => part !== null).map((part) => h("p", { class: "whole", dir: "auto" }, part));
  const others = [
    h("button", { class: "quiet", type: "button", on: { click: () => decide({ action: "flag" }) } }, "Flag"),
    h("button", { class: "quiet", type: "button", on: { click: like } }, "Similar texts"),
  ];
  return h(
    "div",
    { class: "review-details" },
    ...text,
    h("ol", { class: "said", "aria-label": plural(item.history.length, "event") }, ...item.history.map((event) => said(event, classes))),
    h("div", { class: "correcting", role: "group", "aria-label": "Correct to" }, ...correct),
    field,
    h("div", { class: "class-tail" }, ...others),
  );
}

function said(event, classes) {
  const what = event.action === "label" ? chip(resolve(classes, event.class_id)) : DEEDS[event.action] ?? event.action;
  const who = `${event.annotator}, ${clock(event.created)}${event.kind === "review" ? ", in review" : ""}${event.undone ? ", taken back" : ""}`;
  const note = event.note ? h("span", { class: "small", dir: "auto" }, `“${event.note}”`) : "";
  return h("li", { class: event.undone ? "undone" : "" }, what, h("span", { class: "small" }, who), note);
}

function clock(created) {
  if (!created) return "";
  const time = new Date(created);
  const today = time.toDateString() === new Date().toDateString();
  return today ? time.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" }) : time.toLocaleDateString();
}
