/** The page: opens the project, then joins session, card, buttons, panels and status line. */

import { connect, sender } from "./api.js";
import { ClassButtons } from "./buttons.js";
import { Card } from "./card.js";
import { resolve, choices } from "./colours.js";
import { Commands } from "./commands.js";
import { CopiesLine } from "./copies.js";
import { byId } from "./dom.js";
import { snippet } from "./format.js";
import { KeyReader } from "./keys.js";
import { arriveByLink } from "./login.js";
import { AutopilotView } from "./panels/autopilot.js";
import { classesPanel } from "./panels/classes.js";
import { guidelines } from "./panels/guidelines.js";
import { help } from "./panels/help.js";
import { history } from "./panels/history.js";
import { learning } from "./panels/learning.js";
import { map } from "./panels/map.js";
import { Panels } from "./panels/panels.js";
import { review } from "./panels/review.js";
import { search } from "./panels/search.js";
import { team } from "./panels/team.js";
import { why } from "./panels/why.js";
import { Outbox } from "./queue.js";
import { Screen } from "./screens.js";
import { Session } from "./session.js";
import { Poll } from "./state.js";
import { Status } from "./status.js";
import { Tour } from "./tour.js";

const sleep = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

// Not crypto.randomUUID: a team's server on plain http is no secure context, and there it does not exist.
const newToken = () => [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");

function storage() {
  try {
    localStorage.setItem("tyrogue:probe", "1");
    localStorage.removeItem("tyrogue:probe");
    return localStorage;
  } catch {
    return null; // private window, or forbidden: labels wait in memory only
  }
}

/** Gives who labels, and takes the token out of the address bar: the cookie has it now, screenshots should not. */
function arrive() {
  const address = new URL(location.href);
  if (address.searchParams.has("token")) {
    address.searchParams.delete("token");
    globalThis.history.replaceState(null, "", address);
  }
  return address.searchParams.get("annotator") || "me";
}

/** Asks for the first state until it comes. */
async function firstState(api, screen) {
  for (;;) {
    try {
      return await api.state();
    } catch (error) {
      if (error.status === 401) screen.login();
      else if (error.status === 0) screen.offline(0);
      else screen.error(error.message);
      await sleep(2_000);
    }
  }
}

class Page {
  constructor(api, session, screen) {
    Object.assign(this, { api, session, screen });
    const reader = new KeyReader();
    const label = (classId, fromPointer) => this.label(classId, fromPointer);
    this.card = new Card(api);
    this.buttons = new ClassButtons(reader, label);
    this.poll = new Poll(api, session);
    const reload = () => this.poll.now();
    const context = { session, api, reader, reload, tour: () => this.tour.start() };
    this.panels = new Panels(
      [why, map, classesPanel, learning, history, review, search, guidelines, team, help].map((panel) => panel(context)),
    );
    this.tour = new Tour({ session, panels: this.panels, api, reload, storage: storage() }); // before the commands: Esc ends it first
    this.status = new Status(session, (name) => this.panels.open(name));
    this.commands = new Commands({ session, panels: this.panels, buttons: this.buttons, card: this.card, reader, label });
    this.copies = new CopiesLine(session, api, () => this.commands.run("copies"));
    this.autopilot = new AutopilotView(api, (annotation, whole) => this.showAnswered(annotation, whole));
    this.listen();
    this.onState();
    this.onCard({ fresh: true });
    this.tour.offer();
    session.refill();
  }

  listen() {
    const { session } = this;
    session.addEventListener("card", ({ detail }) => this.onCard(detail));
    session.addEventListener("state", () => this.onState());
    session.addEventListener("save", () => this.onSave());
    session.addEventListener("journal", () => this.panels.hear("journal"));
    session.addEventListener("say", ({ detail }) => this.say(detail));
    setInterval(() => this.onSecond(), 1_000);
    addEventListener("beforeunload", (event) => {
      if (session.outbox.pending && !session.outbox.durable) event.preventDefault();
    });
  }

  label(classId, fromPointer = false) {
    const one = resolve(this.session.state.classes, classId);
    if (!one || !this.session.decide("label", one.id)) return;
    this.buttons.flash(one.id);
    const next = this.session.item ? ` Next: ${snippet(this.session.item.text, 300)}` : "";
    this.say(`${one.name}.${next}`);
    // A pressed button keeps the focus, and Space would then press it again instead of skipping.
    if (fromPointer) byId("reading").focus({ preventScroll: true });
  }

  /** Shows the text on top of the deck, or the screen that says why there is none. */
  onCard({ fresh, leaving }) {
    const { session, card } = this;
    const item = session.item;
    const showing = this.showing();
    byId("card").hidden = !showing;
    if (leaving && showing) card.leave(leaving.item, this.side(leaving));
    if (showing && item && (fresh || card.item !== item)) {
      if (card.item?.id !== item.id) this.commands.clearNote();
      card.show(item);
    }
    if (showing && item) card.explain(item, { suggestions: session.suggestionsShown, classes: session.state.classes });
    this.copies.update(showing && !session.paused ? item : null);
    this.buttons.mark(showing && !session.paused ? item : null, session.suggestionsShown, session.state.classes);
    if (session.paused) this.autopilot.start();
    else this.autopilot.stop();
    this.commands.update();
    if (!showing) this.showScreen();
    else this.screen.hide();
    this.panels.hear("card");
  }

  showing() {
    const { session } = this;
    if (session.locked || session.waiting) return false;
    // Under the autopilot, and for a moment after it, what it answered last.
    return Boolean(session.item) || ((session.paused || session.reason === "resuming") && Boolean(this.card.item));
  }

  showScreen() {
    const { session, screen } = this;
    if (session.locked) screen.login();
    else if (session.waiting) screen.undoing();
    else if (!session.online) screen.offline(session.outbox.pending);
    else if (session.reason === "done") screen.done(session.view);
    else screen.preparing(session.view);
  }

  /** -1 to 1: where the class stands among the buttons. */
  side({ action, classId }) {
    const list = this.buttons.list;
    const index = list.findIndex((one) => one.id === classId);
    return action !== "label" || index < 0 || list.length < 2 ? 0 : (index / (list.length - 1)) * 2 - 1;
  }

  /** What the autopilot answered, as if it had been on the card. */
  showAnswered(annotation, { text, text_pair }) {
    const item = { ...BLANK, id: -annotation.id, row: annotation.row, text, text_pair, label: annotation.class_id };
    this.card.show(item);
    this.card.explain(item, { suggestions: false, classes: this.session.state.classes });
    this.onCard({ fresh: false });
    this.buttons.mark(item, false, this.session.state.classes);
    if (annotation.class_id !== null) this.buttons.flash(annotation.class_id);
  }

  onState() {
    const { session } = this;
    document.body.classList.toggle("autopilot-on", session.paused);
    const changed = this.buttons.update(session.state.classes);
    if (changed) this.onCard({ fresh: false });
    else if (!this.showing()) this.showScreen();
    if (choices(session.state.classes).length === 0 && !this.asked) {
      this.asked = true; // once: without classes there is nothing to press
      this.panels.open("classes");
    }
    this.status.update();
    this.panels.hear("state");
  }

  onSave() {
    this.status.update();
    if (!this.showing()) this.showScreen();
  }

  onSecond() {
    this.status.update();
    if (!this.session.paused) this.card.writeAge();
    this.panels.hear("second");
  }

  say(words) {
    byId("announce").textContent = words;
  }
}

const BLANK = {
  external_id: null, text_pair: null, text_length: 0, cut: false, meta: {}, kind: "query", round: 0, position: 0,
  suggestion: null, probabilities: null, model: null, facts: { step: "answered by the gold label" }, copies: 0, reserved_until: "",
};

async function open() {
  const api = connect({ annotator: arrive() });
  const screen = new Screen(api);
  byId("card").hidden = true;
  screen.opening();
  await arriveByLink(api, screen);
  const state = await firstState(api, screen);
  // What one person leaves unsent in this browser is never sent in the name of the next who logs in.
  if (state.me?.login === "account") api.annotator = state.me.name;
  document.body.dataset.role = state.me?.role ?? "owner";
  const prefix = ["tyrogue", state.project_id ?? state.project, api.annotator, ""].map(encodeURIComponent).join(":");
  const now = () => Date.now();
  const outbox = new Outbox({ send: sender(api), storage: storage(), prefix, sleep, now, random: Math.random });
  const session = new Session({ api, outbox, state, now, newToken });
  outbox.restore();
  session.adopt();
  new Page(api, session, screen);
}

open();
