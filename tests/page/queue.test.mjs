import assert from "node:assert/strict";
import test from "node:test";
import { Outbox, backoff } from "../../src/tyrogue/labeling/static/queue.js";

/** A browser's storage that outlives pages. */
function memory() {
  const map = new Map();
  return {
    map,
    get length() {
      return map.size;
    },
    key: (i) => [...map.keys()][i] ?? null,
    getItem: (key) => map.get(key) ?? null,
    setItem: (key, value) => map.set(key, value),
    removeItem: (key) => map.delete(key),
  };
}

const servers = [];
test.afterEach(() => servers.forEach((server) => (server.mode = "ok"))); // no outbox goes on trying after its test

/** A server that records each token once, and a page's outbox in front of it. */
function page(storage = memory(), server = { recorded: [], received: [], mode: "ok" }) {
  servers.push(server);
  const send = async (operation) => {
    server.received.push(operation.token);
    if (server.mode === "down") throw Object.assign(new Error("down"), { retriable: true });
    if (server.mode === "refuse") throw Object.assign(new Error("no such class"), { retriable: false });
    if (server.mode === "hang") return new Promise(() => {});
    if (!server.recorded.includes(operation.token)) server.recorded.push(operation.token);
    if (server.mode === "lose") throw Object.assign(new Error("answer lost"), { retriable: true });
    return { token: operation.token };
  };
  const pauses = [];
  const sleep = (ms) => {
    pauses.push(ms);
    return new Promise((done) => setImmediate(done));
  };
  const outbox = new Outbox({ send, storage, prefix: "t:p:me:", sleep, now: () => 1000, random: () => 0.5 });
  return { outbox, storage, server, pauses };
}

const turn = async (n = 20) => {
  for (let i = 0; i < n; i += 1) await new Promise((done) => setImmediate(done));
};

test("sends in order, one at a time, and forgets what is acknowledged", async () => {
  const { outbox, server, storage } = page();
  const answers = ["a", "b", "c"].map((token) => outbox.push(token, "annotate", { token }));
  assert.equal(outbox.pending, 3);
  assert.equal(storage.map.size, 3, "kept before it is sent");
  assert.deepEqual(await Promise.all(answers), [{ token: "a" }, { token: "b" }, { token: "c" }]);
  assert.deepEqual(server.recorded, ["a", "b", "c"]);
  assert.equal(outbox.pending, 0);
  assert.equal(storage.map.size, 0);
});

test("a new page sends what the old one left, in the order it was made", async () => {
  const first = page();
  first.server.mode = "hang";
  for (const token of ["z", "m", "a"]) first.outbox.push(token, "annotate", { token });
  await turn();
  assert.equal(first.storage.map.size, 3);
  const server = { recorded: [], received: [], mode: "ok" };
  const second = page(first.storage, server);
  assert.equal(second.outbox.restore(), 3);
  await turn();
  assert.deepEqual(server.recorded, ["z", "m", "a"]);
  assert.equal(first.storage.map.size, 0);
});

test("a lost answer is asked for again with the same token and recorded once", async () => {
  const { outbox, server } = page();
  server.mode = "lose";
  const answer = outbox.push("a", "annotate", { token: "a" });
  await turn();
  assert.ok(outbox.failures >= 2);
  server.mode = "ok";
  await answer;
  assert.deepEqual(server.recorded, ["a"]);
  assert.ok(server.received.length > 2);
  assert.equal(outbox.failures, 0);
});

test("a later decision never overtakes one that has to wait", async () => {
  const { outbox, server } = page();
  server.mode = "down";
  outbox.push("a", "annotate", {});
  await turn();
  const last = outbox.push("b", "annotate", {});
  await turn();
  assert.ok(!server.received.includes("b"));
  server.mode = "ok";
  await last;
  assert.deepEqual(server.recorded, ["a", "b"]);
});

test("what the server refuses for good is dropped and told, and the rest goes on", async () => {
  const { outbox, server, storage } = page();
  server.mode = "refuse";
  await assert.rejects(outbox.push("a", "annotate", {}), /no such class/);
  server.mode = "ok";
  await outbox.push("b", "annotate", {});
  assert.deepEqual(server.recorded, ["b"]);
  assert.equal(storage.map.size, 0);
});

test("a decision can be taken back only while it never left the page", async () => {
  const { outbox, server, storage } = page();
  outbox.push("a", "annotate", {});
  assert.equal(outbox.takeBack("a"), true, "not tried yet");
  assert.equal(storage.map.size, 0);
  await turn();
  assert.deepEqual(server.received, []);

  server.mode = "down";
  outbox.push("b", "annotate", {});
  await turn();
  assert.equal(outbox.takeBack("b"), false, "tried: it may have arrived");
  outbox.push("c", "annotate", {});
  assert.equal(outbox.takeBack("b"), false, "not the newest");
  assert.equal(outbox.takeBack("c"), true);
  assert.equal(outbox.pending, 1);
});

test("what an earlier page left counts as tried", async () => {
  const first = page();
  first.server.mode = "hang";
  first.outbox.push("a", "annotate", {});
  const second = page(first.storage);
  second.server.mode = "hang";
  second.outbox.restore();
  assert.equal(second.outbox.takeBack("a"), false);
});

test("other projects' decisions and rubbish in the storage are left alone", async () => {
  const storage = memory();
  storage.setItem("t:p:me:x", "{half");
  storage.setItem("t:other:me:y", JSON.stringify({ token: "y", kind: "annotate", body: {}, at: 1 }));
  storage.setItem("t:p:me:w", JSON.stringify({ token: "w", kind: "format-disk", body: {}, at: 1 }));
  const { outbox, server } = page(storage);
  assert.equal(outbox.restore(), 0);
  await turn();
  assert.deepEqual(server.received, []);
  assert.equal(storage.map.size, 3);
});

test("a browser that stores nothing still sends, and says that it keeps nothing", async () => {
  const storage = memory();
  storage.setItem = () => {
    throw new Error("QuotaExceededError");
  };
  const { outbox, server } = page(storage);
  assert.equal(outbox.durable, true);
  await outbox.push("a", "annotate", {});
  assert.equal(outbox.durable, false);
  assert.deepEqual(server.recorded, ["a"]);
});

test("kick ends a pause", async () => {
  const { outbox, server, pauses } = page();
  outbox.port.sleep = (ms) => (ms ? new Promise(() => pauses.push(ms)) : Promise.resolve()); // never ends by itself
  server.mode = "down";
  const answer = outbox.push("a", "annotate", {});
  await turn();
  assert.equal(pauses.length, 1);
  server.mode = "ok";
  outbox.kick();
  await answer;
  assert.deepEqual(server.recorded, ["a"]);
});

test("pauses double up to a limit and are spread by half", () => {
  const middle = [1, 2, 3, 4, 5, 6, 7, 60].map((n) => backoff(n, 0.5));
  assert.deepEqual(middle, [500, 1000, 2000, 4000, 8000, 15000, 15000, 15000]);
  assert.equal(backoff(1, 0), 375);
  assert.ok(backoff(1, 0.999) < 625);
});
