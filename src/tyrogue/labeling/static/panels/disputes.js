/** Texts about which people disagree, ties first: a reviewer says which label counts. What was said stays. */

import { h, write } from "../dom.js";
import { choices, colourOf, resolve } from "../colours.js";
import { plural, snippet } from "../format.js";
import { adjudicate } from "../secondlooks.js";

const PAGE = 20;

/** @param {{session: import("../session.js").Session, api: any}} context */
export function disputesPart({ session, api }) {
  const list = h("ol", { class: "disputes" });
  const words = h("p", { class: "small", role: "status" });
  const more = h("button", { class: "button", type: "button", hidden: true, on: { click: () => load(list.children.length) } }, "More");
  const element = h("section", {}, h("h3", {}, "Disagreements"), words, list, more);
  let total = 0;
  const tell = () => write(words, total ? `${plural(total, "text")} to settle, ties first.` : "Nothing to settle.");
  const settled = (box) => {
    if (!box.isConnected) return;
    const next = box.nextElementSibling ?? box.previousElementSibling;
    box.remove();
    total -= 1;
    tell();
    next?.querySelector("button")?.focus();
    if (!list.children.length && total > 0) load();
  };
  const load = async (after = 0) => {
    try {
      const found = await api.disagreements(PAGE, after);
      total = found.total;
      const boxes = found.rows.map((one) => dispute(one, session, settled));
      if (after) list.append(...boxes);
      else list.replaceChildren(...boxes);
      more.hidden = list.children.length >= total;
      tell();
    } catch (error) {
      write(words, error.message);
    }
  };
  /** What was settled and is taken back is a disagreement again. */
  const undone = async () => {
    if (!element.isConnected) return;
    const inside = list.contains(document.activeElement);
    await load();
    if (inside) list.querySelector("button")?.focus();
  };
  return { element, load, undone };
}

function dispute(one, session, settled) {
  const message = h("p", { class: "small bad", role: "alert" });
  let sending = false;
  const votes = one.votes.map((vote) => h("li", { class: "small" }, h("span", { dir: "auto" }, `${vote.annotator}:`), chip(resolve(session.state.classes, vote.class_id))));
  const settle = async (choice) => {
    if (sending) return; // pressed twice
    sending = true;
    try {
      await adjudicate(session, one.row, choice.id).answer;
      session.say(`Settled as ${choice.name}. Backspace takes it back.`);
      settled(box);
    } catch (error) {
      message.textContent = error.message;
    }
    sending = false;
  };
  const buttons = choices(session.state.classes).map((choice) => {
    const props = { class: `chip-button ${colourOf(choice.id)}`, type: "button", on: { click: () => settle(choice) } };
    return h("button", props, h("i", { class: "dot" }), h("span", { dir: "auto" }, choice.name));
  });
  const text = h("p", { class: "dispute-text", dir: "auto" }, snippet(one.text, 240));
  const pair = one.text_pair ? h("p", { class: "dispute-text", dir: "auto" }, snippet(one.text_pair, 240)) : "";
  const choose = h("div", { class: "correcting", role: "group", "aria-label": "Which label counts" }, ...buttons);
  const box = h("li", { class: one.tied ? "tied" : "" }, text, pair, h("ul", { class: "votes" }, ...votes), choose, message);
  return box;
}

function chip(one) {
  if (!one) return "";
  return h("span", { class: `chip ${colourOf(one.id)}` }, h("i", { class: "dot" }), h("b", { dir: "auto" }, one.name));
}
