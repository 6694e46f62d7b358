/** The map's plane: nearest, direction, inside, zoom; and what is known of its points. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Camera, Index, holds, rectangle } from "../../src/tyrogue/labeling/static/map/geometry.js";
import { Points, shadeName } from "../../src/tyrogue/labeling/static/map/points.js";

/** Numbers from 0 to 1 that are the same in every run. */
function numbers(seed) {
  let state = seed;
  return () => {
    state = (state * 1103515245 + 12345) % 2147483648;
    return state / 2147483648;
  };
}

function cloud(n, seed) {
  const next = numbers(seed);
  const xs = Float32Array.from({ length: n }, next);
  const ys = Float32Array.from({ length: n }, next);
  return { xs, ys, index: new Index(xs, ys) };
}

const distance = ({ xs, ys }, i, x, y) => Math.hypot(xs[i] - x, ys[i] - y);

test("the nearest point is the one that brute force finds", () => {
  const next = numbers(9);
  for (const n of [1, 7, 500]) {
    const all = cloud(n, n);
    for (let trial = 0; trial < 200; trial += 1) {
      const [x, y, radius] = [next() * 1.2 - 0.1, next() * 1.2 - 0.1, next() * 0.3];
      const best = [...all.xs.keys()].filter((i) => distance(all, i, x, y) <= radius).sort((a, b) => distance(all, a, x, y) - distance(all, b, x, y))[0] ?? -1;
      assert.equal(all.index.nearest(x, y, radius), best);
    }
  }
});

test("the texts around a point are the nearest ones, itself first", () => {
  const all = cloud(300, 3);
  for (const from of [0, 17, 299]) {
    for (const n of [1, 10, 300, 400]) {
      const expected = [...all.xs.keys()].sort((a, b) => distance(all, a, all.xs[from], all.ys[from]) - distance(all, b, all.xs[from], all.ys[from]) || a - b);
      assert.deepEqual(all.index.around(from, n), expected.slice(0, n));
    }
  }
});

test("arrows reach every point of a grid and stop at its edge", () => {
  const side = 9;
  const xs = Float32Array.from({ length: side * side }, (_, i) => (i % side) / side + 0.05);
  const ys = Float32Array.from({ length: side * side }, (_, i) => Math.floor(i / side) / side + 0.05);
  const index = new Index(xs, ys);
  for (let i = 0; i < side * side; i += 1) {
    assert.equal(index.towards(i, 1, 0), i % side < side - 1 ? i + 1 : -1);
    assert.equal(index.towards(i, -1, 0), i % side > 0 ? i - 1 : -1);
    assert.equal(index.towards(i, 0, 1), i + side < side * side ? i + side : -1);
    assert.equal(index.towards(i, 0, -1), i >= side ? i - side : -1);
  }
});

test("an arrow goes where it points", () => {
  const all = cloud(400, 5);
  for (let i = 0; i < 400; i += 13) {
    for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
      const next = all.index.towards(i, dx, dy);
      if (next < 0) continue;
      const [x, y] = [all.xs[next] - all.xs[i], all.ys[next] - all.ys[i]];
      assert.ok(x * dx + y * dy > 0);
      assert.ok(Math.abs(x * dy) + Math.abs(y * dx) <= Math.abs(x * dx + y * dy) + 1e-9);
    }
  }
});

test("a lasso holds what is inside, also of a crescent", () => {
  const crescent = [{ x: 0.1, y: 0.1 }, { x: 0.9, y: 0.1 }, { x: 0.9, y: 0.9 }, { x: 0.6, y: 0.3 }, { x: 0.1, y: 0.9 }];
  assert.ok(holds(crescent, 0.15, 0.15));
  assert.ok(!holds(crescent, 0.6, 0.8), "between the horns");
  assert.ok(!holds(crescent, 0.95, 0.5));
  const all = cloud(1000, 8);
  const box = rectangle({ x: 0.8, y: 0.3 }, { x: 0.2, y: 0.7 });
  const expected = [...all.xs.keys()].filter((i) => all.xs[i] > 0.2 && all.xs[i] < 0.8 && all.ys[i] > 0.3 && all.ys[i] < 0.7);
  assert.deepEqual(all.index.inside(box), expected);
  assert.deepEqual(all.index.inside(box.slice(0, 2)), []);
});

test("zooming keeps what is under the pointer, and everything comes back from the screen", () => {
  const camera = Object.assign(new Camera(), { width: 800, height: 500 });
  const before = camera.toMap(300, 100);
  camera.zoomBy(3, 300, 100);
  const after = camera.toMap(300, 100);
  assert.ok(Math.hypot(before.x - after.x, before.y - after.y) < 1e-9);
  const [x, y] = camera.toScreen(0.37, 0.61);
  assert.ok(Math.hypot(camera.toMap(x, y).x - 0.37, camera.toMap(x, y).y - 0.61) < 1e-9);
  assert.ok(camera.show(0.95, 0.95));
  assert.ok(!camera.show(0.95, 0.95));
});

function known() {
  const points = new Points();
  points.place({ version: 4, method: "tsne", scale: 10, rows: [3, 5, 8, 13], x: [0, 5, 10, 5], y: [0, 5, 10, 0] });
  points.mark({ rows: [5, 13, 99], class_ids: [1, 2, 0], rounds: [0, 6, 1], mine: [], waiting: [3], audit: [13], hidden: [8] });
  return points;
}

const itself = (id) => id;

test("colours follow labels, opinions and rounds; merged classes count for the one they went into", () => {
  const points = known();
  assert.deepEqual([...points.colours("label", itself)], [-1, 1, -1, 2]);
  assert.deepEqual([...points.colours("label", () => 7)], [-1, 7, -1, 7]);
  assert.deepEqual([...points.colours("round", itself)], [-1, 0, -1, 4]);
  assert.equal(shadeName("round", 4, 6), "batch 7");
  assert.equal(shadeName("round", 0, 6), "batch 3 and before");
  assert.ok(!points.believe({ status: "ready", version: 3, model: "m1", stands_in: false, class_ids: [0], entropy: [0] }), "of another map");
  assert.deepEqual([...points.colours("prediction", itself)], [-1, 1, -1, 2]);
  assert.ok(points.believe({ status: "ready", version: 4, model: "m1", stands_in: false, class_ids: [0, 2, -1, -1], entropy: [0, 100, -1, -1] }));
  assert.deepEqual([...points.colours("prediction", itself)], [0, 2, -1, 2]);
  assert.deepEqual([...points.colours("entropy", itself)], [0, 4, -1, -1]);
});

test("what is decided or kept for checks is not free", () => {
  const points = known();
  assert.deepEqual([0, 1, 2, 3].map((i) => points.free(i)), [true, false, false, false]);
  assert.deepEqual(points.positions([13, 4, 3]), [3, 0]);
});

test("what is hidden is found by nothing", () => {
  const all = cloud(300, 4);
  const near = all.index.nearest(all.xs[7], all.ys[7], 2);
  assert.equal(near, 7);
  all.index.hidden = new Set([7, 20]);
  const whole = rectangle({ x: -1, y: -1 }, { x: 2, y: 2 });
  assert.notEqual(all.index.nearest(all.xs[7], all.ys[7], 2), 7);
  assert.equal(all.index.inside(whole).length, 298);
  assert.equal(all.index.around(3, 400).length, 298);
  for (let i = 0; i < 300; i += 1) assert.ok(![7, 20].includes(all.index.towards(i, 1, 0)));
});

test("a check is hidden until it is decided, and while it is on the card", () => {
  const points = known();
  assert.deepEqual([...points.hidden], [2]);
  assert.ok(points.veil(13), "decided by somebody else, and on the card");
  assert.deepEqual([...points.hidden].sort(), [2, 3]);
  assert.ok(!points.free(3));
  assert.ok(!points.veil(13), "nothing new");
  points.place({ version: 5, method: "tsne", scale: 10, rows: [8, 13], x: [0, 5], y: [0, 5] });
  assert.deepEqual([...points.hidden].sort(), [0, 1], "also on a map that is drawn anew");
  assert.ok(points.veil(null));
  points.mark({ rows: [8], class_ids: [1], rounds: [1], mine: [], waiting: [], audit: [8], hidden: [] });
  assert.deepEqual([...points.hidden], []);
});

test("points that come later join the others, in the order of their rows", () => {
  const points = known();
  points.believe({ status: "ready", version: 4, model: "m1", stands_in: false, class_ids: [0, 2, -1, 1], entropy: [0, 100, -1, 7] });
  points.place({ version: 6, since: 4, method: "tsne", scale: 10, rows: [2, 9], x: [1, 2], y: [3, 4] });
  assert.deepEqual([...points.rows], [2, 3, 5, 8, 9, 13]);
  assert.deepEqual([...points.index.xs].map((x) => Math.round(10 * x)), [1, 0, 5, 10, 2, 5]);
  assert.deepEqual([...points.index.ys].map((y) => Math.round(10 * y)), [3, 0, 5, 10, 4, 0]);
  assert.deepEqual([2, 3, 5, 8, 9, 13].map((row) => points.at.get(row)), [0, 1, 2, 3, 4, 5]);
  assert.deepEqual([...points.predicted], [-1, 0, 2, -1, -1, 1], "opinions stay until new ones are told");
  assert.deepEqual([...points.entropy], [-1, 0, 100, -1, -1, 7]);
  assert.deepEqual([...points.hidden], [3]);
  assert.ok(points.believe({ status: "ready", version: 6, model: "m2", stands_in: false, class_ids: [1, 1, 1, -1, 1, 1], entropy: [1, 1, 1, -1, 1, 1] }));
});
