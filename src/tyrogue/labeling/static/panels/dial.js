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

/** @param {import("../session.js").Session} session */
export function dial(session) {
  const last = String(RATIOS.length - 1);
  const input = h("input", { id: "dial", type: "range", min: "0", max: last, step: "1", "aria-describedby": "dial-words" });
  const words = h("p", { class: "small", id: "dial-words" });
  let timer = 0;
  const tell = () => {
    const ratio = RATIOS[Number(input.value)];
    input.setAttribute("aria-valuetext", `ratio ${ratio}`);
    write(words, `Ratio ${ratio}. ${meaning(ratio)}`);
  };
  input.addEventListener("input", () => {
    tell();
    clearTimeout(timer);
    timer = setTimeout(async () => {
      timer = 0;
      try {
        await session.change({ ratio: RATIOS[Number(input.value)] });
      } catch (error) {
        write(words, error.message);
      }
    }, REST);
  });
  const ends = h("div", { class: "dial-ends", "aria-hidden": "true" }, h("span", {}, "explore"), h("span", {}, "exploit"));
  const element = h("div", { class: "dial owner-only" }, h("h3", {}, h("label", { for: "dial" }, "Explore or exploit")), input, ends, words);
  const update = (state) => {
    if (timer || document.activeElement === input) return; // not under someone's hand
    input.value = String(positionOf(state.settings.ratio));
    tell();
  };
  return { element, update };
}
