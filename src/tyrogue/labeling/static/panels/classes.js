/** The classes: add, rename, merge, while labeling goes on. Nothing is rewritten; the server appends. */

import { h } from "../dom.js";
import { choices, colourOf } from "../colours.js";
import { count } from "../format.js";

/**
 * @param {{session: import("../session.js").Session, api: any, reload: () => Promise<void>}} context
 * @returns {import("./panels.js").Panel}
 */
export function classesPanel({ session, api, reload }) {
  let signature = "";
  const say = (body, words) => {
    body.querySelector(".message").textContent = words;
  };
  const act = async (body, work, done) => {
    try {
      await work();
      await reload();
      draw(body);
      say(body, done);
      session.say(done);
      return true;
    } catch (error) {
      say(body, error.message);
      return false;
    }
  };
  const draw = (body) => {
    const list = choices(session.view.classes);
    signature = JSON.stringify(list.map(({ id, name }) => [id, name]));
    const rows = list.map((one) => row(one, list, (work, done) => act(body, work, done), api));
    body.replaceChildren(
      h("ul", { class: "class-list" }, ...rows),
      addForm((name) => act(body, () => api.addClass(name), `Added ${name}.`)),
      h("p", { class: "message", role: "status" }),
      h("p", { class: "small" }, "A rename keeps key and colour. A merge moves the labels and cannot be undone; the journal keeps what was chosen."),
    );
  };
  const counts = (body) => {
    const list = choices(session.view.classes);
    if (JSON.stringify(list.map(({ id, name }) => [id, name])) !== signature) {
      if (!body.contains(document.activeElement)) draw(body); // never under someone's typing
      return;
    }
    const cells = body.querySelectorAll(".class-count");
    list.forEach((one, index) => {
      if (cells[index]) cells[index].textContent = count(one.labeled);
    });
  };
  return {
    name: "classes",
    tab: "Classes",
    key: "c",
    title: "Classes",
    open: draw,
    focus: (body) => body.querySelector("#new-class"),
    on: { state: counts, card: counts },
  };
}

function row(one, list, act, api) {
  const name = h("input", { type: "text", value: one.name, dir: "auto", autocomplete: "off", "aria-label": `Name of class ${one.name}` });
  const rename = async () => {
    const wanted = name.value.trim();
    if (!wanted || wanted === one.name) name.value = one.name;
    else if (!(await act(() => api.renameClass(one.id, wanted), `${one.name} is now ${wanted}.`))) name.value = one.name;
  };
  name.addEventListener("change", rename);
  name.addEventListener("keydown", (event) => event.key === "Enter" && !event.isComposing && name.blur());
  const others = list.filter((other) => other.id !== one.id);
  const tail = h("span", { class: "class-tail" });
  if (others.length) tail.append(mergeChoice(one, others, act, api, tail));
  const cells = [h("i", { class: "dot" }), name, h("span", { class: "class-count" }, count(one.labeled)), tail];
  return h("li", { class: colourOf(one.id) }, ...cells);
}

function mergeChoice(one, others, act, api, tail) {
  const options = others.map((other) => h("option", { value: String(other.id) }, other.name));
  const select = h("select", { "aria-label": `Merge ${one.name} into` }, h("option", { value: "" }, "merge into…"), ...options);
  const back = () => {
    tail.classList.remove("asking");
    tail.replaceChildren(mergeChoice(one, others, act, api, tail));
  };
  select.addEventListener("change", () => {
    const into = others.find((other) => String(other.id) === select.value);
    if (!into) return;
    tail.classList.add("asking");
    tail.replaceChildren(...confirmMerge(one, into, act, api, back));
  });
  return select;
}

function confirmMerge(one, into, act, api, cancel) {
  const merge = () => act(() => api.mergeClass(one.id, into.id), `${one.name} merged into ${into.name}.`);
  const yes = h("button", { class: "button", type: "button", on: { click: merge } }, `Merge into ${into.name}`);
  const no = h("button", { class: "quiet", type: "button", on: { click: cancel } }, "Cancel");
  const words = h("span", { class: "small", id: `merge-words-${one.id}` }, `A merge cannot be undone: Backspace does not part ${one.name} and ${into.name} again.`);
  yes.setAttribute("aria-describedby", `merge-words-${one.id}`);
  queueMicrotask(() => yes.focus());
  return [words, yes, no];
}

function addForm(add) {
  const input = h("input", { id: "new-class", type: "text", dir: "auto", autocomplete: "off", maxLength: 200 });
  const submit = async (event) => {
    event.preventDefault();
    const name = input.value.trim();
    if (name && (await add(name))) document.getElementById("new-class")?.focus();
  };
  const label = h("label", { for: "new-class" }, "New class");
  return h("form", { class: "add-class", on: { submit } }, label, input, h("button", { class: "button", type: "submit" }, "Add"));
}
