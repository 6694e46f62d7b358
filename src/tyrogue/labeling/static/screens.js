/** What stands in the card's place when there is no text: opening, preparing, done, offline, no login, an error. */

import { byId, codes, h } from "./dom.js";
import { invitationForm, loginForm } from "./login.js";
import { count, percent, plural } from "./format.js";

const PHASES = {
  starting: "Starting the trainer",
  embedding: "Reading your texts",
  clustering: "Finding texts that differ",
  ranking: "Choosing the next texts",
  training: "Training the model",
  waiting: "Getting the first texts ready",
  stopped: "The trainer has stopped",
};

export class Screen {
  /** @param {ReturnType<typeof import("./api.js").connect>} api */
  constructor(api) {
    this.api = api;
    this.box = byId("screen");
    this.shown = "";
  }

  hide() {
    this.box.hidden = true;
    this.shown = "";
  }

  /** Shows a screen; the same words twice do not touch the page. @param {string} name @param {HTMLElement[]} parts */
  show(name, parts) {
    const key = name + parts.map((part) => part.outerHTML).join("");
    this.box.hidden = false;
    if (key === this.shown) return;
    this.shown = key;
    this.box.dataset.screen = name;
    this.box.replaceChildren(h("div", { class: "screen-inner" }, ...parts));
  }

  opening() {
    this.show("opening", [title("Opening the project"), words("Just a moment.")]);
  }

  login() {
    this.show("login", loginForm(this.api));
  }

  /** @param {string} secret of the invitation @param {string} [message] */
  invitation(secret, message = "") {
    this.show("invitation", invitationForm(this.api, secret, message));
  }

  error(message) {
    this.show("error", [
      title("The project could not be opened"),
      words(message),
      words("Trying again every few seconds. If it stays like this, look at the terminal where the app was started."),
    ]);
  }

  offline(pending) {
    this.show("offline", [
      title("The server does not answer"),
      words(pending ? `${plural(pending, "label")} ${pending === 1 ? "is" : "are"} kept in this browser and will be sent.` : "Nothing is lost: all labels are saved."),
      words("Trying again by itself. Is `tyrogue label` still running?"),
    ]);
  }

  undoing() {
    this.show("undoing", [title("Taking the last decision back"), words("Its text comes from the server.")]);
  }

  /** @param {import("./types.js").ServerState} state */
  preparing(state) {
    const { alive, phase, progress, message, error } = state.trainer;
    if (error || phase === "stopped") {
      const head = alive ? "The trainer had to start again" : PHASES.stopped;
      return this.show("stopped", [title(head), words(error || message), words("Run `tyrogue doctor` in a terminal: it names the cause and the remedy.")]);
    }
    const share = progress ?? null;
    const bar = h("progress", { "aria-label": "Preparing", max: 1, ...(share === null ? {} : { value: share }) });
    return this.show("preparing", [
      title(PHASES[phase] ?? "Getting ready"),
      bar,
      words([message, share === null ? "" : percent(share)].filter(Boolean).join(" · ") || "The first text comes in a few seconds."),
    ]);
  }

  /** @param {import("./types.js").ServerState} state */
  done(state) {
    const rest = [state.skipped && `${count(state.skipped)} skipped`, state.flagged && `${count(state.flagged)} flagged`];
    this.show("done", [
      title("Every text is labeled"),
      words([`${plural(state.labeled, "label")}`, ...rest].filter(Boolean).join(", ") + ". Backspace takes the last one back."),
      exportLinks(this.api),
    ]);
  }
}

const title = (text) => h("h2", {}, text);
const words = (text) => h("p", {}, ...codes(text));

/** @param {ReturnType<typeof import("./api.js").connect>} api */
export function exportLinks(api) {
  const link = (format, name) => h("a", { class: "button", href: api.exportUrl(format), download: "" }, name);
  return h("p", { class: "exports" }, link("csv", "CSV"), link("jsonl", "JSONL"), link("parquet", "Parquet"));
}
