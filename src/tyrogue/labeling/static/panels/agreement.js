/** How far people agree on the texts that several of them labeled: over all, by class, by pair. */

import { h } from "../dom.js";
import { colourOf, resolve } from "../colours.js";
import { count, plural } from "../format.js";

/** @param {{session: import("../session.js").Session, api: any}} context */
export function agreementPart({ session, api }) {
  const element = h("section", { class: "agreement" });
  let shown = "";
  const load = async () => {
    try {
      const found = await api.agreement();
      const key = JSON.stringify([found, session.state.classes.map(({ id, name }) => [id, name])]);
      if (key !== shown) element.replaceChildren(h("h3", {}, "Agreement"), ...parts(found, session.state.classes));
      shown = key;
    } catch (error) {
      element.replaceChildren(h("h3", {}, "Agreement"), h("p", { class: "small" }, error.message));
      shown = "";
    }
  };
  return { element, load };
}

function parts(found, classes) {
  if (!found.texts) return [h("p", { class: "small" }, "No text has been labeled by two people yet. Overlap asks several people about the same text.")];
  const alpha = found.alpha === null ? "not defined yet" : found.alpha.toFixed(2);
  const lead = h("p", { class: "alpha" }, "Krippendorff's alpha ", h("b", {}, alpha), ` on ${plural(found.texts, "text")}; all agree on ${count(found.agreed)}. ${meaning(found)}`);
  const rows = found.classes.filter((one) => one.texts).map((one) => classRow(one, classes));
  const pairs = found.pairs.map((one) => row([h("span", { dir: "auto" }, one.annotators.join(" and "))], one, one.kappa));
  return [lead, table("By class", "alpha", rows), table("By pair", "kappa", pairs)];
}

/** What is usual to say of alpha (Krippendorff, 2004), and nothing of few texts. */
function meaning({ alpha, texts }) {
  if (alpha === null) return "";
  if (texts < 20) return "Too few texts to say more.";
  if (alpha >= 0.8) return "That is reliable.";
  return alpha >= 0.667 ? "Good enough for tentative conclusions." : "Low: look at the disagreements and sharpen the guidelines.";
}

function classRow(one, classes) {
  const known = resolve(classes, one.class_id);
  const chip = h("span", { class: `chip ${colourOf(known?.id ?? one.class_id)}` }, h("i", { class: "dot" }), h("b", { dir: "auto" }, known?.name ?? String(one.class_id)));
  return row([chip], one, one.alpha);
}

function row(first, one, value) {
  const number = value === null ? "–" : value.toFixed(2);
  return h("tr", {}, h("th", { scope: "row" }, ...first), h("td", {}, `${count(one.agreed)} of ${count(one.texts)}`), h("td", {}, number));
}

function table(caption, measure, rows) {
  const head = h("tr", {}, h("th", { scope: "col" }, caption), h("th", { scope: "col" }, "agreed"), h("th", { scope: "col" }, measure));
  return h("table", { class: "numbers" }, h("thead", {}, head), h("tbody", {}, ...rows));
}
