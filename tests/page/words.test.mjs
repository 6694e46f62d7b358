import assert from "node:assert/strict";
import test from "node:test";
import { choices, colourOf, resolve } from "../../src/tyrogue/labeling/static/colours.js";
import { caption, layout } from "../../src/tyrogue/labeling/static/curve.js";
import * as format from "../../src/tyrogue/labeling/static/format.js";
import { CLASS_KEYS, COMMANDS, KeyReader, canonical, classCodes } from "../../src/tyrogue/labeling/static/keys.js";
import { RATIOS, positionOf, reason } from "../../src/tyrogue/labeling/static/panels/dial.js";

test("keys of classes are digits, then letters no command uses", () => {
  assert.deepEqual(classCodes(11), ["1", "2", "3", "4", "5", "6", "7", "8", "9", "0", "b"]);
  for (const key of CLASS_KEYS) assert.ok(!(key in COMMANDS), key);
});

test("every class has a code of its own and none begins another, for any number of classes", () => {
  for (const n of [0, 1, 28, 29, 55, 56, 77, 150, 500, CLASS_KEYS.length ** 2]) {
    const codes = classCodes(n);
    assert.equal(codes.length, n);
    assert.equal(new Set(codes).size, n);
    const halves = new Set(codes.filter((code) => code.length === 2).map((code) => code[0]));
    assert.ok(!codes.some((code) => code.length === 1 && halves.has(code)));
  }
  assert.equal(classCodes(29).filter((code) => code.length === 1).length, CLASS_KEYS.length - 1);
});

test("the reader tells classes, commands and half codes apart", () => {
  const reader = new KeyReader();
  reader.setCount(3);
  assert.deepEqual(reader.read({ key: "3" }), { kind: "class", index: 2 });
  assert.equal(reader.read({ key: "4" }), null);
  assert.deepEqual(reader.read({ key: "F" }), { kind: "command", name: "flag" });
  reader.setCount(60);
  const index = reader.codes.indexOf("z1");
  assert.deepEqual(reader.read({ key: "z" }), { kind: "prefix", prefix: "z" });
  assert.deepEqual(reader.read({ key: "1" }), { kind: "class", index });
  reader.read({ key: "z" });
  assert.deepEqual(reader.read({ key: "f" }), { kind: "prefix", prefix: "" }, "a slip does not flag");
  assert.deepEqual(reader.read({ key: "1" }), { kind: "class", index: 0 });
});

test("keys are found on keyboards without Latin letters or with shifted digits", () => {
  assert.equal(canonical({ key: "а", code: "KeyF" }), "f"); // Russian
  assert.equal(canonical({ key: "&", code: "Digit1" }), "1"); // French
  assert.equal(canonical({ key: "/", code: "Digit7" }), "/"); // German: the sign counts, not the place
  assert.equal(canonical({ key: "7", code: "Numpad7" }), "7");
  assert.equal(canonical({ key: "ArrowDown", code: "ArrowDown" }), "ArrowDown");
});

test("ages, counts and shares read as people say them", () => {
  assert.deepEqual([0.4, 12.1, 89, 90, 5_399, 7_200, 172_800].map(format.age), ["0 s", "12 s", "89 s", "2 min", "90 min", "2 h", "2 days"]);
  assert.equal(format.modelName("m3-ab12"), "model 3");
  assert.equal(format.modelName("baseline"), "model baseline");
  assert.deepEqual([0, 0.001, 0.5, 0.996, 1].map(format.percent), ["0%", "<1%", "50%", "99%", "100%"]);
  assert.equal(format.pace(3.14), "3.1 s a label");
  assert.equal(format.snippet("a\n\n b", 10), "a b");
  assert.equal(format.snippet("x".repeat(30), 10), `${"x".repeat(10)}…`);
});

test("the save words never claim what is not so", () => {
  const words = (pending, failures, online = true) => format.saving({ pending, failures, online });
  assert.equal(words(0, 0), "all saved");
  assert.equal(words(2, 0), "saving 2…");
  assert.equal(words(3, 2), "offline: 3 labels kept here, trying again");
  assert.equal(words(1, 0, false), "offline: 1 label kept here, trying again");
  assert.equal(words(0, 0, false), "offline: trying again");
});

test("a reason names what is known and nothing else", () => {
  const item = { kind: "query", facts: { step: "diverse", cluster_size: 214 }, copies: 1, model: null };
  assert.equal(format.reason(item), "new ground, one of 214 alike, closes 1 copy");
  assert.equal(format.reason({ ...item, model: { version: "m1" } }), "unsure, one of 214 alike, closes 1 copy");
  assert.equal(format.reason({ ...item, kind: "reference" }), "a blind check, drawn at random");
  assert.equal(format.reason({ ...item, facts: null, copies: 0 }), "");
});

test("merges are followed, even a ring of them; choices keep order and colour", () => {
  const one = (id, merged_into = null, position = id) => ({ id, name: `c${id}`, merged_into, position, active: merged_into === null });
  const classes = [one(0, 1), one(1, 2), one(2, null, 5), one(3, null, 1)];
  assert.equal(resolve(classes, 0).id, 2);
  assert.equal(resolve(classes, null), null);
  assert.deepEqual(choices(classes).map(({ id }) => id), [3, 2]);
  resolve([one(0, 1), one(1, 0)], 0); // ends
  assert.notEqual(colourOf(1), colourOf(9), "another shape after eight");
});

test("the curve's axis holds all points, and a small rise looks small", () => {
  const points = [0.71, 0.72, 0.73].map((value, i) => ({ labels: 50 * (i + 1), value }));
  const place = layout(points);
  for (const { x, y } of place.at) assert.ok(x >= place.left && x <= place.right && y <= place.bottom && y >= 0);
  const span = Math.max(...place.at.map(({ y }) => y)) - Math.min(...place.at.map(({ y }) => y));
  assert.ok(span < 0.1 * place.bottom, `a rise of two points takes ${span} of ${place.bottom}`);
  assert.ok(place.at[0].y > place.at[2].y, "up is better");
  const edge = layout([{ labels: 0, value: 0 }, { labels: 10, value: 1 }]);
  assert.ok(Number.isFinite(edge.at[1].x) && edge.at[1].y >= 0);
  assert.ok(Number.isFinite(layout([{ labels: 0, value: 0.98 }]).at[0].x));
});

test("the curve is called what it is", () => {
  assert.equal(caption({ source: "test", metric: "macro_f1" }), "macro-F1 on your test file");
  assert.equal(caption({ source: "cross-validated", metric: "accuracy" }), "accuracy, cross-validated on your labels");
  assert.equal(caption({ source: "none", metric: "macro_f1" }), "Not measured yet");
});

test("the dial stands at the nearest ratio on a logarithmic scale", () => {
  assert.deepEqual(RATIOS.map(positionOf), RATIOS.map((_, index) => index));
  assert.equal(RATIOS[positionOf(100)], 16);
  assert.equal(RATIOS[positionOf(0)], 1);
  assert.equal(RATIOS[positionOf(5)], 6); // 5/4 is further than 6/5
});

test("a dial that adapts says what it stands at and why", () => {
  assert.match(reason(null), /will be chosen/);
  assert.match(reason({ ratio: 1, alignment: 0, unexplored: 1 }), /Ratio 1 for now.*no model yet/);
  assert.match(reason({ ratio: 4, alignment: 0.8, unexplored: 0.5 }), /Ratio 4 for now\. The least sure of every 4.*80%.*50%/);
});

test("an accuracy is named only when there are enough random checks", () => {
  assert.equal(format.auditWords(null), "");
  assert.match(format.auditWords({ n: 12, correct: 12, accuracy: 1, low: 0.76, high: 1 }), /not enough yet/);
  const words = format.auditWords({ n: 34, correct: 28, accuracy: 28 / 34, low: 0.665, high: 0.917 });
  assert.equal(words, "Accuracy on 34 random checks: 82% (95% interval 67% to 92%).");
});

test("what failed is told beside the model that stays", () => {
  const trainer = { alive: true, phase: "waiting", error: "MemoryError: no room", progress: null };
  const words = (model) => format.modelWords({ model, trainer }, 0);
  assert.match(words({ version: "m3", age_seconds: 5 }), /stays: something failed/);
  assert.match(words(null), /something failed/);
  assert.doesNotMatch(format.modelWords({ model: null, trainer: { ...trainer, error: null } }, 0), /failed/);
});

test("the better kind of model is named with both log-losses", () => {
  assert.equal(format.tierWords(null), "");
  const told = (transformer, linear) => format.tierWords({ labels: 150, temperature: 1, log_loss: { transformer, linear } });
  assert.match(told(0.41, 0.47), /150 labels held out in turn the fine-tuned model is better: log-loss 0.41, linear 0.47/);
  assert.match(told(0.6, 0.47), /the linear model is better: log-loss 0.47, fine-tuned 0.60/);
});
