/** The project's guidelines, beside the text they are about. */

import { h } from "../dom.js";
import { render } from "../markdown.js";

/** @param {{session: import("../session.js").Session}} context @returns {import("./panels.js").Panel} */
export function guidelines({ session }) {
  let shown = "";
  const draw = (body) => {
    shown = session.state.guidelines;
    const empty = h("p", { class: "empty" }, "No guidelines yet. Put them into the project as Markdown and they stand here, beside the text.");
    body.replaceChildren(h("div", { class: "prose" }, ...(shown.trim() ? render(shown) : [empty])));
  };
  return {
    name: "guidelines",
    tab: "Guide",
    key: "g",
    title: "Guidelines",
    open: draw,
    on: { state: (body) => session.state.guidelines !== shown && draw(body) },
  };
}
