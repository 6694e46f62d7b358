/** Every key on one page. */

import { h } from "../dom.js";

const ROWS = [
  ["1 … 9, 0, a …", "label with the class that shows this key"],
  ["Enter", "accept the suggestion"],
  ["Backspace", "take the last decision back, again and again"],
  ["Space", "skip: not shown again"],
  ["f", "flag for review"],
  ["n", "add a note to this decision"],
  ["h", "hide or show suggestions"],
  ["↑ ↓ PgUp PgDn", "scroll a long text"],
  [".", "filter the classes (more than nine)"],
  ["w", "why this one?"],
  ["a", "label the near-identical texts with this one (asks anew each time)"],
  ["m", "map: all texts, near to what is like them"],
  ["c", "classes: add, rename, merge"],
  ["l", "learning: curve, counts, dial, export"],
  ["y", "history: look back and correct"],
  ["r", "review: every label, likely mistakes, corrections"],
  ["/", "search the texts"],
  ["g", "guidelines"],
  ["t", "team: people, agreement, disagreements"],
  ["Esc", "close the panel"],
];

/** @param {{session: import("../session.js").Session, tour: () => void}} context @returns {import("./panels.js").Panel} */
export function help({ session, tour }) {
  return {
    name: "help",
    tab: "Help",
    key: "?",
    title: "Keys",
    open(body) {
      const rows = ROWS.map(([key, meaning]) => h("div", {}, h("dt", {}, h("kbd", {}, key)), h("dd", {}, meaning)));
      const more = "Labels are saved as you give them; a lost connection or a closed page loses none. Training runs beside you: you never wait for it.";
      // The tour lets the gold labels answer: only where there are any.
      const start = h("button", { class: "button", type: "button", on: { click: tour } }, "Take the tour, 60 s");
      if (session.state.autopilot.available) body.append(start);
      body.append(h("dl", { class: "keys" }, ...rows), h("p", { class: "small" }, more));
    },
  };
}
