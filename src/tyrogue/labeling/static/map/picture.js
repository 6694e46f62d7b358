/**
 * Draws the points on two canvases: below all of them, drawn when something changed; above what follows the hand.
 * Plain 2-D canvas: 50,000 points are written pixel by pixel in a few milliseconds.
 */

const SMALL = 1.6; // px, half a side
const LABELED = 4;

export class Picture {
  /** @param {HTMLCanvasElement} below @param {HTMLCanvasElement} above @param {import("./geometry.js").Camera} camera */
  constructor(below, above, camera) {
    Object.assign(this, { below, above, camera });
    this.palette = new Palette(below.parentElement);
    /** @type {{colours: Int32Array, order: Uint32Array, inks: Uint32Array}|null} */
    this.inks = null;
    /** @type {ImageData|null} */
    this.image = null;
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
   * Draws all points: those without colour first, then those with one, then the labeled ones, large.
   * @param {import("./points.js").Points} points
   * @param {Int32Array} colours -1 for none
   * @param {(colour: number) => string} nameOf the palette's name of a colour
   */
  dots(points, colours, nameOf) {
    const context = this.clear(this.below);
    this.pixels(context, points, colours, nameOf);
    for (let i = 0; i < points.size; i += 1) {
      if (points.labels[i] < 0 || points.hidden.has(i)) continue;
      const [x, y] = this.camera.toScreen(points.index.xs[i], points.index.ys[i]);
      this.labeled(context, x, y, colours[i], nameOf);
    }
  }

  /** The unlabeled points, written pixel by pixel: ten times as fast as 50,000 calls of the canvas. */
  pixels(context, points, colours, nameOf) {
    const { width, height } = this.below;
    if (this.image?.width !== width || this.image?.height !== height) this.image = context.createImageData(width, height);
    const out = new Uint32Array(this.image.data.buffer);
    out.fill(0);
    const { scale, x: cx, y: cy } = this.camera;
    const side = Math.max(2, Math.round(2 * this.ratio * this.size(points.size)));
    const [k, left, top] = [scale * this.ratio, (width - side) / 2, (height - side) / 2];
    const { order, inks } = this.inked(points, colours, nameOf);
    const { hidden, index: { xs, ys } } = points; // prettier-ignore
    for (const i of order) {
      const px = Math.round((xs[i] - cx) * k + left);
      const py = Math.round((ys[i] - cy) * k + top);
      if (px < 0 || py < 0 || px + side > width || py + side > height || hidden.has(i)) continue;
      const ink = inks[i];
      const end = (py + side) * width + px;
      // By hand: a call for two or three pixels takes longer than writing them.
      for (let row = py * width + px; row < end; row += width) for (let at = row; at < row + side; at += 1) out[at] = ink;
    }
    context.putImageData(this.image, 0, 0);
  }

  /** Gives the unlabeled points in the order of drawing, without colour first, and their pixels; once for each colouring. */
  inked(points, colours, nameOf) {
    if (this.inks?.colours === colours) return this.inks;
    const known = new Map();
    const inkOf = (colour) => {
      if (!known.has(colour)) known.set(colour, this.palette.number(colour < 0 ? "none" : nameOf(colour), colour < 0 ? 0.6 : 0.85));
      return known.get(colour);
    };
    const free = [...colours.keys()].filter((i) => points.labels[i] < 0);
    const order = Uint32Array.from([...free.filter((i) => colours[i] < 0), ...free.filter((i) => colours[i] >= 0)]);
    this.inks = { colours, order, inks: Uint32Array.from(colours, inkOf) };
    return this.inks;
  }

  /** The theme has changed: colours are read again. */
  repaint() {
    this.palette.forget();
    this.inks = null;
    this.ask(true);
  }

  /** Half a side of a point in px: larger when one looks closer, smaller where there are many. @param {number} n */
  size(n) {
    return Math.min(4, SMALL * Math.max(1, Math.sqrt(this.camera.zoom) * Math.max(0.75, Math.sqrt(4_000 / (n + 1)))));
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

  /** What the queue holds, thickest what comes next for whoever looks, and the checks that were decided. */
  marks(context, points) {
    this.rings(context, points, [...points.waiting], { radius: 5.5, colour: "accent", width: 1 });
    this.rings(context, points, [...points.mine], { radius: 5.5, colour: "accent", width: 2.5 });
    const checks = [...points.audit].filter((i) => !points.hidden.has(i));
    this.rings(context, points, checks, { radius: 4, colour: "ink", width: 1, sides: 2 });
  }

  /** The text under the hand. @param {number} i */
  focus(context, points, i) {
    this.rings(context, points, [i], { radius: 8, colour: "rim", width: 5 });
    this.rings(context, points, [i], { radius: 8, colour: "ink", width: 2.5 });
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

  /** Gives a colour as a pixel of an image holds it, on the little-endian machines that browsers run on. */
  number(name, alpha) {
    const probe = document.createElement("canvas").getContext("2d");
    probe.fillStyle = this.get(name);
    const hex = Number.parseInt(probe.fillStyle.slice(1), 16);
    return ((Math.round(alpha * 255) << 24) | ((hex & 0xff) << 16) | (hex & 0xff00) | (hex >> 16)) >>> 0;
  }

  /** 1 square, 0 circle, 2 diamond, as the class is drawn elsewhere. */
  shapeOf(name) {
    const found = /shape-(\d)/.exec(name);
    return found ? [1, 0, 2][Number(found[1])] : 0;
  }
}
