/**
 * Hands on the map: pointer, wheel, touch and keyboard become a camera, a point in focus and a region.
 * Events: `view` (the camera moved), `focus`, `region` (its line or points changed), `key` (a key that is not the map's).
 */

import { rectangle } from "./geometry.js";

const REACH = 14; // px around the pointer
const DRAG = 4; // px before a press is a line
const FIRST_GROWTH = 10;
export const MOST = 1_000; // texts of a region; the server takes no more at once

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export class Surface extends EventTarget {
  /**
   * @param {HTMLElement} box takes focus and pointers
   * @param {import("./geometry.js").Camera} camera
   * @param {import("./points.js").Points} points
   */
  constructor(box, camera, points) {
    super();
    Object.assign(this, { box, camera, points });
    this.focused = -1;
    /** @type {number[]} positions */
    this.region = [];
    /** @type {import("./geometry.js").Place[]} */
    this.line = [];
    this.growth = 0;
    this.corner = -1;
    /** @type {"lasso"|"move"} what dragging does */
    this.tool = "lasso";
    /** @type {Map<number, {x: number, y: number}>} */
    this.fingers = new Map();
    for (const type of ["pointerdown", "pointermove", "pointerup", "pointercancel", "pointerleave", "wheel", "keydown"]) {
      box.addEventListener(type, (event) => this[type](event), { passive: false });
    }
  }

  tell(type) {
    this.dispatchEvent(new CustomEvent(type));
  }

  // Region

  /** Takes points as the region: those that may be labeled. @param {number[]} found */
  choose(found) {
    this.region = found.filter((i) => this.points.free(i)).slice(0, MOST);
    this.leftOut = found.length - this.region.length;
    this.tell("region");
  }

  /** Gives whether there was a region. */
  clear() {
    const had = this.region.length > 0 || this.line.length > 0;
    Object.assign(this, { region: [], line: [], growth: 0, corner: -1, leftOut: 0 });
    if (had) this.tell("region");
    return had;
  }

  /** Takes the texts around the point in focus; each time twice as many. */
  grow() {
    if (this.focused < 0) this.focusMiddle();
    if (this.focused < 0) return;
    this.growth = this.growth ? Math.min(MOST, this.growth * 2) : FIRST_GROWTH;
    this.line = [];
    this.choose(this.points.index.around(this.focused, this.growth));
  }

  /** Takes the rectangle between where it began and the point in focus. */
  stretch(from) {
    if (this.corner < 0) this.corner = from;
    const place = (i) => ({ x: this.points.index.xs[i], y: this.points.index.ys[i] });
    const [a, b, edge] = [place(this.corner), place(this.focused), 1e-5];
    const [left, right] = [Math.min(a.x, b.x) - edge, Math.max(a.x, b.x) + edge];
    const [top, bottom] = [Math.min(a.y, b.y) - edge, Math.max(a.y, b.y) + edge];
    this.line = rectangle({ x: left, y: top }, { x: right, y: bottom });
    this.growth = 0;
    this.choose(this.points.index.inside(this.line));
  }

  // Focus

  focus(i) {
    if (i === this.focused) return;
    this.focused = i;
    this.tell("focus");
  }

  focusMiddle() {
    const { x, y } = this.camera;
    const found = this.points.index.nearest(x, y, 1.5);
    if (found >= 0) this.focus(found);
  }

  step([dx, dy], stretching) {
    const from = this.focused;
    if (from < 0) return this.focusMiddle();
    const next = this.points.index.towards(from, dx, dy);
    if (next < 0) return;
    this.growth = 0;
    this.focus(next);
    if (this.camera.show(this.points.index.xs[next], this.points.index.ys[next])) this.tell("view");
    if (stretching) this.stretch(from);
  }

  // Keyboard

  /** @param {KeyboardEvent} event */
  keydown(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (event.key in ARROWS) this.step(ARROWS[event.key], event.shiftKey);
    else if (event.key === "Enter" && !event.repeat && !this.confirming) this.grow();
    else if (event.key === "+" || event.key === "=" || event.key === "-") this.zoom(event.key === "-" ? 1 / 1.4 : 1.4);
    else {
      const asked = new CustomEvent("key", { detail: event, cancelable: true });
      if (this.dispatchEvent(asked)) return;
    }
    event.preventDefault();
    event.stopPropagation();
  }

  zoom(factor) {
    const i = this.focused;
    const at = i < 0 ? [undefined, undefined] : this.camera.toScreen(this.points.index.xs[i], this.points.index.ys[i]);
    this.camera.zoomBy(factor, at[0], at[1]);
    this.tell("view");
  }

  // Pointers

  place(event) {
    const box = this.box.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  }

  pointerdown(event) {
    if (event.button > 0) return;
    this.box.focus({ preventScroll: true });
    this.box.setPointerCapture(event.pointerId);
    this.fingers.set(event.pointerId, this.place(event));
    this.began = this.place(event);
    this.drawing = false;
    if (this.fingers.size > 1) this.line = [];
  }

  pointermove(event) {
    const here = this.place(event);
    const before = this.fingers.get(event.pointerId);
    if (!before) return this.hover(here);
    if (this.fingers.size > 1) this.pinch(event.pointerId, here);
    else if (this.tool === "move" || event.shiftKey) {
      this.camera.panBy(here.x - before.x, here.y - before.y);
      this.tell("view");
    } else this.draw(here);
    this.fingers.set(event.pointerId, here);
  }

  pointerup(event) {
    const here = this.place(event);
    const alone = this.fingers.delete(event.pointerId) && this.fingers.size === 0;
    if (!alone) return;
    if (this.drawing) this.choose(this.points.index.inside(this.line));
    else if (Math.hypot(here.x - this.began.x, here.y - this.began.y) < DRAG) this.tap(here);
    this.drawing = false;
  }

  pointercancel(event) {
    this.fingers.delete(event.pointerId);
    this.drawing = false;
  }

  pointerleave() {}

  wheel(event) {
    event.preventDefault();
    const { x, y } = this.place(event);
    this.camera.zoomBy(Math.exp(-Math.max(-60, Math.min(60, event.deltaY)) * 0.006), x, y);
    this.tell("view");
  }

  hover({ x, y }) {
    const at = this.camera.toMap(x, y);
    const found = this.points.index.nearest(at.x, at.y, REACH / this.camera.scale);
    if (found >= 0) this.focus(found);
  }

  tap(here) {
    const had = this.clear();
    const before = this.focused;
    this.hover(here);
    if (had || before !== this.focused) this.tell("region");
  }

  draw(here) {
    if (!this.drawing && Math.hypot(here.x - this.began.x, here.y - this.began.y) < DRAG) return;
    if (!this.drawing) {
      this.clear();
      this.drawing = true;
      this.line = [this.camera.toMap(this.began.x, this.began.y)];
    }
    this.line.push(this.camera.toMap(here.x, here.y));
    this.tell("view-above");
  }

  pinch(id, here) {
    const before = this.fingers.get(id);
    const [other] = [...this.fingers].filter(([key]) => key !== id).map(([, place]) => place);
    const [was, is] = [Math.hypot(before.x - other.x, before.y - other.y), Math.hypot(here.x - other.x, here.y - other.y)];
    this.camera.zoomBy(is / Math.max(1, was), (here.x + other.x) / 2, (here.y + other.y) / 2);
    this.camera.panBy((here.x - before.x) / 2, (here.y - before.y) / 2);
    this.tell("view");
  }
}
