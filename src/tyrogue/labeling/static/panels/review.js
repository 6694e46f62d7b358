/** Review: every label, filtered and searched, corrected by the same keys that gave it. */

import { h, write } from "../dom.js";
import { choices, resolve } from "../colours.js";
import { KeyReader } from "../keys.js";
import { secondLook } from "../secondlooks.js";
import { details, entry, KINDS } from "./review_entry.js";

const PAGE = 30;
const REST = 220; // ms without typing
const SHOW = { "": "All labels", suspected: "Likely mistakes", flagged: "Flagged", disputed: "Disputed", skipped: "Skipped" };
const KEYS = "↑ ↓ move · class keys correct · c is right · f flag · n note · . similar · Enter history";

/** @param {{session: import("../session.js").Session, api: any, reload: () => Promise<void>}} context @returns {import("./panels.js").Panel} */
export function review({ session, api, reload }) {
  const reader = new KeyReader();
  /** @type {any} */
  let view = null;
  const classes = () => session.state.classes;
  /** What stood before each second look of this page, by its token: what Backspace shows again. @type {Map<string, any>} */
  const before = new Map();
  session.addEventListener("undone", ({ detail }) => undone(detail));

  const question = () => {
    const { fields, like } = view;
    const asked = { limit: String(PAGE) };
    const show = fields.show.value;
    if (show === "suspected") asked.suspected = "true";
    else if (show) asked.only = show;
    for (const name of ["class_id", "kind", "annotator", "round", "q"]) if (fields[name].value.trim()) asked[name] = fields[name].value.trim();
    if (like !== null) asked.like = String(like);
    return asked;
  };

  const load = async (anew) => {
    const mine = ++view.asked;
    const here = view;
    try {
      const page = await api.review({ ...question(), ...(anew || !view.next ? {} : { after: view.next }) });
      if (here !== view || mine !== view.asked) return; // another question was asked meanwhile
      if (anew) {
        view.labels.clear();
        view.list.replaceChildren();
      }
      for (const label of page.labels) {
        view.labels.set(label.row, label);
        view.list.append(made(label));
      }
      view.next = page.next;
      view.more.hidden = !page.next;
      if (!view.list.children.length) view.list.append(h("li", { class: "empty" }, empty(view.fields.show.value)));
      rove(view.list.querySelector(".entry"), false);
    } catch (error) {
      if (here === view) write(view.message, error.message);
    }
  };

  const made = (label) => entry(label, { classes: classes(), toggle: () => toggle(label.row) });
  const at = (row) => view.list.querySelector(`li[data-row="${row}"]`);

  const toggle = async (row, focus) => {
    const box = at(row);
    const open = box?.querySelector(".review-details");
    box?.querySelector(".entry").setAttribute("aria-expanded", String(!open));
    if (open && !focus) return open.remove();
    try {
      const found = open ?? details(await api.reviewed(row), view.labels.get(row), { classes: classes(), decide: (body) => decide(row, body), like: () => likeThis(row) });
      if (!open) box.append(found);
      if (focus) found.querySelector(focus).focus();
    } catch (error) {
      write(view.message, error.message);
    }
    return undefined;
  };

  const decide = async (row, body) => {
    try {
      write(view.message, "Saving …");
      const { token, answer } = secondLook(session, row, body, view.labels.get(row)?.class_id ?? null);
      const now = await answer;
      before.set(token, view.labels.get(row));
      put(now);
      const name = resolve(classes(), now.class_id)?.name ?? "no label";
      const words = { label: `Now: ${name}.`, flag: "Flagged.", note: "Noted." }[body.action];
      write(view.message, words);
      session.say(words);
      await reload();
    } catch (error) {
      write(view.message, error.message);
    }
  };

  /** Shows a label anew where it stands in the list. */
  const put = (label) => {
    const old = at(label.row);
    view.labels.set(label.row, label);
    if (!old) return;
    const fresh = made(label);
    const focused = old.contains(document.activeElement); // never taken from elsewhere: the answer may have come late
    old.replaceWith(fresh);
    rove(fresh.querySelector(".entry"), focused);
  };

  /** A decision was taken back: the label that it had covered counts again. */
  const undone = ({ token, row }) => {
    const was = before.get(token);
    before.delete(token);
    if (!view?.list.isConnected) return;
    write(view.message, was ? "Taken back." : "");
    if (was) put(was);
    else if (view.labels.has(row)) load(true);
  };

  const likeThis = (row) => {
    view.like = row;
    view.likeLine.hidden = false;
    load(true).then(() => view.list.querySelector(".entry")?.focus());
  };

  /** One entry takes the Tab key; the arrows move between them. */
  const rove = (button, focus) => {
    if (!button) return;
    view.list.querySelector('.entry[tabindex="0"]')?.setAttribute("tabindex", "-1");
    button.tabIndex = 0;
    if (focus) button.focus();
  };

  const onKey = (event) => {
    const target = /** @type {HTMLElement} */ (event.target);
    if (!target.matches(".entry") || event.ctrlKey || event.metaKey || event.altKey) return;
    const row = Number(target.closest("li").dataset.row);
    if (move(event, target) || act(event, row)) {
      event.preventDefault();
      event.stopPropagation();
    }
  };

  const move = (event, target) => {
    const all = [...view.list.querySelectorAll("li > .entry")];
    const steps = { ArrowDown: all.indexOf(target) + 1, ArrowUp: all.indexOf(target) - 1, Home: 0, End: all.length - 1 };
    if (!(event.key in steps)) return false;
    if (steps[event.key] >= all.length && view.next) load(false).then(() => rove(view.list.querySelectorAll("li > .entry")[all.length], true));
    rove(all[Math.min(Math.max(steps[event.key], 0), all.length - 1)], true);
    return true;
  };

  const act = (event, row) => {
    if (event.repeat) return false;
    const list = choices(classes());
    if (reader.codes.length !== list.length) reader.setCount(list.length);
    const meaning = reader.read(event);
    if (!meaning) return false;
    if (meaning.kind === "prefix") return true;
    if (meaning.kind === "class") decide(row, { action: "label", class_id: list[meaning.index].id });
    else return command(meaning.name, row);
    return true;
  };

  const command = (name, row) => {
    const { class_id } = view.labels.get(row);
    if (name === "classes" && class_id !== null) decide(row, { action: "label", class_id });
    else if (name === "flag") decide(row, { action: "flag" });
    else if (name === "note") toggle(row, ".review-note");
    else if (name === "filter") likeThis(row);
    else return false;
    return true;
  };

  return {
    name: "review",
    tab: "Review",
    key: "r",
    title: "Review",
    open(body) {
      view = { ...controls(() => load(true), classes()), labels: new Map(), next: null, asked: 0, like: null };
      view.list = h("ol", { class: "review", on: { keydown: onKey, focusin: (event) => event.target.matches?.(".entry") && rove(event.target, false) } });
      view.more = h("button", { class: "button", type: "button", hidden: true, on: { click: () => load(false) } }, "More");
      view.message = h("p", { class: "message", role: "status" });
      const back = () => {
        view.like = null;
        view.likeLine.hidden = true;
        load(true);
      };
      view.likeLine = h("p", { class: "like", hidden: true }, "Texts like the first one. ", h("button", { class: "link", type: "button", on: { click: back } }, "All again"));
      body.append(view.form, h("p", { class: "small wide-only" }, KEYS), view.likeLine, view.message, view.list, view.more);
      load(true);
    },
    focus: () => view.fields.q,
  };
}

function empty(show) {
  if (show === "suspected") return "No label looks like a mistake. Random checks are not among those compared: who corrects only those that the model doubts makes it look better than it is.";
  return show ? "None." : "No label fits.";
}

/** Gives search field and filters. */
function controls(changed, classes) {
  let timer = 0;
  const soon = () => {
    clearTimeout(timer);
    timer = setTimeout(changed, REST);
  };
  const select = (name, options) =>
    h("select", { "aria-label": name, on: { change: changed } }, ...Object.entries(options).map(([value, words]) => h("option", { value }, words)));
  const input = (name, props) => h("input", { type: "text", autocomplete: "off", "aria-label": name, placeholder: name, on: { input: soon }, ...props });
  const named = Object.fromEntries(choices(classes).map((one) => [`${one.id}`, one.name]));
  const fields = {
    q: input("Words in the text", { type: "search", id: "review-search", dir: "auto" }),
    show: select("Which labels", SHOW),
    class_id: h("select", { "aria-label": "Class", on: { change: changed } }, h("option", { value: "" }, "Any class"), ...Object.entries(named).map(([value, name]) => h("option", { value }, name))),
    kind: h("select", { "aria-label": "Why asked", on: { change: changed } }, h("option", { value: "" }, "Any reason"), ...Object.entries(KINDS).map(([value, name]) => h("option", { value }, name))),
    annotator: input("Annotator", {}),
    round: input("Batch", { inputMode: "numeric", pattern: "[0-9]*" }),
  };
  const more = h("details", { class: "more-filters" }, h("summary", {}, "Annotator, batch"), h("div", { class: "filters" }, fields.annotator, fields.round));
  const form = h("div", { class: "review-filters", role: "search", "aria-label": "Labels" }, fields.q, h("div", { class: "filters" }, fields.show, fields.class_id, fields.kind), more);
  return { fields, form };
}
