/** From keys to deeds: what each command does, and when a key belongs to a field or a button instead. */

import { byId, h } from "./dom.js";

const ACTIONS = [
  ["undo", "Undo", "⌫", "Backspace"],
  ["skip", "Skip", "Space", "Space"],
  ["flag", "Flag", "f", "f"],
  ["note", "Note", "n", "n"],
  ["suggestions", "Suggestions", "h", "h"],
];

export class Commands {
  /**
   * @param {{session: import("./session.js").Session, panels: import("./panels/panels.js").Panels,
   *   buttons: import("./buttons.js").ClassButtons, card: import("./card.js").Card,
   *   reader: import("./keys.js").KeyReader, label: (classId: number, fromPointer?: boolean) => void}} parts
   */
  constructor(parts) {
    Object.assign(this, parts);
    this.form = byId("note-form");
    this.note = byId("note");
    document.addEventListener("keydown", (event) => this.onKey(event));
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.leaveNote();
    });
    this.note.addEventListener("input", () => {
      this.session.note = this.note.value.trim();
    });
    this.actions = new Map(ACTIONS.map((one) => [one[0], this.action(one)]));
    byId("actions").replaceChildren(...this.actions.values());
  }

  action([name, words, key, shortcut]) {
    const click = (event) => {
      this.run(name);
      if (event.detail > 0 && name !== "note") byId("reading").focus({ preventScroll: true });
    };
    return h("button", { class: "quiet action", type: "button", "aria-keyshortcuts": shortcut, on: { click } }, words, h("kbd", {}, key));
  }

  /** @param {KeyboardEvent} event */
  onKey(event) {
    if (event.defaultPrevented || event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
    const target = /** @type {HTMLElement} */ (event.target);
    if (event.key === "Escape") {
      if (this.escape()) event.preventDefault();
      return;
    }
    if (isField(target)) return;
    if (isPressable(target) && (event.key === "Enter" || event.key === " ")) return;
    if (!isPressable(target) && this.card.scroll(event.key)) {
      event.preventDefault();
      return;
    }
    if (event.repeat) return; // a resting finger must not label thirty texts
    this.read(event);
  }

  read(event) {
    const meaning = this.reader.read(event);
    if (!meaning) return;
    event.preventDefault();
    this.buttons.setPrefix(this.reader.prefix);
    if (meaning.kind === "class") this.label(this.buttons.list[meaning.index].id);
    else if (meaning.kind === "command") this.run(meaning.name);
  }

  /** @param {string} name of a command in keys.js */
  run(name) {
    const { session } = this;
    if (this.panels.has(name)) this.panels.toggle(name);
    else if (name === "undo") session.undo();
    else if (name === "skip" && session.decide("skip")) session.say("Skipped.");
    else if (name === "flag" && session.decide("flag")) session.say("Flagged.");
    else if (name === "note") this.openNote();
    else if (name === "suggestions") this.toggleSuggestions();
    else if (name === "accept") this.accept();
    else if (name === "copies") this.toggleCopies();
    else if (name === "queue") session.say("q queues a region of the map: press m, draw around texts, then q.");
    else if (name === "filter") this.buttons.focusFilter();
  }

  toggleCopies() {
    const { session } = this;
    if (!session.arm()) session.say("No near-identical texts to label with this one.");
    else session.say(session.armed ? `Your next label goes to all ${session.copies.length + 1} texts.` : "Only this text, then.");
  }

  accept() {
    const { session } = this;
    const guess = session.suggestionsShown ? session.item?.suggestion : null;
    if (guess) this.label(guess.class_id);
    else if (session.item) session.say("No suggestion for this text.");
  }

  async toggleSuggestions() {
    const { session } = this;
    const suggestions = !session.suggestionsShown;
    session.say(suggestions ? "Suggestions shown." : "Suggestions hidden.");
    try {
      await session.change({ suggestions });
    } catch (error) {
      session.say(error.message);
    }
  }

  openNote() {
    if (!this.session.item) return;
    this.form.hidden = false;
    this.note.value = this.session.note;
    this.note.focus();
  }

  leaveNote() {
    this.note.blur();
    this.form.hidden = !this.session.note;
  }

  /** Another text came: a note never stays for the wrong one. */
  clearNote() {
    if (document.activeElement === this.note) this.note.blur();
    this.note.value = "";
    this.form.hidden = true;
  }

  escape() {
    if (this.reader.prefix) {
      this.reader.prefix = "";
      this.buttons.setPrefix("");
      return true;
    }
    if (document.activeElement === this.note) {
      this.leaveNote();
      return true;
    }
    return this.panels.close();
  }

  update() {
    const { session } = this;
    const shown = session.suggestionsShown;
    this.actions.get("suggestions").setAttribute("aria-pressed", String(shown));
    for (const name of ["skip", "flag", "note"]) this.actions.get(name).disabled = !session.item || session.paused;
    this.actions.get("undo").disabled = session.paused;
  }
}

/** Whether keys typed here are text. A slider takes arrows only. */
function isField(target) {
  if (!target.closest) return false;
  const field = target.closest("input, textarea, select, [contenteditable]");
  return Boolean(field) && !["range", "checkbox"].includes(field.type);
}

function isPressable(target) {
  return Boolean(target.closest?.("button, a, summary, input"));
}
