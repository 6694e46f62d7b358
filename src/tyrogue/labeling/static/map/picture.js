/**
 * Draws the points on two canvases: below all of them, drawn when something changed; above what follows the hand.
 * Plain 2-D canvas: 50,000 squares are drawn in a few milliseconds, sorted by colour.
 */

const SMALL = 1.6; // px, half a side
const LABELED = 4;

export class Picture {
  /** @param {HTMLCanvasElement} below @param {HTMLCanvasElement} above @param {import("./geometry.js").Camera} camera */
  constructor(below, above, camera) {
    Object.assign(this, { below, above, camera });
    this.palette = new Palette(below.parentElement);
    this.pending = { below: false, above: false };
    /** @type {(() => void)} set by the panel */
    this.drawBelow = () => {};
    this.drawAbove = () => {};
  }

  /** Fits the canvases to their box; gives whether anything changed. */
  fit() {
    const box = this.below.parentElement.getBoundingClientRect();
    const ratio = Math.min(2, devicePixelRatio || 1);
    const [width, height] = [Math.round(box.width), Math.round(box.height)];
    if (!width || (this.camera.width === width && this.camera.height === height && this.ratio === ratio)) return false;
    Object.assign(this.camera, { width, height });
    this.ratio = ratio;
    for (const canvas of [this.below, this.above]) {
      canvas.width = width * ratio;
      canvas.height = height * ratio;
    }
    return true;
  }

  /** Draws in the next frame, once, however often it is asked. @param {boolean} all both canvases */
  ask(all) {
    this.pending.below ||= all;
    if (!this.pending.above) requestAnimationFrame(() => this.frame());
    this.pending.above = true;
  }

  frame() {
    const { below } = this.pending;
    this.pending = { below: false, above: false };
    if (!this.below.isConnected) return;
    if (below) this.drawBelow();
    this.drawAbove();
  }

  clear(canvas) {
    const context = canvas.getContext("2d");
    context.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    context.clearRect(0, 0, this.camera.width, this.camera.height);
    return context;
  }

  /**
   * Draws all points: those without colour first, then colour by colour, then the labeled ones, large.
   * @param {import("./points.js").Points} points
   * @param {Int32Array} colours -1 for none
   * @param {(colour: number) => string} nameOf the palette's name of a colour
   */
  dots(points, colours, nameOf) {
    const context = this.clear(this.below);
    const buckets = new Map();
    const [w, h] = [this.camera.width, this.camera.height];
    const half = Math.min(4, SMALL * Math.max(1, Math.sqrt(this.camera.zoom) * Math.max(0.75, Math.sqrt(4_000 / (points.size + 1)))));
    for (let i = 0; i < points.size; i += 1) {
      const [x, y] = this.camera.toScreen(points.index.xs[i], points.index.ys[i]);
      if (x < -9 || y < -9 || x > w + 9 || y > h + 9) continue;
      const key = points.labels[i] >= 0 ? "labeled" : colours[i];
      if (!buckets.has(key)) buckets.set(key, []);
      buckets.get(key).push(i, x, y);
    }
    const labeled = buckets.get("labeled") ?? [];
    buckets.delete("labeled");
    for (const [colour, list] of [...buckets].sort((a, b) => a[0] - b[0])) {
      context.globalAlpha = colour < 0 ? 0.55 : 0.8;
      context.fillStyle = colour < 0 ? this.palette.get("none") : this.palette.get(nameOf(colour));
      for (let n = 0; n < list.length; n += 3) context.fillRect(list[n + 1] - half, list[n + 2] - half, 2 * half, 2 * half);
    }
    context.globalAlpha = 1;
    for (let n = 0; n < labeled.length; n += 3) this.labeled(context, labeled[n + 1], labeled[n + 2], colours[labeled[n]], nameOf);
  }

  /** A labeled text: large, in the shape of its class, rimmed so that it stands out of its own colour. */
  labeled(context, x, y, colour, nameOf) {
    const name = colour < 0 ? "none" : nameOf(colour);
    context.fillStyle = this.palette.get(name);
    context.strokeStyle = this.palette.get("rim");
    context.lineWidth = 1.5;
    shape(context, x, y, LABELED, this.palette.shapeOf(name));
    context.fill();
    context.stroke();
  }

  /** @param {number[]} list positions */
  rings(context, points, list, { radius, colour, width = 1.5, sides = 0 }) {
    context.strokeStyle = this.palette.get(colour);
    context.lineWidth = width;
    for (const i of list) {
      const [x, y] = this.camera.toScreen(points.index.xs[i], points.index.ys[i]);
      shape(context, x, y, radius, sides);
      context.stroke();
    }
  }

  /** The texts of a region: large, in the accent, so that a thousand of them stay one shape. */
  filled(context, points, list) {
    context.fillStyle = this.palette.get("accent");
    context.globalAlpha = 0.6;
    for (const i of list) {
      const [x, y] = this.camera.toScreen(points.index.xs[i], points.index.ys[i]);
      context.fillRect(x - 2.5, y - 2.5, 5, 5);
    }
    context.globalAlpha = 1;
  }

  /** What another strategy would pick: an upright cross over the point. */
  crosses(context, points, list) {
    for (const [colour, width] of [["rim", 4.5], ["ink", 2]]) {
      context.strokeStyle = this.palette.get(colour);
      context.lineWidth = width;
      context.beginPath();
      for (const i of list) {
        const [x, y] = this.camera.toScreen(points.index.xs[i], points.index.ys[i]);
        context.moveTo(x - 5, y - 5);
        context.lineTo(x + 5, y + 5);
        context.moveTo(x + 5, y - 5);
        context.lineTo(x - 5, y + 5);
      }
      context.stroke();
    }
  }

  /** @param {import("./geometry.js").Place[]} line */
  line(context, line) {
    if (line.length < 2) return;
    context.beginPath();
    for (const { x, y } of line) context.lineTo(...this.camera.toScreen(x, y));
    context.closePath();
    context.globalAlpha = 0.12;
    context.fillStyle = this.palette.get("accent");
    context.fill();
    context.globalAlpha = 1;
    context.strokeStyle = this.palette.get("accent");
    context.lineWidth = 1.5;
    context.setLineDash([5, 4]);
    context.stroke();
    context.setLineDash([]);
  }
}

/** Square, circle and diamond: the shapes of classes; 0 is a circle for rings. */
function shape(context, x, y, radius, kind) {
  context.beginPath();
  if (kind === 1) context.rect(x - radius, y - radius, 2 * radius, 2 * radius);
  else if (kind === 2) {
    const r = radius * 1.3;
    context.moveTo(x, y - r);
    context.lineTo(x + r, y);
    context.lineTo(x, y + r);
    context.lineTo(x - r, y);
    context.closePath();
  } else context.arc(x, y, radius, 0, 2 * Math.PI);
}

/** The colours of the style sheet, read once for each theme: the same as everywhere else on the page. */
class Palette {
  constructor(box) {
    this.box = box;
    this.known = new Map();
  }

  forget() {
    this.known.clear();
  }

  /** @param {string} name "none", "ink", "rim", "accent", or CSS classes that set --colour */
  get(name) {
    if (!this.known.has(name)) this.known.set(name, this.read(name));
    return this.known.get(name);
  }

  read(name) {
    const fixed = { none: "--dot", ink: "--ink", rim: "--card", accent: "--accent" }[name];
    if (fixed) return getComputedStyle(this.box).getPropertyValue(fixed).trim();
    const probe = document.createElement("i");
    probe.className = name;
    this.box.append(probe);
    const colour = getComputedStyle(probe).getPropertyValue("--colour").trim();
    probe.remove();
    return colour;
  }

  /** 1 square, 0 circle, 2 diamond, as the class is drawn elsewhere. */
  shapeOf(name) {
    const found = /shape-(\d)/.exec(name);
    return found ? [1, 0, 2][Number(found[1])] : 0;
  }
}
