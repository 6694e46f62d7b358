/** The history: what was decided, newest first; a click corrects. */

import { h } from "../dom.js";
import { choices, colourOf, resolve } from "../colours.js";
import { snippet } from "../format.js";

const PAGE = 50;

/** @param {{session: import("../session.js").Session, api: any}} context @returns {import("./panels.js").Panel} */
export function history({ session, api }) {
  let list = null;
  let more = null;
  let oldest = undefined;
  let busy = false;
  /** @param {boolean} anew from the newest on, instead of further back */
  const load = async (anew) => {
    if (busy || (anew && list.querySelector(".correcting"))) return; // a list that moves under the hand invites mistakes
    busy = true;
    try {
      const page = await api.annotations(PAGE, anew ? undefined : oldest);
      const rows = page.annotations.map((annotation) => entry(annotation, session));
      if (anew) list.replaceChildren(...rows);
      else list.append(...rows);
      oldest = page.annotations.at(-1)?.id ?? oldest;
      more.hidden = !page.more;
      if (!list.children.length) list.append(h("li", { class: "empty" }, "Nothing decided yet."));
    } catch (error) {
      if (!list.children.length) list.append(h("li", { class: "empty" }, error.message));
    }
    busy = false;
  };
  return {
    name: "history",
    tab: "History",
    key: "y",
    title: "History",
    open(body) {
      list = h("ol", { class: "history" });
      more = h("button", { class: "button", type: "button", hidden: true, on: { click: () => load(false) } }, "Earlier ones");
      body.append(refusals(session), list, more);
      load(true);
    },
    on: { journal: () => list.scrollTop === 0 && load(true) },
  };
}

function refusals(session) {
  const rows = session.refusals.map(({ text, detail }) => h("li", {}, h("b", { dir: "auto" }, snippet(text, 80)), ` ${detail}`));
  if (!rows.length) return "";
  const clear = (event) => {
    session.refusals = [];
    session.tell("state");
    event.target.closest(".refusals").remove();
  };
  const button = h("button", { class: "quiet", type: "button", on: { click: clear } }, "Seen");
  return h("div", { class: "refusals" }, h("h3", {}, "Refused by the server"), h("ul", {}, ...rows), button);
}

/** Gives a row of the list. */
function entry(annotation, session) {
  const correctable = !annotation.undone;
  const box = h("li", { class: annotation.undone ? "undone" : "" });
  const toggle = () => {
    const open = box.querySelector(".correcting");
    if (open) open.remove();
    else box.append(corrections(annotation, session, box));
    button?.setAttribute("aria-expanded", String(!open));
  };
  const parts = [mark(annotation, session), h("span", { class: "snippet", dir: "auto" }, snippet(annotation.text ?? "", 140))];
  if (annotation.note) parts.push(h("span", { class: "small", dir: "auto" }, `note: ${annotation.note}`));
  const button = correctable
    ? h("button", { class: "entry", type: "button", "aria-expanded": "false", on: { click: toggle } }, ...parts)
    : null;
  box.append(button ?? h("div", { class: "entry" }, ...parts));
  return box;
}

function mark(annotation, session) {
  const one = annotation.action === "label" ? resolve(session.state.classes, annotation.class_id) : null;
  const words = one?.name ?? { skip: "skipped", flag: "flagged" }[annotation.action] ?? annotation.action;
  const when = h("time", { dateTime: annotation.created }, clock(annotation.created));
  const name = one ? h("span", { class: `chip ${colourOf(one.id)}` }, h("i", { class: "dot" }), h("b", { dir: "auto" }, words)) : h("b", {}, words);
  return h("span", { class: "mark" }, name, annotation.undone ? h("span", { class: "small" }, "taken back") : "", when);
}

function clock(created) {
  const time = new Date(created);
  if (Number.isNaN(time.getTime())) return "";
  const today = time.toDateString() === new Date().toDateString();
  return today ? time.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" }) : time.toLocaleDateString();
}

function corrections(annotation, session, box) {
  const current = resolve(session.state.classes, annotation.class_id)?.id;
  const buttons = choices(session.state.classes).map((one) => {
    const correct = () => {
      session.correct(annotation, one.id);
      session.say(`Corrected to ${one.name}.`);
      box.replaceWith(entry({ ...annotation, action: "label", class_id: one.id }, session));
    };
    const props = { class: `chip-button ${colourOf(one.id)}`, type: "button", disabled: one.id === current && annotation.action === "label" };
    return h("button", { ...props, on: { click: correct } }, h("i", { class: "dot" }), h("span", { dir: "auto" }, one.name));
  });
  return h("div", { class: "correcting", role: "group", "aria-label": "Correct to" }, ...buttons);
}
