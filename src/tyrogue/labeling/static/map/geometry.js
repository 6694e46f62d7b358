/**
 * Points in the plane: which is nearest, which lies in a direction, which are inside. Pure.
 *
 * @typedef {{x: number, y: number}} Place in the map's own unit, 0 to 1
 */

const PER_CELL = 4; // points, on average: a look at a few cells finds the nearest

/** Finds points by place. Built once for each version of the map. */
export class Index {
  /** @param {Float32Array} xs @param {Float32Array} ys within 0 and 1 */
  constructor(xs, ys) {
    this.xs = xs;
    this.ys = ys;
    /** @type {Set<number>} points that nothing finds */
    this.hidden = new Set();
    this.side = Math.max(1, Math.round(Math.sqrt(xs.length / PER_CELL)));
    const cells = this.side * this.side;
    this.starts = new Uint32Array(cells + 1);
    for (let i = 0; i < xs.length; i += 1) this.starts[this.cell(xs[i], ys[i]) + 1] += 1;
    for (let c = 0; c < cells; c += 1) this.starts[c + 1] += this.starts[c];
    const next = this.starts.slice(0, cells);
    this.members = new Uint32Array(xs.length);
    for (let i = 0; i < xs.length; i += 1) {
      const c = this.cell(xs[i], ys[i]);
      this.members[next[c]] = i;
      next[c] += 1;
    }
  }

  column(value) {
    return Math.min(this.side - 1, Math.max(0, Math.floor(value * this.side)));
  }

  cell(x, y) {
    return this.column(y) * this.side + this.column(x);
  }

  /** Calls `visit` with every point in sight whose cell touches the box. */
  within(left, top, right, bottom, visit) {
    for (let row = this.column(top); row <= this.column(bottom); row += 1) {
      const first = row * this.side;
      const end = this.starts[first + this.column(right) + 1];
      for (let at = this.starts[first + this.column(left)]; at < end; at += 1) {
        if (!this.hidden.has(this.members[at])) visit(this.members[at]);
      }
    }
  }

  /** Gives the point nearest to a place within a radius, or -1. */
  nearest(x, y, radius) {
    let best = -1;
    let least = radius * radius;
    this.within(x - radius, y - radius, x + radius, y + radius, (i) => {
      const distance = (this.xs[i] - x) ** 2 + (this.ys[i] - y) ** 2;
      if (distance > least || (distance === least && best >= 0 && i > best)) return;
      least = distance;
      best = i;
    });
    return best;
  }

  /** Gives the n points nearest to a point, itself first. @param {number} from @param {number} n @returns {number[]} */
  around(from, n) {
    const [x, y] = [this.xs[from], this.ys[from]];
    for (let radius = 1 / this.side; ; radius *= 2) {
      const found = [];
      this.within(x - radius, y - radius, x + radius, y + radius, (i) => {
        const distance = Math.hypot(this.xs[i] - x, this.ys[i] - y);
        if (distance <= radius || radius > 2) found.push([distance, i]);
      });
      if (found.length >= n || radius > 4) {
        found.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
        return [from, ...found.map((one) => one[1]).filter((i) => i !== from)].slice(0, n);
      }
    }
  }

  /**
   * Gives the point that one means who presses an arrow: near, and in that direction; -1 when there is none.
   * @param {number} from
   * @param {number} dx -1, 0 or 1 @param {number} dy
   */
  towards(from, dx, dy) {
    const [x, y] = [this.xs[from], this.ys[from]];
    for (let radius = 2 / this.side; radius < 4; radius *= 2) {
      let best = -1;
      let least = Infinity;
      this.within(x - radius, y - radius, x + radius, y + radius, (i) => {
        const ahead = (this.xs[i] - x) * dx + (this.ys[i] - y) * dy;
        const aside = Math.abs((this.xs[i] - x) * dy) + Math.abs((this.ys[i] - y) * dx);
        const cost = ahead + 2 * aside;
        if (ahead <= 1e-6 || aside > ahead || cost >= least || cost > radius) return;
        least = cost;
        best = i;
      });
      if (best >= 0) return best;
    }
    return -1;
  }

  /** Gives the points inside a closed line. @param {Place[]} line @returns {number[]} */
  inside(line) {
    if (line.length < 3) return [];
    const [xs, ys] = [line.map((p) => p.x), line.map((p) => p.y)];
    const found = [];
    this.within(Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys), (i) => {
      if (holds(line, this.xs[i], this.ys[i])) found.push(i);
    });
    return found.sort((a, b) => a - b);
  }
}

/** Whether a place is inside a closed line (even-odd rule). @param {Place[]} line */
export function holds(line, x, y) {
  let inside = false;
  for (let i = 0, j = line.length - 1; i < line.length; j = i, i += 1) {
    const [a, b] = [line[i], line[j]];
    if (a.y > y !== b.y > y && x < ((b.x - a.x) * (y - a.y)) / (b.y - a.y) + a.x) inside = !inside;
  }
  return inside;
}

/** Gives the rectangle between two corners as a line. @param {Place} a @param {Place} b @returns {Place[]} */
export function rectangle(a, b) {
  return [a, { x: b.x, y: a.y }, b, { x: a.x, y: b.y }];
}

/** Where the map stands in its window: `scale` pixels a unit, the map's place (x, y) in the middle. */
export class Camera {
  constructor() {
    Object.assign(this, { width: 1, height: 1, x: 0.5, y: 0.5, zoom: 1 });
  }

  get scale() {
    return Math.min(this.width, this.height) * this.zoom;
  }

  /** @param {number} x @param {number} y @returns {[number, number]} pixels of a place */
  toScreen(x, y) {
    return [(x - this.x) * this.scale + this.width / 2, (y - this.y) * this.scale + this.height / 2];
  }

  /** @returns {Place} the place under a pixel */
  toMap(px, py) {
    return { x: (px - this.width / 2) / this.scale + this.x, y: (py - this.height / 2) / this.scale + this.y };
  }

  /** Zooms by a factor; the place under the pixel stays there. */
  zoomBy(factor, px = this.width / 2, py = this.height / 2) {
    const fixed = this.toMap(px, py);
    this.zoom = Math.min(60, Math.max(0.8, this.zoom * factor));
    const moved = this.toMap(px, py);
    this.moveTo(this.x + fixed.x - moved.x, this.y + fixed.y - moved.y);
  }

  panBy(px, py) {
    this.moveTo(this.x - px / this.scale, this.y - py / this.scale);
  }

  moveTo(x, y) {
    this.x = Math.min(1.1, Math.max(-0.1, x));
    this.y = Math.min(1.1, Math.max(-0.1, y));
  }

  /** Moves as little as needed to have a place well in sight; gives whether it moved. */
  show(x, y) {
    const [px, py] = this.toScreen(x, y);
    const margin = 0.12;
    const [left, top] = [this.width * margin, this.height * margin];
    const dx = Math.min(0, px - left) + Math.max(0, px - (this.width - left));
    const dy = Math.min(0, py - top) + Math.max(0, py - (this.height - top));
    const far = Math.hypot(dx, dy) > 0.5;
    if (far) this.panBy(-dx, -dy);
    return far;
  }
}
