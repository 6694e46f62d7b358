/** How good the model is, and whether to stop: accuracy with its interval, reasons in words, the checks' promotion. */

import { h, write } from "../dom.js";
import { colourOf, resolve } from "../colours.js";
import { count, percent } from "../format.js";

const MARKS = { true: ["✓", "holds"], false: ["–", "does not hold"], null: ["?", "not known yet"] };

/**
 * Gives a part of a panel that reads the report anew whenever the state says that there is another.
 * @param {{session: import("../session.js").Session, api: any, reload: () => Promise<void>}} context
 */
export function judgement({ session, api, reload }) {
  const element = h("div", { class: "judgement" });
  const message = h("p", { class: "message", role: "status" });
  let shown;
  const draw = (report) => element.replaceChildren(...sections(report, session, promote), message);
  const read = async () => {
    try {
      draw(await api.judgement());
    } catch (error) {
      shown = undefined; // asked again with the next state
      write(message, error.message);
    }
  };
  const promote = async (on) => {
    try {
      draw(await api.promote(on));
      const words = on ? "The checks are used for training from now on." : "The checks only judge again.";
      write(message, words);
      session.say(words);
      await reload();
    } catch (error) {
      write(message, error.message);
    }
  };
  return {
    element,
    update(state) {
      if (state.judged === shown) return;
      shown = state.judged;
      if (shown !== null && shown !== undefined && !element.contains(document.activeElement)) read();
    },
  };
}

function sections(report, session, promote) {
  if (!report.model) return [];
  return [
    h("h3", {}, "How good is it?"),
    ...accuracy(report.audit),
    ...(report.audit?.enough ? [classTable(report.audit.classes, session)] : []),
    h("h3", {}, "When to stop?"),
    h("ul", { class: "stopping" }, ...report.reasons.map(reason)),
    report.outlook ? h("p", { class: "outlook" }, report.outlook) : "",
    h("p", { class: "small" }, "These are reasons, not a verdict: nothing stops by itself."),
    ...(report.drift?.differs ? [h("h3", {}, "Labels and texts differ"), h("p", { class: "small" }, report.drift.words)] : []),
    ...promotion(report, promote),
  ].filter((part) => part !== "");
}

/** Gives the accuracy as words and as a bar from 0 to 100%. */
function accuracy(audit) {
  if (!audit) return [h("p", { class: "empty" }, "Not known: no random check has been judged yet.")];
  const how = audit.source === "independent" ? "blind random checks, none of them trained on" : "random checks, each judged by a model trained without it";
  if (!audit.enough) return [h("p", { class: "empty" }, `Not enough yet: ${count(audit.n)} of the ${count(audit.needed)} random checks that it takes.`)];
  const parts = [
    h("p", { class: "measure" }, h("b", {}, percent(audit.accuracy)), ` accurate (95% interval ${percent(audit.low)} to ${percent(audit.high)})`),
    band(audit.low, audit.accuracy, audit.high),
    h("p", { class: "small" }, `On ${count(audit.n)} ${how}. Always the most frequent class: ${percent(audit.majority)}.`),
  ];
  const { macro_f1: f1 } = audit;
  const words = f1
    ? `Macro-F1 ${f1.value.toFixed(2)} (90% interval ${f1.low.toFixed(2)} to ${f1.high.toFixed(2)}).`
    : "Macro-F1: not enough yet, it takes five checks of every class.";
  return [...parts, h("p", { class: "small" }, words)];
}

function band(low, value, high) {
  const range = h("i", { class: "range" });
  range.style.insetInlineStart = `${low * 100}%`;
  range.style.width = `${Math.max(0.5, (high - low) * 100)}%`;
  const mark = h("i", { class: "tick-mark" });
  mark.style.insetInlineStart = `${value * 100}%`;
  return h("div", { class: "band", "aria-hidden": "true" }, range, mark);
}

function classTable(classes, session) {
  const told = (share) => (share ? h("td", {}, percent(share.value), h("span", { class: "small" }, ` ${percent(share.low)}–${percent(share.high)}`)) : h("td", { class: "small" }, "not enough yet"));
  const rows = classes.map((one) => {
    const known = resolve(session.state.classes, one.class_id);
    const name = h("th", { scope: "row", class: colourOf(one.class_id) }, h("i", { class: "dot" }), h("span", { dir: "auto" }, known?.name ?? "?"));
    return h("tr", {}, name, h("td", {}, count(one.checks)), told(one.found), told(one.right));
  });
  const titles = [["class", ""], ["checks", ""], ["found", "Of the checks of this class, how many the model finds"], ["right", "Of the checks that the model gives to this class, how many are of it"]];
  const head = h("tr", {}, ...titles.map(([name, title]) => h("th", { scope: "col", title }, name)));
  const table = h("table", { class: "per-class" }, h("thead", {}, head), h("tbody", {}, ...rows));
  return h("div", { class: "scroll", tabIndex: 0, role: "region", "aria-label": "Accuracy of each class" }, table);
}

function reason({ holds, words }) {
  const [mark, said] = MARKS[String(holds)];
  return h("li", { class: `reason ${said.replaceAll(" ", "-")}` }, h("span", { class: "reason-mark", "aria-hidden": "true" }, mark), h("span", { class: "sr-only" }, `${said}: `), h("span", {}, words));
}

function promotion({ promotion: { on, cost, record }, audit }, promote) {
  if (!on && !audit) return [];
  const words = on ? "The random checks are trained on" : "The random checks are kept for judging";
  const button = h("button", { class: "button", type: "button", on: { click: () => promote(!on) } }, on ? "Keep them for judging again" : "Use the checks for training");
  const before = on ? record.at(-1)?.audit : null;
  const last = before ? ` The last independent accuracy was ${percent(before.accuracy)} on ${count(before.n)} checks.` : "";
  const why = on ? `The accuracy is cross-fitted.${last} Taken back, models learn without them again.` : cost;
  return [h("h3", {}, words), h("p", { class: "small" }, why), button];
}
