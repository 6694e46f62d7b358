/** Why this one? The way a text took from the pool to the screen, and what the model thinks of it. */

import { h } from "../dom.js";
import { colourOf, resolve } from "../colours.js";
import { age, count, isUncertain, modelName, percent, plural, snippet } from "../format.js";

const TOLD = ["step", "cluster", "cluster_size", "score", "rank_before", "drawn", "near", "alignment", "unexplored"];

/** @param {{session: import("../session.js").Session, api: any}} context @returns {import("./panels.js").Panel} */
export function why({ session, api }) {
  let drawn = "";
  const draw = (body) => {
    const item = session.item;
    const key = JSON.stringify([item?.id, session.suggestionsShown]);
    if (key === drawn && body.children.length) return;
    drawn = key;
    if (!item) return body.replaceChildren(h("p", { class: "empty" }, "No text on screen."));
    body.replaceChildren(...story(item, session, null), ...details(item));
    if (item.id >= 0) more(body, item, key);
  };
  /** The rest costs the server a look at the round's candidates: it is asked only while somebody reads it. */
  const more = async (body, item, key) => {
    try {
      const told = await api.why(item.id);
      if (drawn === key && body.isConnected) body.replaceChildren(...story(item, session, told), ...details(item));
    } catch {
      // What came with the item stands there; the state poll tells of a lost connection.
    }
  };
  const open = (body) => {
    drawn = "";
    draw(body);
  };
  return { name: "why", tab: "Why", key: "w", title: "Why this one?", open, on: { card: draw } };
}

function story(item, session, told) {
  if (item.kind === "reference") {
    const blind = "Drawn at random to measure accuracy honestly. The model's opinion is hidden, so that it cannot lead yours, and the model it judges is not trained on it.";
    return [h("p", {}, blind)];
  }
  const steps = funnel(item, session.state, told?.funnel);
  const beliefs = session.suggestionsShown && item.probabilities ? bars(item.probabilities, session.state.classes) : [];
  return [h("ol", { class: "funnel" }, ...steps.map((words) => h("li", {}, words))), ...beliefs, model(item), ...around(told, session.state.classes)];
}

/** Gives what lies near: the nearest labeled texts, its group, what nearly repeats it. */
function around(told, classes) {
  if (!told) return [];
  const part = (title, texts, words) => (texts?.length ? [h("h3", {}, title), h("ul", { class: "why-texts" }, ...texts.map((one) => near(one, classes, words)))] : []);
  const group = told.cluster ? `From its group of ${count(told.cluster.size)}` : "";
  return [
    ...part("Nearest texts with a label", told.nearest, true),
    ...part(group, told.cluster?.texts, false),
    ...part(`Nearly the same (${count(told.near_count)})`, told.near, false),
  ];
}

/** A text with its likeness; with its label where that is the point. */
function near({ text, text_pair: pair, similarity, class_id: id }, classes, labeled) {
  const one = labeled ? resolve(classes, id) : null;
  const label = one ? h("span", { class: `chip ${colourOf(one.id)}` }, h("i", { class: "dot" }), h("b", { dir: "auto" }, one.name)) : "";
  const like = similarity === undefined ? "" : h("span", { class: "value", title: "likeness (cosine) to this text or its group" }, similarity.toFixed(2));
  return h("li", {}, h("span", { class: "snippet", dir: "auto" }, snippet(pair ? `${text} — ${pair}` : text, 180)), like, label);
}

/** Gives the sentences of the funnel: drawn at random, kept for being different, taken for being uncertain. */
export function funnel(item, state, told = null) {
  if (item.kind === "search") return ["You asked for this text in the search."];
  if (item.kind === "review") return ["It came up for review: its earlier label looks doubtful."];
  const facts = item.facts ?? {};
  const from = facts.drawn ? `${count(facts.drawn)} texts` : "Texts";
  const steps = [`${from} were drawn at random from the ${count(state.total)} of the pool.`];
  if (facts.cluster_size) {
    const groups = told?.kept ? ` into ${plural(told.kept, "group")}, one text kept of each` : "";
    steps.push(`They were grouped by meaning${groups}. This one is the most typical of a group of ${count(facts.cluster_size)}.`);
  }
  return [...steps, ...lastStep(item, facts, told)];
}

function lastStep(item, facts, told) {
  if (!item.model) return facts.cluster_size ? ["There was no model yet: variety alone decided."] : [];
  if (!isUncertain(item)) return [];
  const before = facts.rank_before ? `Before the model looked it stood at place ${count(facts.rank_before)}. ` : "";
  const score = typeof facts.score === "number" ? ` (score ${facts.score.toFixed(2)})` : "";
  const which = told?.kept && told.kept > told.asked ? `Of those ${count(told.kept)} it is one of the ${count(told.asked)} that the model is least sure about` : "Of those left, the model is among the least sure about it";
  return [`${before}${which}${score}.`];
}

function bars(probabilities, classes) {
  const rows = probabilities.slice(0, 6).map(({ class_id, probability }) => {
    const one = resolve(classes, class_id);
    const fill = h("i", { class: "fill" });
    fill.style.width = `${Math.max(1, probability * 100)}%`;
    const name = h("span", { class: "name", dir: "auto" }, one?.name ?? "?");
    return h("li", { class: `bar-row ${colourOf(class_id)}` }, name, h("span", { class: "track" }, fill), h("span", { class: "value" }, percent(probability)));
  });
  return [h("h3", {}, "What the model thinks"), h("ul", { class: "bars" }, ...rows)];
}

function model(item) {
  if (!item.model) return "";
  const { version, labels, age_seconds } = item.model;
  return h("p", { class: "small" }, `Chosen by ${modelName(version)}, trained on ${count(labels)} labels, ${age(age_seconds)} old when it came (${version}).`);
}

function details(item) {
  const other = Object.entries(item.facts ?? {}).filter(([name]) => !TOLD.includes(name));
  const rows = [
    ["row", count(item.row)],
    ...(item.external_id !== null ? [["id", item.external_id]] : []),
    ["length", `${count(item.text_length)} characters`],
    ["batch", `${item.round + 1}, place ${item.position + 1}`],
    ...(item.copies ? [["exact copies", count(item.copies)]] : []),
    ...other.map(([name, value]) => [name.replaceAll("_", " "), plain(value)]),
    ...Object.entries(item.meta ?? {}).map(([name, value]) => [name, plain(value)]),
  ];
  const list = rows.map(([name, value]) => h("div", {}, h("dt", { dir: "auto" }, name), h("dd", { dir: "auto" }, value)));
  return [h("h3", {}, "This text"), h("dl", { class: "facts" }, ...list)];
}

const plain = (value) => (typeof value === "object" && value !== null ? JSON.stringify(value) : String(value)).slice(0, 500);
