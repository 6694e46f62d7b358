/** Search: find a text by its words and label it next; how a rare class gets its first examples. */

import { h } from "../dom.js";
import { colourOf, resolve } from "../colours.js";
import { plural, snippet } from "../format.js";

const REST = 220; // ms without typing

/** @param {{session: import("../session.js").Session, api: any}} context @returns {import("./panels.js").Panel} */
export function search({ session, api }) {
  let asked = 0;
  let timer = 0;
  const find = async (body, words) => {
    const list = body.querySelector(".results");
    const message = body.querySelector(".message");
    const mine = ++asked;
    if (!words) {
      list.replaceChildren();
      message.textContent = "";
      return;
    }
    try {
      const { rows, total } = await api.search(words);
      if (mine !== asked) return; // a later question was asked meanwhile
      list.replaceChildren(...rows.map((row) => result(row, session, message)));
      message.textContent = total ? plural(total, "text") + (total > rows.length ? `, the first ${rows.length} shown` : "") : "No text holds these words.";
    } catch (error) {
      if (mine === asked) message.textContent = error.message;
    }
  };
  return {
    name: "search",
    tab: "Search",
    key: "/",
    title: "Search",
    open(body) {
      const input = h("input", { id: "search", type: "search", autocomplete: "off", placeholder: "words in the texts", dir: "auto" });
      input.addEventListener("input", () => {
        clearTimeout(timer);
        timer = setTimeout(() => find(body, input.value.trim()), REST);
      });
      body.append(h("label", { class: "sr-only", for: "search" }, "Search the texts"), input);
      body.append(h("p", { class: "message", role: "status" }), h("ol", { class: "results" }));
    },
    focus: (body) => body.querySelector("#search"),
  };
}

function result(row, session, message) {
  const one = row.label == null ? null : resolve(session.state.classes, row.label);
  const put = async () => {
    try {
      const shown = await session.queueRow(row.row);
      message.textContent = shown ? "On the card now." : "It comes among the next.";
      if (shown) document.getElementById("reading").focus();
    } catch (error) {
      message.textContent = error.message;
    }
  };
  const label = one ? h("span", { class: `chip ${colourOf(one.id)}` }, h("i", { class: "dot" }), h("b", { dir: "auto" }, one.name)) : "";
  const button = h("button", { class: "entry", type: "button", on: { click: put } }, h("span", { class: "snippet", dir: "auto" }, snippet(row.text, 160)), label);
  return h("li", {}, button);
}
