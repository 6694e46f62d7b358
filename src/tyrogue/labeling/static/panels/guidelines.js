/** The project's guidelines, beside the text they are about, and written there too. */

import { h } from "../dom.js";
import { sanitised } from "../markup.js";

/**
 * @param {{session: import("../session.js").Session, api: any, reload: () => Promise<void>}} context
 * @returns {import("./panels.js").Panel}
 */
export function guidelines({ session, api, reload }) {
  let shown = "";
  const read = (body) => {
    shown = session.state.guidelines;
    const empty = h("p", { class: "empty" }, "No guidelines yet. What belongs to each class, and what to do in doubt, stands here beside the text.");
    const edit = h("button", { class: "button owner-only", type: "button", on: { click: () => write(body) } }, shown.trim() ? "Edit" : "Write them");
    body.replaceChildren(h("div", { class: "prose" }, ...(shown.trim() ? sanitised(session.state.guidelines_html) : [empty])), edit);
  };
  const write = (body) => {
    const field = h("textarea", { id: "guide", value: session.state.guidelines, dir: "auto", maxLength: 100_000 });
    const message = h("p", { class: "message", role: "status" });
    const save = async (event) => {
      event.preventDefault();
      try {
        await api.guidelines(field.value);
        await reload();
        read(body);
      } catch (error) {
        message.textContent = error.message;
      }
    };
    const cancel = h("button", { class: "quiet", type: "button", on: { click: () => read(body) } }, "Cancel");
    const row = h("div", { class: "exports" }, h("button", { class: "button", type: "submit" }, "Save"), cancel);
    const label = h("label", { for: "guide", class: "small" }, "Markdown");
    body.replaceChildren(h("form", { class: "guide-edit", on: { submit: save } }, label, field, row, message));
    field.focus();
  };
  const isOpen = (body) => body.querySelector("form") !== null; // never under someone's typing
  return {
    name: "guidelines",
    tab: "Guide",
    key: "g",
    title: "Guidelines",
    open: read,
    on: { state: (body) => session.state.guidelines !== shown && !isOpen(body) && read(body) },
  };
}
