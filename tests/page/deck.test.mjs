import assert from "node:assert/strict";
import test from "node:test";
import { AHEAD, Deck } from "../../src/tyrogue/labeling/static/deck.js";
import { Stopwatch } from "../../src/tyrogue/labeling/static/stopwatch.js";
import { Tally, deltaOf, negate } from "../../src/tyrogue/labeling/static/tally.js";

const item = (id) => ({ id, row: id * 10, text: `text ${id}`, label: null, suggestion: null });
const items = (...ids) => ids.map(item);
const ids = (list) => list.map((one) => one.id);

test("the first list shows a text; later lists only change what comes after it", () => {
  const deck = new Deck();
  deck.receive(items(1, 2, 3));
  assert.equal(deck.current.id, 1);
  deck.receive(items(9, 1, 2));
  assert.equal(deck.current.id, 1);
  assert.deepEqual(ids(deck.ahead), [9, 2]);
});

test("a decided text does not come back by a list asked for earlier, nor twice in one list", () => {
  const deck = new Deck();
  deck.receive(items(1, 2, 3));
  deck.decide("a", "label", 0);
  deck.receive(items(1, 2, 3, 3, 4));
  assert.equal(deck.current.id, 2);
  assert.deepEqual(ids(deck.ahead), [3, 4]);
});

test("undo shows the text with its class, the interrupted one next, again and again", () => {
  const deck = new Deck();
  deck.receive(items(1, 2, 3, 4));
  deck.decide("a", "label", 7);
  deck.decide("b", "skip", null);
  assert.equal(deck.takeBack().token, "b");
  assert.equal(deck.current.id, 2);
  assert.equal(deck.current.label, null);
  assert.equal(deck.takeBack().token, "a");
  assert.equal(deck.current.id, 1);
  assert.equal(deck.current.label, 7);
  assert.deepEqual(ids(deck.ahead), [2, 3, 4]);
  assert.equal(deck.takeBack(), null);
  deck.receive(items(1, 2, 3)); // it may be listed again now, and is not doubled
  assert.deepEqual([deck.current.id, ...ids(deck.ahead)], [1, 2, 3]);
});

test("undo after the last text brings it back on an empty deck", () => {
  const deck = new Deck();
  deck.receive(items(1));
  deck.decide("a", "label", 0);
  assert.equal(deck.current, null);
  deck.takeBack();
  assert.equal(deck.current.id, 1);
  assert.deepEqual(deck.ahead, []);
});

test("a suggestion changes under the eyes only when that was asked for, and keeps the class given before", () => {
  const deck = new Deck();
  deck.receive(items(1, 2));
  deck.current.label = 3;
  const changed = { ...item(1), suggestion: { class_id: 1, probability: 0.9 } };
  deck.receive([changed, item(2)]);
  assert.equal(deck.current.suggestion, null);
  deck.receive([changed, item(2)], { refresh: true });
  assert.equal(deck.current.suggestion.class_id, 1);
  assert.equal(deck.current.label, 3);
});

test("a refused decision frees its text; a found row comes to the front", () => {
  const deck = new Deck();
  deck.receive(items(1, 2, 3));
  deck.decide("a", "label", 0);
  deck.refuse("a");
  deck.receive(items(1, 2, 3));
  assert.deepEqual([deck.current.id, ...ids(deck.ahead)], [2, 1, 3]);
  assert.equal(deck.bring(30), true);
  assert.deepEqual([deck.current.id, ...ids(deck.ahead)], [3, 2, 1]);
  assert.equal(deck.bring(990), false);
});

test("an item whose undo failed goes off again, wherever it stands", () => {
  const deck = new Deck();
  deck.receive(items(1, 2, 3));
  deck.decide("a", "label", 0);
  deck.decide("b", "label", 0);
  deck.takeBack();
  deck.takeBack();
  assert.equal(deck.dismiss(2), false);
  assert.equal(deck.dismiss(1), true);
  deck.receive(items(1, 2, 3, 4));
  assert.deepEqual([deck.current.id, ...ids(deck.ahead)], [3, 4]);
});

test("it asks for enough to hide the server's delay", () => {
  const deck = new Deck();
  assert.equal(deck.low, true);
  deck.receive(items(...Array(AHEAD + 1).keys()));
  assert.equal(deck.low, false);
  for (let i = 0; i < AHEAD / 2; i += 1) deck.decide(`t${i}`, "label", 0);
  assert.equal(deck.low, true);
  assert.ok(deck.ahead.length >= 5);
  assert.equal(deck.wants(4), AHEAD + 5); // the server still counts the four it has not heard of
});

const state = (labeled, counts) => ({
  labeled, skipped: 0, flagged: 0, today: labeled, round: { answered: labeled, size: 50 },
  classes: counts.map((n, id) => ({ id, labeled: n })),
});

test("counts hold each decision once: before it is heard, after, and when the server counted it", () => {
  const tally = new Tally();
  tally.add("a", deltaOf("label", 1));
  const before = state(3, [2, 1]);
  assert.equal(tally.over(before).labeled, 4);
  assert.deepEqual(tally.over(before).classes.map((one) => one.labeled), [2, 2]);
  tally.heard("a", 100);
  tally.counted(90); // asked for before the acknowledgement: may or may not hold it, shown as not
  assert.equal(tally.over(before).labeled, 4);
  tally.counted(110);
  assert.equal(tally.over(state(4, [2, 2])).labeled, 4);
});

test("a decision and its undo cancel; the batch never counts past its size", () => {
  const tally = new Tally();
  tally.add("a", deltaOf("label", 0));
  tally.add("u", negate(deltaOf("label", 0)));
  assert.deepEqual(tally.over(state(3, [2, 1])), state(3, [2, 1]));
  tally.add("b", deltaOf("flag", null));
  assert.equal(tally.over(state(50, [50])).round.answered, 50);
  assert.equal(tally.over(state(50, [50])).flagged, 1);
});

test("time in a hidden tab does not count", () => {
  let now = 0;
  const watch = new Stopwatch(() => now);
  watch.restart();
  now = 1_000;
  watch.pause();
  now = 60_000;
  watch.pause();
  watch.resume();
  now = 61_500;
  watch.resume();
  assert.equal(watch.read(), 2_500);
  watch.restart();
  assert.equal(watch.read(), 0);
});
