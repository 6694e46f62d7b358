/** The line at the bottom and the bar at the top: what is safe, how old the model is, what is ready, how fast it goes. */

import { byId, h, write } from "./dom.js";
import { count, modelWords, pace, plural, saving } from "./format.js";

export class Status {
  /** @param {import("./session.js").Session} session @param {(panel: string) => void} open */
  constructor(session, open) {
    this.session = session;
    this.line = byId("status");
    this.parts = {};
    for (const name of ["save", "model", "queue", "pace"]) {
      this.parts[name] = h("span", { class: `part ${name}` });
      this.line.append(this.parts[name]);
    }
    this.notes = h("button", { class: "link part notes", type: "button", on: { click: () => open("learning") } });
    this.refused = h("button", { class: "link part bad", type: "button", on: { click: () => open("history") } });
    this.line.append(this.notes, this.refused);
    this.wasOffline = false;
  }

  update() {
    const { session } = this;
    const state = session.view;
    this.save();
    write(this.parts.model, modelWords(state, (session.now() - session.stateAt) / 1000));
    const stopped = !state.trainer.alive && state.trainer.phase !== "starting";
    this.parts.model.classList.toggle("bad", stopped || Boolean(state.trainer.error));
    this.parts.model.title = state.trainer.error ?? "";
    const none = session.reason === "done" && !session.item ? "nothing left" : "next ones on their way";
    write(this.parts.queue, state.queue.ready ? `next ${count(state.queue.ready)} ready` : none);
    write(this.parts.pace, state.pace_seconds ? pace(state.pace_seconds) : "");
    write(this.notes, state.warnings.length ? plural(state.warnings.length, "note") : "");
    write(this.refused, session.refusals.length ? `${plural(session.refusals.length, "decision")} refused` : "");
    this.progress(state);
  }

  save() {
    const { outbox, online } = this.session;
    const words = saving({ pending: outbox.pending, failures: outbox.failures, online });
    write(this.parts.save, words);
    const offline = words.startsWith("offline");
    this.parts.save.classList.toggle("bad", offline);
    this.parts.save.classList.toggle("busy", outbox.pending > 0);
    if (offline !== this.wasOffline) this.session.say(offline ? "Offline. Labels are kept here." : "Back online.");
    this.wasOffline = offline;
  }

  progress(state) {
    const round = state.round;
    const bar = byId("progress");
    const share = round?.size ? round.answered / round.size : 0;
    byId("progress-fill").style.transform = `scaleX(${share})`;
    bar.setAttribute("aria-valuemax", String(round?.size ?? 1));
    bar.setAttribute("aria-valuenow", String(round?.answered ?? 0));
    write(byId("labeled"), `${count(state.labeled)} labeled`);
    write(byId("batch"), round?.size ? ` · ${round.answered} of ${round.size}` : "");
    byId("in-batch").hidden = !round?.size;
    write(byId("project"), state.project);
    const title = `${state.project} · tyrogue`;
    if (document.title !== title) document.title = title;
  }
}
