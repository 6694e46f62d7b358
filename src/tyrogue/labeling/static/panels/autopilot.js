/** The autopilot: the gold labels answer, at a chosen speed, and one watches the curve grow. */

import { h, write } from "../dom.js";

const SPEEDS = [
  ["1", "calm"],
  ["0.3", "brisk"],
  ["0.05", "fast"],
];

/** The switch in the learning panel. @param {{session: any, api: any, reload: () => Promise<void>}} context */
export function autopilotControl({ session, api, reload }) {
  const box = h("input", { id: "autopilot", type: "checkbox", role: "switch" });
  const options = SPEEDS.map(([value, name]) => h("option", { value, selected: value === "0.3" }, name));
  const speed = h("select", { "aria-label": "Speed of the autopilot" }, ...options);
  const words = h("p", { class: "small" });
  const send = async () => {
    try {
      await api.autopilot(box.checked, Number(speed.value));
      await reload();
    } catch (error) {
      write(words, error.message);
    }
  };
  box.addEventListener("change", send);
  speed.addEventListener("change", () => box.checked && send());
  const label = h("label", { for: "autopilot" }, "Autopilot");
  const element = h("div", { class: "autopilot owner-only" }, h("div", { class: "row" }, box, label, speed), words);
  const update = (state) => {
    element.hidden = !state.autopilot.available;
    box.checked = state.autopilot.on;
    write(words, state.autopilot.on ? "The gold labels answer. Switch off to label by hand." : "Let the gold labels answer and watch the curve grow.");
  };
  return { element, update };
}

/** Shows on the card what the autopilot answers. */
export class AutopilotView {
  /** @param {any} api @param {(annotation: import("../types.js").Annotation, whole: {text: string, text_pair: string|null}) => void} show */
  constructor(api, show) {
    this.api = api;
    this.show = show;
    this.timer = 0;
    this.last = 0;
  }

  start() {
    if (!this.timer) this.look();
  }

  stop() {
    clearTimeout(this.timer);
    this.timer = 0;
  }

  async look() {
    this.timer = setTimeout(() => this.look(), document.hidden ? 5_000 : 350);
    try {
      const { annotations } = await this.api.annotations(1);
      const newest = annotations[0];
      if (!newest || newest.id === this.last) return;
      const whole = await this.api.row(newest.row);
      if (!this.timer) return; // switched off meanwhile
      this.last = newest.id;
      this.show(newest, whole);
    } catch {
      // The state poll tells of a lost connection.
    }
  }
}
