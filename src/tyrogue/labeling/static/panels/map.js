/** The map: every text a point, near to what is like it. Hover or arrows read, a lasso or Enter takes a region, a class key labels it. */

import { choices, colourOf, resolve } from "../colours.js";
import { h, write } from "../dom.js";
import { count, modelName, percent, plural, snippet } from "../format.js";
import { Camera } from "../map/geometry.js";
import { Picture } from "../map/picture.js";
import { Points, STEPS, shadeName } from "../map/points.js";
import { MOST, Surface } from "../map/surface.js";

const REST = 90; // ms on a point before its text is asked for
const LISTED = 50; // texts of a region that are listed
const QUEUED = 100;
const AGAIN = 2_500; // ms between two looks for what the trainer prepares

const COLOURINGS = [
  ["label", "your labels"],
  ["prediction", "what the model thinks"],
  ["entropy", "the model's doubt"],
  ["round", "the batch it was asked in"],
];
const STRATEGIES = [
  ["", "nobody else"],
  ["tyrogue-1", "TYROGUE r = 1, diversity"],
  ["tyrogue-3", "TYROGUE r = 3"],
  ["tyrogue-10", "TYROGUE r = 10"],
  ["random", "Random"],
  ["entropy", "Entropy"],
  ["margin", "Margin"],
  ["badge", "BADGE"],
  ["ftbertkm", "FT-BERT-KM"],
];

/** @param {{session: import("../session.js").Session, api: any, reader: import("../keys.js").KeyReader}} context @returns {import("./panels.js").Panel} */
export function map(context) {
  const view = new MapView(context);
  return {
    name: "map",
    tab: "Map",
    key: "m",
    title: "Map",
    open: (body) => view.open(body),
    focus: () => view.box,
    on: { journal: () => view.later(), card: () => view.onCard(), state: () => view.later() },
  };
}

class MapView {
  constructor({ session, api, reader }) {
    Object.assign(this, { session, api, reader });
    this.points = new Points();
    this.camera = new Camera();
    /** @type {Map<number, any>} by row */
    this.texts = new Map();
    this.colouring = "label";
    this.strategy = "";
    this.told = { class: null };
  }

  open(body) {
    clearTimeout(this.timer);
    this.body = body;
    this.build(body);
    this.surface = new Surface(this.box, this.camera, this.points);
    this.picture = new Picture(this.below, this.above, this.camera);
    this.picture.drawBelow = () => this.drawBelow();
    this.picture.drawAbove = () => this.drawAbove();
    this.listen();
    this.picture.fit();
    this.load();
  }

  get live() {
    return Boolean(this.body?.contains(this.box));
  }

  build(body) {
    const select = (id, words, options, value, on) => {
      const list = options.map(([key, name]) => h("option", { value: key, selected: key === value }, name));
      return h("label", { class: "map-choice", for: id }, h("span", {}, words), h("select", { id, on: { change: on } }, ...list));
    };
    this.below = /** @type {HTMLCanvasElement} */ (h("canvas", { "aria-hidden": "true" }));
    this.above = /** @type {HTMLCanvasElement} */ (h("canvas", { "aria-hidden": "true" }));
    this.waitingWords = h("p", { class: "map-waiting" }, "The map is being drawn. It comes by itself.");
    this.box = h(
      "div",
      { class: "map-box", tabIndex: 0, role: "application", "aria-label": "Map of the texts", "aria-describedby": "map-help map-counts" },
      this.below,
      this.above,
      this.waitingWords,
    );
    this.tools = h("div", { class: "map-tools", role: "toolbar", "aria-label": "Tools of the map" });
    this.reading = h("div", { class: "map-text", role: "status", "aria-live": "polite" });
    this.bar = h("div", { class: "map-region", hidden: true });
    this.legend = h("ul", { class: "map-legend", "aria-label": "Legend" });
    this.counts = h("p", { class: "small", id: "map-counts" });
    this.picked = h("p", { class: "small", role: "status" });
    this.list = h("details", { class: "map-list", hidden: true });
    body.append(
      h("div", { class: "map-choices" }, select("map-colour", "Colour", COLOURINGS, this.colouring, (event) => this.recolour(event.target.value)),
        select("map-others", "Others would pick", STRATEGIES, this.strategy, (event) => this.compare(event.target.value))),
      h("div", { class: "map-frame" }, this.box, this.tools),
      this.bar, this.reading, this.legend, this.picked, this.counts, this.list,
      h("p", { class: "small", id: "map-help" }, "Draw around texts, or use the arrows and Enter (again for more, Shift with arrows for a rectangle); then a class key labels them all, q queues them. + and − zoom."),
    ); // prettier-ignore
    this.buildTools();
  }

  buildTools() {
    const tool = (words, label, click, pressed) =>
      h("button", { class: "map-tool", type: "button", "aria-label": label, title: label, "aria-pressed": pressed, on: { click } }, words);
    const swap = () => {
      this.surface.tool = this.surface.tool === "lasso" ? "move" : "lasso";
      this.hand.setAttribute("aria-pressed", String(this.surface.tool === "move"));
    };
    this.hand = tool("✥", "Drag moves the map instead of drawing", swap, "false");
    const zoom = (factor) => () => {
      this.camera.zoomBy(factor);
      this.picture.ask(true);
    };
    const whole = () => {
      Object.assign(this.camera, { x: 0.5, y: 0.5, zoom: 1 });
      this.picture.ask(true);
    };
    this.tools.append(this.hand, tool("+", "Zoom in", zoom(1.6)), tool("−", "Zoom out", zoom(1 / 1.6)), tool("⤢", "Show all", whole));
  }

  listen() {
    const { surface, picture } = this;
    surface.addEventListener("view", () => picture.ask(true));
    surface.addEventListener("view-above", () => picture.ask(false));
    surface.addEventListener("focus", () => this.onFocus());
    surface.addEventListener("region", () => this.onRegion());
    surface.addEventListener("key", (event) => this.onKey(/** @type {CustomEvent} */ (event)));
    this.observer?.disconnect();
    this.observer = new ResizeObserver(() => this.picture.fit() && this.picture.ask(true));
    this.observer.observe(this.box);
    this.theme?.disconnect();
    const repaint = () => {
      picture.palette.forget();
      picture.ask(true);
    };
    this.theme = new MutationObserver(repaint);
    this.theme.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaint);
  }

  // What is known

  /** Reads places, marks and opinions, and looks again while the map is open. */
  async load() {
    clearTimeout(this.timer);
    if (!this.live || this.loading) return;
    this.loading = true;
    try {
      const told = await this.api.map(this.points.version);
      if (told.status === "ready") this.placed(told);
      if (this.points.size) {
        this.points.mark(await this.api.mapMarks());
        await this.believe();
        await this.look();
      }
      this.show();
    } catch (error) {
      write(this.waitingWords, error.message);
    }
    this.loading = false;
    if (this.live) this.timer = setTimeout(() => this.load(), document.hidden ? 4 * AGAIN : AGAIN);
  }

  placed(told) {
    const rows = this.surface.region.map((i) => this.points.rows[i]);
    const focused = this.points.rows[this.surface.focused];
    this.points.place(told);
    this.surface.region = this.points.positions(rows);
    this.surface.focused = this.points.at.get(focused) ?? -1;
    this.surface.line = [];
  }

  async believe() {
    const { model } = this.session.state;
    if (!["prediction", "entropy"].includes(this.colouring) || !model) return;
    if (this.points.opinionOf?.model !== model.version) this.points.believe(await this.api.mapOpinions());
  }

  /** A label, or a new state: the marks are read again soon, not at each key. */
  later() {
    if (!this.live) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.load(), 400);
  }

  show() {
    this.waitingWords.hidden = this.points.size > 0;
    this.colours = this.points.colours(/** @type {any} */ (this.colouring), (id) => resolve(this.session.state.classes, id)?.id ?? -1);
    this.tell();
    this.picture.ask(true);
  }

  recolour(colouring) {
    this.colouring = colouring;
    this.load();
    this.show();
  }

  // Others

  async compare(strategy) {
    this.strategy = strategy;
    this.points.picks = [];
    write(this.picked, "");
    await this.look();
    this.picture.ask(false);
  }

  async look() {
    const asked = this.strategy;
    if (!asked) return;
    const told = await this.api.mapPicks(asked);
    if (asked !== this.strategy || !this.live) return;
    const name = STRATEGIES.find(([key]) => key === asked)[1];
    if (told.status !== "ready") {
      write(this.picked, `${name}: the trainer is asked, its answer comes by itself.`);
      return;
    }
    this.points.picks = this.points.positions(told.rows);
    const queued = this.points.picks.filter((i) => this.points.waiting.has(i)).length;
    const by = told.stands_in ? " A linear model on the same labels stands in for the transformer." : "";
    write(this.picked, `✕ ${name} would pick these ${told.rows.length} of the same ${count(told.candidates)} candidates; ${queued} of them ${queued === 1 ? "is" : "are"} queued for you too.${by}`);
    this.picture.ask(false);
  }

  // Words

  /** The same in words: for who does not see the picture, and as a legend for who does. */
  tell() {
    const { points } = this;
    if (!points.size) return;
    const classes = this.session.state.classes;
    const byClass = ["label", "prediction"].includes(this.colouring);
    const counts = points.counts(this.colours);
    const last = points.rounds.reduce((most, one) => Math.max(most, one), 0);
    const entries = byClass
      ? choices(classes).map((one) => [colourOf(one.id), one.name, counts.get(one.id) ?? 0])
      : Array.from({ length: STEPS }, (_, shade) => [`shade-${shade}`, shadeName(/** @type {any} */ (this.colouring), shade, last), counts.get(shade) ?? 0]);
    const shown = entries.filter(([, , n]) => byClass || n > 0).map(([colour, name, n]) =>
      h("li", { class: String(colour) }, h("i", { class: "dot" }), h("span", { dir: "auto" }, String(name)), h("span", { class: "value" }, count(Number(n)))),
    );
    const marks = [["mark-waiting", "queued for you", points.waiting.size], ["mark-audit", "blind checks", points.audit.size]]
      .map(([name, words, n]) => h("li", {}, h("i", { class: `mark-sign ${name}` }), h("span", {}, String(words)), h("span", { class: "value" }, count(Number(n)))));
    this.legend.replaceChildren(...shown, ...marks);
    write(this.counts, this.summary());
  }

  summary() {
    const { points } = this;
    const labeled = points.labels.reduce((n, one) => n + (one >= 0 ? 1 : 0), 0);
    const sketch = points.method === "pca" ? " This is a first sketch; the finer picture comes in about a minute." : "";
    const opinion = points.opinionOf;
    const asks = ["prediction", "entropy"].includes(this.colouring);
    const model = !asks ? "" : opinion ? ` Opinions are those of ${modelName(opinion.model)}${opinion.stands_in ? ", told by a linear model on the same labels" : ""}.` : " The model's opinions are on their way.";
    return `${plural(points.size, "text")} on the map, ${count(labeled)} labeled.${sketch}${model}`;
  }

  // Focus

  onFocus() {
    this.picture.ask(false);
    clearTimeout(this.resting);
    this.resting = setTimeout(() => this.read(this.surface.focused), REST);
  }

  async read(i) {
    if (i < 0 || !this.live) return;
    const row = this.points.rows[i];
    try {
      const text = await this.textOf(row);
      if (this.points.rows[this.surface.focused] === row) this.reading.replaceChildren(...this.about(i, text));
    } catch (error) {
      write(this.reading, error.message);
    }
  }

  async textOf(row) {
    if (!this.texts.has(row)) {
      const { texts } = await this.api.texts([row]);
      if (this.texts.size > 2_000) this.texts.clear();
      this.texts.set(row, texts[0]);
    }
    return this.texts.get(row);
  }

  about(i, { text, text_pair: pair }) {
    const { points, session } = this;
    const chip = (id) => {
      const one = resolve(session.state.classes, id);
      return one ? h("span", { class: `chip ${colourOf(one.id)}` }, h("i", { class: "dot" }), h("b", { dir: "auto" }, one.name)) : "";
    };
    const parts = [];
    if (points.labels[i] >= 0) parts.push(chip(points.labels[i]), points.rounds[i] >= 0 ? `batch ${points.rounds[i] + 1}` : "you chose it");
    else if (points.audit.has(i)) parts.push("kept for a blind check");
    else if (points.waiting.has(i)) parts.push("queued for you");
    if (points.predicted[i] >= 0 && points.labels[i] < 0 && session.suggestionsShown) parts.push("the model thinks", chip(points.predicted[i]), `doubt ${percent(points.entropy[i] / 100)}`);
    const mark = h("p", { class: "small map-about" }, ...parts.map((one) => (typeof one === "string" ? h("span", {}, one) : one)));
    return [h("p", { dir: "auto", class: "map-snippet" }, snippet(pair ? `${text} — ${pair}` : text, 240)), mark];
  }

  onCard() {
    if (this.live) this.picture.ask(false);
  }

  // Region

  onRegion() {
    this.confirming(null);
    this.picture.ask(false);
    const { region, leftOut } = this.surface;
    const some = region.length > 0;
    this.bar.hidden = !some && !leftOut;
    this.list.hidden = !some;
    this.list.open = false;
    if (this.bar.hidden) return;
    const left = leftOut ? ` ${plural(leftOut, "other")} left out: decided, kept for checks, or beyond ${count(MOST)}.` : "";
    const words = h("p", { class: "map-region-words", role: "status" }, some ? `${plural(region.length, "text")} in the region.${left}` : `Nothing to label here.${left}`);
    this.bar.replaceChildren(words, ...(some ? [this.regionButtons()] : []));
    if (some) this.offerList();
  }

  regionButtons() {
    const classes = choices(this.session.state.classes).map((one) =>
      h("button", { class: `chip-button ${colourOf(one.id)}`, type: "button", on: { click: () => this.ask(one) } }, h("i", { class: "dot" }), h("span", { dir: "auto" }, one.name)),
    );
    const queue = h("button", { class: "button", type: "button", on: { click: () => this.queue() } }, "Queue ", h("kbd", {}, "q"));
    const clear = h("button", { class: "quiet", type: "button", on: { click: () => this.leave() } }, "Clear ", h("kbd", {}, "Esc"));
    return h("div", { class: "map-actions", role: "group", "aria-label": "Label the region" }, ...classes, queue, clear);
  }

  offerList() {
    const rows = this.points.rowsOf(this.surface.region).slice(0, LISTED);
    const list = h("ol", { class: "results" });
    const words = this.surface.region.length > LISTED ? `Read the first ${LISTED} texts of the region` : "Read the texts of the region";
    this.list.replaceChildren(h("summary", {}, words), list);
    this.list.ontoggle = async () => {
      if (!this.list.open || list.children.length) return;
      const { texts } = await this.api.texts(rows);
      list.replaceChildren(...texts.map((one) => h("li", { class: "entry" }, h("span", { class: "snippet", dir: "auto" }, snippet(one.text, 200)))));
    };
  }

  /** Keys that the surface leaves: a class for the region, its confirmation, the queue. Others go to the card. */
  onKey(asked) {
    const event = asked.detail;
    const { region } = this.surface;
    if (event.key === "Escape") {
      if (this.told.class ? this.confirming(null) : this.surface.clear()) asked.preventDefault();
      return;
    }
    if (!region.length || event.repeat) return;
    if (event.key === "Enter" && this.told.class) this.label(this.told.class);
    else if (event.key === "q") this.queue();
    else {
      const meaning = this.reader.read(event);
      if (meaning?.kind !== "class" && meaning?.kind !== "prefix") return;
      if (meaning.kind === "class") this.ask(choices(this.session.state.classes)[meaning.index]);
    }
    asked.preventDefault();
  }

  /** Asks once, with the number; the same class again, or Enter, says yes. */
  ask(one) {
    if (this.told.class?.id === one.id) {
      this.label(one);
      return;
    }
    this.confirming(one);
  }

  confirming(one) {
    const before = this.told.class;
    this.told.class = one;
    this.surface.confirming = Boolean(one);
    this.bar.querySelector(".map-confirm")?.remove();
    if (!one) return Boolean(before);
    const n = this.surface.region.length;
    const yes = h("button", { class: `chip-button ${colourOf(one.id)}`, type: "button", on: { click: () => this.label(one) } }, h("i", { class: "dot" }), h("b", { dir: "auto" }, `Label ${plural(n, "text")} ${one.name}`), h("kbd", {}, "Enter"));
    const no = h("button", { class: "quiet", type: "button", on: { click: () => this.confirming(null) } }, "No ", h("kbd", {}, "Esc"));
    this.bar.append(h("div", { class: "map-confirm", role: "group", "aria-label": "Sure?" }, yes, no));
    this.session.say(`Label ${plural(n, "text")} ${one.name}? Enter says yes, Escape no.`);
    return true;
  }

  async label(one) {
    const rows = this.points.rowsOf(this.surface.region);
    this.confirming(null);
    try {
      const { rows: done, left_out: left } = await this.session.labelRegion(rows, one.id);
      const skipped = left.audit + left.decided;
      this.session.say(`${plural(done.length, "text")} labeled ${one.name}.`);
      this.done(`${plural(done.length, "text")} labeled ${one.name}.${skipped ? ` ${skipped} left as they are.` : ""} Backspace takes all of it back.`);
    } catch (error) {
      this.done(error.message);
    }
  }

  async queue() {
    const rows = this.points.rowsOf(this.surface.region).slice(0, QUEUED);
    try {
      const { rows: done } = await this.session.queueRows(rows);
      const more = this.surface.region.length > QUEUED ? `, the first of ${count(this.surface.region.length)}` : "";
      this.done(`${plural(done.length, "text")} queued${more}: they come next.`);
    } catch (error) {
      this.done(error.message);
    }
  }

  leave() {
    this.surface.clear();
    this.box.focus({ preventScroll: true });
  }

  done(words) {
    this.surface.clear();
    this.bar.hidden = false;
    this.bar.replaceChildren(h("p", { class: "map-region-words", role: "status" }, words));
    if (this.live) this.box.focus({ preventScroll: true });
    this.load();
  }

  // Picture

  drawBelow() {
    if (!this.colours || this.colours.length !== this.points.size) return;
    const byClass = ["label", "prediction"].includes(this.colouring);
    this.picture.dots(this.points, this.colours, (colour) => (byClass ? colourOf(colour) : `shade-${colour}`));
  }

  drawAbove() {
    const { picture, points, surface } = this;
    const context = picture.clear(picture.above);
    picture.rings(context, points, [...points.waiting], { radius: 5.5, colour: "accent" });
    picture.rings(context, points, [...points.audit], { radius: 4, colour: "ink", width: 1, sides: 2 });
    picture.line(context, surface.line);
    picture.filled(context, points, surface.region);
    picture.crosses(context, points, points.picks);
    const card = points.at.get(this.session.item?.row);
    if (card !== undefined) picture.rings(context, points, [card], { radius: 9, colour: "accent", width: 3 });
    if (surface.focused >= 0 && surface.focused < points.size) {
      picture.rings(context, points, [surface.focused], { radius: 8, colour: "rim", width: 5 });
      picture.rings(context, points, [surface.focused], { radius: 8, colour: "ink", width: 2.5 });
    }
  }
}
