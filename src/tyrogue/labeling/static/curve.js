/** The learning curve: labels across, the measure up. Own SVG; the geometry is pure. */

import { h, svg } from "./dom.js";
import { count } from "./format.js";

/** @typedef {import("./types.js").CurvePoint} CurvePoint */

const FRAME = { width: 340, height: 190, left: 34, right: 44, top: 14, bottom: 26 };

/**
 * Gives where everything stands. The axis ends at round values around the data, so that a small rise looks small.
 * @param {CurvePoint[]} points at least one
 * @param {typeof FRAME} frame
 */
export function layout(points, frame = FRAME) {
  const values = points.map((point) => point.value);
  const low = Math.max(0, Math.floor((Math.min(...values) - 0.05) * 10) / 10);
  const high = Math.min(1, Math.max(low + 0.3, Math.ceil((Math.max(...values) + 0.02) * 10) / 10));
  const most = Math.max(...points.map((point) => point.labels), 1);
  const right = frame.width - frame.right;
  const bottom = frame.height - frame.bottom;
  const x = (labels) => round(frame.left + (labels / most) * (right - frame.left));
  const y = (value) => round(bottom - ((value - low) / (high - low)) * (bottom - frame.top));
  const step = high - low > 0.55 ? 0.2 : 0.1;
  const ticks = [];
  for (let value = low; value <= high + 1e-9; value += step) ticks.push({ value: Number(value.toFixed(1)), y: y(value) });
  const at = points.map((point) => ({ x: x(point.labels), y: y(point.value), point }));
  const path = at.map((one, index) => `${index ? "L" : "M"}${one.x} ${one.y}`).join("");
  return { at, path, ticks, left: frame.left, right, bottom, most };
}

const round = (n) => Math.round(n * 10) / 10;

const METRICS = { macro_f1: "macro-F1", accuracy: "accuracy" };

/**
 * Gives the curve's honest name: on what it was measured.
 * @param {{source: string, metric: string}} curve
 */
export function caption({ source, metric }) {
  const name = METRICS[metric] ?? metric;
  if (source === "test") return `${name} on your test file`;
  if (source === "cross-validated") return `${name}, cross-validated on your labels`;
  return "Not measured yet";
}

/**
 * Gives the curve as a figure with a table for those who do not see it.
 * @param {import("./types.js").ServerState["curve"]} curve
 */
export function figure(curve) {
  if (curve.source === "none" || curve.points.length === 0) {
    return h("figure", { class: "curve empty" }, h("p", {}, curve.note || "The curve begins when a first model has been measured."));
  }
  const last = curve.points[curve.points.length - 1];
  return h(
    "figure",
    { class: "curve" },
    h("figcaption", {}, h("b", {}, caption(curve)), ` ${last.value.toFixed(3)} at ${count(last.labels)} labels`),
    drawing(curve),
    table(curve),
    curve.note ? h("p", { class: "small" }, curve.note) : "",
  );
}

function drawing(curve) {
  const place = layout(curve.points);
  const text = (x, y, anchor, words, name = "tick") => svg("text", { x, y, "text-anchor": anchor, class: name }, words);
  const last = place.at[place.at.length - 1];
  return svg(
    "svg",
    { viewBox: `0 0 ${FRAME.width} ${FRAME.height}`, "aria-hidden": "true", focusable: "false" },
    ...place.ticks.flatMap((tick) => [
      svg("line", { x1: place.left, x2: place.right, y1: tick.y, y2: tick.y, class: "grid" }),
      text(place.left - 6, tick.y + 4, "end", tick.value.toFixed(1)),
    ]),
    text(place.left, FRAME.height - 6, "start", "0"),
    text(place.right, FRAME.height - 6, "end", `${count(place.most)} labels`),
    svg("path", { d: place.path, class: "line" }),
    ...place.at.map((one) => svg("circle", { cx: one.x, cy: one.y, r: 3, class: "point" })),
    text(last.x + 7, last.y + 4, "start", last.point.value.toFixed(2), "last"),
  );
}

function table({ points, metric }) {
  const rows = points.map((point) => h("tr", {}, h("td", {}, count(point.labels)), h("td", {}, point.value.toFixed(3))));
  const head = h("tr", {}, h("th", { scope: "col" }, "labels"), h("th", { scope: "col" }, METRICS[metric] ?? metric));
  return h("table", { class: "sr-only" }, h("caption", {}, "Learning curve"), h("thead", {}, head), h("tbody", {}, ...rows));
}
