/** The map: every text a point, near to what is like it. Hover or arrows read, a lasso or Enter takes a region, a class key labels it. */

import { colourOf, resolve } from "../colours.js";
import { h, write } from "../dom.js";
import { count } from "../format.js";
import { Camera } from "../map/geometry.js";
import { Picture } from "../map/picture.js";
import { Points } from "../map/points.js";
import { RegionBar } from "../map/region.js";
import { Surface } from "../map/surface.js";
import { about, byClass, legend, summary } from "../map/words.js";

const REST = 90; // ms on a point before its text is asked for
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
  constructor(context) {
    Object.assign(this, { context, session: context.session, api: context.api });
    this.points = new Points();
    this.camera = new Camera();
    /** @type {Map<number, any>} by row */
    this.texts = new Map();
    this.colouring = "label";
    this.strategy = "";
  }

  open(body) {
    clearTimeout(this.timer);
    this.body = body;
    this.build(body);
    this.surface = new Surface(this.box, this.camera, this.points);
    this.region.watch(this.surface, this.points, () => this.load());
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
    this.legend = h("ul", { class: "map-legend", "aria-label": "Legend" });
    this.counts = h("p", { class: "small", id: "map-counts" });
    this.picked = h("p", { class: "small", role: "status" });
    this.region = new RegionBar(this.context);
    body.append(
      h("div", { class: "map-choices" }, select("map-colour", "Colour", COLOURINGS, this.colouring, (event) => this.recolour(event.target.value)),
        select("map-others", "Others would pick", STRATEGIES, this.strategy, (event) => this.compare(event.target.value))),
      h("div", { class: "map-frame" }, this.box, this.tools),
      this.region.bar, this.reading, this.legend, this.picked, this.counts, this.region.list,
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
    surface.addEventListener("region", () => picture.ask(false));
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
    if (this.points.size) {
      this.legend.replaceChildren(...legend(this.points, this.colours, this.colouring, this.session.state.classes));
      write(this.counts, summary(this.points, this.colouring));
    }
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
      const current = this.points.rows[this.surface.focused] === row;
      if (current) this.reading.replaceChildren(...about(this.points, i, text, this.session));
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

  onCard() {
    if (this.live) this.picture.ask(false);
  }

  // Picture

  drawBelow() {
    if (!this.colours || this.colours.length !== this.points.size) return;
    const classes = byClass(this.colouring);
    this.picture.dots(this.points, this.colours, (colour) => (classes ? colourOf(colour) : `shade-${colour}`));
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
