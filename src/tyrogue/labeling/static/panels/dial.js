/** The dial from explore (diversity) to exploit (uncertainty): the ratio of the strategy, on a logarithmic scale. */

import { h, write } from "../dom.js";

export const RATIOS = Object.freeze([1, 2, 3, 4, 6, 8, 12, 16]);
const REST = 350; // ms without movement before the server hears of it

/** Gives the position of a ratio: the nearest one on the log scale. @param {number} ratio */
export function positionOf(ratio) {
  const distance = (one) => Math.abs(Math.log2(one) - Math.log2(Math.max(1, ratio)));
  return RATIOS.reduce((best, one, index) => (distance(one) < distance(RATIOS[best]) ? index : best), 0);
}

/** @param {number} ratio */
export function meaning(ratio) {
  if (ratio === 1) return "Only variety: every group of texts is visited once.";
  return `The ${ratio === 2 ? "less" : "least"} sure of every ${ratio} typical texts.`;
}

/** Says what the ratio is while it is chosen automatically, and why. @param {import("../types.js").Balance|null} [balance] */
export function reason(balance) {
  if (!balance) return "The ratio will be chosen with the next batch.";
  const share = (value) => `${Math.round(100 * value)}%`;
  const now = `Ratio ${balance.ratio} for now. ${meaning(balance.ratio)}`;
  if (balance.unexplored === 1) return `${now} There was no model yet.`;
  return `${now} Similar texts share their class as far as ${share(balance.alignment)}, and ${share(balance.unexplored)} of the variety is taken to be new still.`;
}

/** @param {import("../session.js").Session} session */
export function dial(session) {
  const last = String(RATIOS.length - 1);
  const input = h("input", { id: "dial", type: "range", min: "0", max: last, step: "1", "aria-describedby": "dial-words" });
  const auto = h("input", { id: "dial-auto", type: "checkbox", "aria-describedby": "dial-words" });
  const words = h("p", { class: "small", id: "dial-words" });
  let timer = 0;
  const tell = () => {
    const ratio = RATIOS[Number(input.value)];
    input.setAttribute("aria-valuetext", `ratio ${ratio}`);
    write(words, `Ratio ${ratio}. ${meaning(ratio)}`);
  };
  const change = async (ratio) => {
    timer = 0;
    try {
      await session.change({ ratio });
    } catch (error) {
      write(words, error.message);
    }
  };
  const rest = () => {
    tell();
    clearTimeout(timer);
    timer = setTimeout(() => change(RATIOS[Number(input.value)]), REST);
  };
  input.addEventListener("input", () => {
    auto.checked = false; // whoever takes the dial decides
    rest();
  });
  auto.addEventListener("change", () => {
    if (!auto.checked) return rest();
    clearTimeout(timer);
    write(words, reason(null));
    change("auto");
  });
  const ends = h("div", { class: "dial-ends", "aria-hidden": "true" }, h("span", {}, "explore"), h("span", {}, "exploit"));
  const itself = h("label", { class: "small" }, auto, " let it adapt to what the labels show (auto)");
  const element = h("div", { class: "dial owner-only" }, h("h3", {}, h("label", { for: "dial" }, "Explore or exploit")), input, ends, itself, words);
  const update = (state) => {
    if (timer || document.activeElement === input) return; // not under someone's hand
    const { ratio } = state.settings;
    auto.checked = ratio === "auto";
    if (ratio !== "auto" || state.balance) input.value = String(positionOf(ratio === "auto" ? state.balance.ratio : ratio));
    tell();
    if (ratio === "auto") write(words, reason(state.balance));
  };
  return { element, update };
}
