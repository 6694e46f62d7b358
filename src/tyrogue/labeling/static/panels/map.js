/** The map: every text a point, near to what is like it. Hover or arrows read, a lasso or Enter takes a region, a class key labels it. */

import { colourOf, resolve } from "../colours.js";
import { h, write } from "../dom.js";
import { count } from "../format.js";
import { Choices, LEADING, STRATEGIES } from "../map/choices.js";
import { Camera } from "../map/geometry.js";
import { Picture } from "../map/picture.js";
import { Points } from "../map/points.js";
import { RegionBar } from "../map/region.js";
import { Surface } from "../map/surface.js";
import { about, byClass, legend, summary } from "../map/words.js";

const REST = 90; // ms on a point before its text is asked for
const AGAIN = 2_500; // ms between two looks for what the trainer prepares

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
    on: { journal: () => view.later(), card: () => view.onCard(), state: () => view.onState() },
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
    this.conceal();
    this.lead();
    this.load();
  }

  get live() {
    return Boolean(this.body?.contains(this.box));
  }

  build(body) {
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
    this.choices = new Choices(this);
    body.append(
      this.choices.element,
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
    const repaint = () => picture.repaint();
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
        this.conceal();
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
    if (!LEADING.includes(this.colouring) || !model || !this.session.suggestionsShown) return;
    const told = this.points.opinionOf;
    if (told?.model !== model.version || told.version !== this.points.version) this.points.believe(await this.api.mapOpinions());
  }

  /** A label, or a new state: the marks are read again soon, not at each key. */
  later() {
    if (!this.live) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.load(), 400);
  }

  show() {
    this.lead();
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
    const queued = this.points.picks.filter((i) => this.points.waiting.has(i) || this.points.mine.has(i)).length;
    const by = told.stands_in ? " A linear model on the same labels stands in for the transformer." : "";
    write(this.picked, `✕ ${name} would pick these ${told.rows.length} of the same ${count(told.candidates)} candidates; ${queued} of them ${queued === 1 ? "is" : "are"} in the queue too.${by}`);
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
    if (this.live) this.picture.ask(this.conceal());
  }

  onState() {
    if (this.live && this.lead()) this.show();
    this.later();
  }

  // What must not be seen

  /** A check has no place on the map before it is decided: nothing finds it, and what pointed at it does so no more. */
  conceal() {
    const { item } = this.session;
    const changed = this.points.veil(item?.kind === "reference" ? item.row : null);
    const { hidden } = this.points;
    if (hidden.has(this.surface.focused)) {
      this.surface.focused = -1;
      this.reading.replaceChildren();
    }
    if (this.surface.region.some((i) => hidden.has(i))) this.surface.choose(this.surface.region);
    return changed;
  }

  /** While suggestions are hidden the model colours nothing; gives whether the colouring had to change. */
  lead() {
    const shown = this.session.suggestionsShown;
    const leading = !shown && LEADING.includes(this.colouring);
    if (leading) this.colouring = "label";
    if (!shown && this.points.opinionOf) this.points.forgetOpinions();
    this.choices.lead(shown, this.colouring);
    return leading;
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
    picture.marks(context, points);
    picture.line(context, surface.line);
    picture.filled(context, points, surface.region);
    picture.crosses(context, points, points.picks);
    // Among labeled neighbours a text is half decided: no mark for a check, nor for anybody who has hidden suggestions.
    const card = this.session.suggestionsShown ? points.at.get(this.session.item?.row) : undefined;
    if (card !== undefined && !points.hidden.has(card)) picture.rings(context, points, [card], { radius: 9, colour: "accent", width: 3 });
    if (surface.focused >= 0 && surface.focused < points.size) picture.focus(context, points, surface.focused);
  }
}
