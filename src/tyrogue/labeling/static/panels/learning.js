/** Learning: the curve, labels per class, the dial, the autopilot where gold labels exist, and the way out. */

import { codes, h, write } from "../dom.js";
import { choices, colourOf } from "../colours.js";
import { figure } from "../curve.js";
import { auditWords, capital, count, modelName, plural, tierWords } from "../format.js";
import { exportLinks } from "../screens.js";
import { autopilotControl } from "./autopilot.js";
import { dial } from "./dial.js";
import { judgement } from "./judgement.js";

/**
 * @param {{session: import("../session.js").Session, api: any, reload: () => Promise<void>}} context
 * @returns {import("./panels.js").Panel}
 */
export function learning(context) {
  const { session, api } = context;
  let parts = null;
  let drawn = "";
  const update = () => {
    const state = session.view;
    const key = JSON.stringify(state.curve);
    if (key !== drawn) parts.curve.replaceChildren(figure(state.curve));
    drawn = key;
    bars(parts.bars, choices(state.classes));
    write(parts.model, modelLine(state));
    parts.judgement.update(state);
    write(parts.audit, state.judged ? "" : auditWords(state.audit));
    parts.warnings.replaceChildren(...[...state.warnings, state.trainer.error].filter(Boolean).map((words) => h("li", {}, ...codes(words))));
    parts.dial.update(state);
    parts.autopilot.update(state);
  };
  return {
    name: "learning",
    tab: "Learning",
    key: "l",
    title: "Learning",
    open(body) {
      drawn = "";
      parts = {
        curve: h("div", {}),
        bars: h("ul", { class: "bars" }),
        model: h("p", { class: "small" }),
        audit: h("p", { class: "audit" }),
        warnings: h("ul", { class: "warnings" }),
        judgement: judgement(context),
        dial: dial(session),
        autopilot: autopilotControl(context),
      };
      body.append(parts.autopilot.element, parts.curve, parts.audit, parts.model, parts.warnings, parts.judgement.element, h("h3", {}, "Labels per class"), parts.bars);
      body.append(parts.dial.element, h("h3", {}, "Take the labels"), exportLinks(api));
      update();
    },
    on: { state: update, card: () => bars(parts.bars, choices(session.view.classes)) },
  };
}

function modelLine(state) {
  const { model, trainer } = state;
  if (!model) return trainer.message || "No model yet.";
  const words = `${capital(modelName(model.version))} (${model.kind}) learned from ${plural(model.labels, "label")} in ${Math.round(model.train_seconds)} s.`;
  const judged = [words, tierWords(state.tiers)].filter(Boolean).join(" ");
  return trainer.message && trainer.phase !== "waiting" ? `${judged} Now: ${trainer.message}.` : judged;
}

/** Draws a bar a class; existing rows only change their width, so that growth is seen. */
function bars(list, classes) {
  const most = Math.max(1, ...classes.map((one) => one.labeled));
  const key = JSON.stringify(classes.map(({ id, name }) => [id, name]));
  if (list.dataset.key !== key) {
    list.dataset.key = key;
    list.replaceChildren(...classes.map(barRow));
  }
  classes.forEach((one, index) => {
    const row = list.children[index];
    row.querySelector(".fill").style.width = `${(one.labeled / most) * 100}%`;
    write(row.querySelector(".value"), count(one.labeled));
  });
}

function barRow(one) {
  const track = h("span", { class: "track" }, h("i", { class: "fill" }));
  return h("li", { class: `bar-row ${colourOf(one.id)}` }, h("span", { class: "name", dir: "auto" }, one.name), track, h("span", { class: "value" }));
}
