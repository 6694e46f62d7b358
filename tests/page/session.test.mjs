import assert from "node:assert/strict";
import test from "node:test";
import { sender } from "../../src/tyrogue/labeling/static/api.js";
import { Outbox } from "../../src/tyrogue/labeling/static/queue.js";
import { queueRows } from "../../src/tyrogue/labeling/static/regions.js";
import { adjudicate, secondLook } from "../../src/tyrogue/labeling/static/secondlooks.js";
import { Session } from "../../src/tyrogue/labeling/static/session.js";

const STATE = {
  labeled: 0, skipped: 0, flagged: 0, today: 0, round: { answered: 0, size: 50 }, autopilot: { available: false, on: false },
  classes: [{ id: 0, name: "a", labeled: 0 }, { id: 1, name: "b", labeled: 0 }], settings: { suggestions: true, ratio: 3 },
};

class Refusal extends Error {
  constructor(status) {
    super(`status ${status}`);
    this.status = status;
    this.retriable = status === 0;
  }
}

/** An independent book-keeping of what the server was told, with switches for what goes wrong. */
class Server {
  constructor(n = 30) {
    this.n = n;
    this.journal = [];
    this.answers = new Map();
    this.down = false;
    this.loseNext = false;
    this.refuse = null;
    this.first = []; // put first in the queue
    this.gate = null; // what a label waits for on its way
    this.refuseNext = null;
  }

  live() {
    return this.journal.filter((note) => !note.undone);
  }

  item(id) {
    return { id, row: id, text: `text ${id}`, label: null, suggestion: { class_id: 1, probability: 0.8 } };
  }

  once(token, act) {
    if (this.down) throw new Refusal(0);
    if (this.refuse) throw new Refusal(this.refuse);
    if (!this.answers.has(token)) this.answers.set(token, act());
    if (this.loseNext) {
      this.loseNext = false;
      throw new Refusal(0);
    }
    return this.answers.get(token);
  }

  api = {
    next: async (n) => {
      if (this.down) throw new Refusal(0);
      const decided = new Set(this.live().map((note) => note.item));
      const open = [...new Set([...this.first, ...Array(this.n).keys()])].filter((id) => !decided.has(id)).slice(0, n);
      return { items: open.map((id) => this.item(id)), reason: open.length ? null : "done" };
    },
    annotate: async (body) => {
      await this.gate;
      const status = this.refuseNext;
      this.refuseNext = null;
      if (status) throw new Refusal(status);
      return this.once(body.token, () => this.journal.push({ ...body }) && { ...body });
    },
    undo: async ({ token, expected }) =>
      this.once(token, () => {
        const last = this.live().at(-1);
        if (!last || (expected && last.token !== expected)) throw new Refusal(409);
        last.undone = true;
        return { undone: last, item: { ...this.item(last.item), reserved_until: last.look ? null : "later" } };
      }),
    secondLook: async ({ token, row, class_id }) => this.once(token, () => this.journal.push({ token, item: row, class_id, look: true }) && { row, class_id }),
    adjudicate: async (body) => this.api.secondLook(body),
    queueRows: async (rows) => {
      this.first = rows;
      return { rows, new: rows };
    },
    withdraw: async ({ rows }) => {
      if (this.down) throw new Refusal(0);
      const decided = new Set(this.live().map((note) => note.item));
      this.first = this.first.filter((row) => !rows.includes(row));
      return { rows: rows.filter((row) => !decided.has(row)) };
    },
    settings: async (patch) => ({ ...STATE.settings, ...patch }),
  };
}

const turn = async (n = 30) => {
  for (let i = 0; i < n; i += 1) await new Promise((done) => setImmediate(done));
};

async function open(server = new Server()) {
  let clock = 0;
  let token = 0;
  const sleep = () => new Promise((done) => setImmediate(done));
  const now = () => (clock += 10);
  const outbox = new Outbox({ send: sender(server.api), storage: null, prefix: "x:", sleep, now, random: () => 0 });
  const session = new Session({ api: server.api, outbox, state: structuredClone(STATE), now, newToken: () => `t${(token += 1)}-${Math.random()}` });
  const said = [];
  session.addEventListener("say", ({ detail }) => said.push(detail));
  await session.refill();
  return { session, server, outbox, said };
}

const decisions = (server) => server.live().map(({ item, class_id }) => [item, class_id]);

test("decisions are shown at once and arrive in order", async () => {
  const { session, server } = await open();
  for (const classId of [0, 1, 0]) assert.equal(session.decide("label", classId), true);
  assert.equal(session.item.id, 3);
  assert.equal(session.view.labeled, 3);
  await turn();
  assert.deepEqual(decisions(server), [[0, 0], [1, 1], [2, 0]]);
  assert.ok(server.journal.every((note) => note.seconds > 0));
});

test("an undo at once sends nothing; an undo after sending undoes on the server", async () => {
  const { session, server } = await open();
  session.decide("label", 0);
  session.undo();
  await turn();
  assert.deepEqual(server.journal, []);
  assert.equal(session.item.id, 0);
  session.decide("label", 0);
  await turn();
  session.undo();
  assert.equal(session.item.id, 0, "back before the server answers");
  assert.equal(session.item.label, 0);
  assert.equal(session.view.labeled, 0);
  await turn();
  assert.deepEqual(decisions(server), []);
  session.decide("label", 1);
  await turn();
  assert.deepEqual(decisions(server), [[0, 1]]);
});

test("an undo of a decision whose answer was lost leaves neither it nor a gap", async () => {
  const { session, server } = await open();
  session.decide("label", 0);
  await turn();
  server.loseNext = true; // recorded, but the page does not know
  session.decide("label", 1);
  await turn(2);
  session.undo();
  await turn();
  assert.deepEqual(decisions(server), [[0, 0]]);
  assert.equal(session.item.id, 1);
});

test("offline: labels and undos pile up and arrive as if made one by one", async () => {
  const { session, server } = await open();
  server.down = true;
  session.decide("label", 0);
  await turn();
  session.decide("label", 1);
  session.undo();
  session.undo();
  session.decide("label", 1);
  session.decide("skip");
  await turn();
  assert.deepEqual(server.journal, []);
  server.down = false;
  session.outbox.kick();
  await turn();
  assert.deepEqual(decisions(server), [[0, 1], [1, null]]);
  assert.equal(session.outbox.pending, 0);
});

test("an undo across pages waits for its text and lets nothing be decided meanwhile", async () => {
  const server = new Server();
  const first = await open(server);
  first.session.decide("label", 1);
  await turn();
  const { session, said } = await open(server);
  assert.equal(session.item.id, 1);
  session.undo();
  assert.equal(session.waiting, true);
  assert.equal(session.decide("label", 0), false);
  await turn();
  assert.equal(session.item.id, 0);
  assert.equal(session.item.label, 1);
  session.undo();
  await turn();
  assert.equal(said.at(-1), "Nothing to take back.");
  assert.equal(session.item.id, 0);
  assert.equal(session.decide("label", 0), true);
});

test("what an earlier page left unsent is not shown again while it is on its way", async () => {
  const server = new Server();
  const { session, outbox } = await open(server);
  session.deck.clear();
  const left = (token, kind, item) => ({ token, kind, body: kind === "undo" ? { token } : { token, item }, at: 1, attempted: true });
  outbox.operations = [left("a", "annotate", 0), left("b", "annotate", 1), left("c", "undo"), left("d", "annotate", 2)];
  session.adopt();
  await session.refill();
  assert.deepEqual([session.item.id, session.deck.ahead[0].id], [1, 3]);
});

test("a refused label is told, uncounted, and its text comes again", async () => {
  const { session, server } = await open();
  server.refuse = 422;
  session.decide("label", 0);
  await turn();
  server.refuse = null;
  assert.equal(session.refusals.length, 1);
  assert.equal(session.view.labeled, 0);
  await session.refill();
  assert.ok([session.item, ...session.deck.ahead].some((item) => item.id === 0));
});

test("a correction counts in its new class and can be taken back like any decision", async () => {
  const { session, server } = await open();
  session.decide("label", 0);
  await turn();
  session.correct({ item: 0, action: "label", class_id: 0, text: "text 0" }, 1);
  assert.deepEqual(session.view.classes.map((one) => one.labeled), [0, 1]);
  assert.equal(session.view.labeled, 1);
  await turn();
  assert.deepEqual(decisions(server), [[0, 0], [0, 1]]);
  const shown = session.item.id;
  session.undo();
  await turn();
  assert.deepEqual(decisions(server), [[0, 0]]);
  assert.equal(session.item.id, shown, "the text on screen stays");
});

test("Backspace takes a second look back and leaves the card's label alone", async () => {
  for (const look of [(session) => secondLook(session, 0, { action: "label", class_id: 1 }, 0), (session) => adjudicate(session, 0, 1)]) {
    const { session, server, said } = await open();
    session.decide("label", 0);
    session.decide("label", 1);
    await look(session).answer;
    assert.deepEqual(decisions(server), [[0, 0], [1, 1], [0, 1]]);
    const shown = session.item.id;
    session.undo();
    await turn();
    assert.deepEqual(decisions(server), [[0, 0], [1, 1]]);
    assert.equal(session.item.id, shown, "the card is not undone");
    assert.equal(said.at(-1), "Correction taken back.");
    assert.deepEqual(session.view.classes.map((one) => one.labeled), [1, 1]);
    session.undo();
    await turn();
    assert.deepEqual(decisions(server), [[0, 0]]);
    assert.equal(session.item.id, 1);
  }
});

test("labels and second looks made offline arrive, and are taken back, in their order", async () => {
  const { session, server } = await open();
  session.decide("label", 0);
  await turn();
  server.down = true;
  session.decide("label", 1);
  const { answer } = secondLook(session, 0, { action: "label", class_id: 1 }, 0);
  session.decide("label", 0);
  await turn();
  assert.deepEqual(session.view.classes.map((one) => one.labeled), [1, 2]);
  server.down = false;
  session.outbox.kick();
  await answer;
  await turn();
  assert.deepEqual(decisions(server), [[0, 0], [1, 1], [0, 1], [2, 0]]);
  session.undo();
  session.undo();
  await turn();
  assert.deepEqual(decisions(server), [[0, 0], [1, 1]]);
  assert.equal(session.item.id, 2);
});

test("a second look after a reload is taken back without putting its text on the card", async () => {
  const server = new Server();
  const first = await open(server);
  first.session.decide("label", 0);
  await secondLook(first.session, 0, { action: "label", class_id: 1 }, 0).answer;
  const { session, said } = await open(server);
  session.undo();
  await turn();
  assert.deepEqual(decisions(server), [[0, 0]]);
  assert.equal(session.item.id, 1);
  assert.equal(said.at(-1), "Correction taken back.");
});

test("what another window decided since is not taken back unasked, and the card says what is so", async () => {
  const { session, server, said } = await open();
  session.decide("label", 0);
  session.decide("label", 1);
  await turn();
  server.journal.push({ token: "elsewhere", item: 20, class_id: 1 });
  session.undo();
  session.undo();
  assert.equal(session.item.id, 0, "shown as taken back until the server says no");
  await turn();
  assert.deepEqual(decisions(server), [[0, 0], [1, 1], [20, 1]]);
  assert.equal(session.item.id, 2, "their labels stand, so that they are not asked again");
  assert.equal(session.view.labeled, 2);
  assert.match(said.at(-1), /^Not taken back: something else was decided/);
  session.undo();
  await turn();
  assert.deepEqual(decisions(server), [[0, 0], [1, 1]], "the next one asks the server which was the last");
  assert.equal(session.item.id, 20);
});

test("an undo of a label that the server refuses takes back nothing else", async () => {
  const { session, server } = await open();
  session.decide("label", 0);
  await turn();
  let arrive;
  server.gate = new Promise((done) => (arrive = done));
  server.refuseNext = 422;
  session.decide("label", 1);
  await turn(); // on its way
  session.undo();
  arrive();
  await turn();
  assert.deepEqual(decisions(server), [[0, 0]]);
  assert.equal(session.item.id, 1, "it is still to be decided");
  assert.equal(session.view.labeled, 1);
});

test("a refused second look leaves nothing to take back", async () => {
  const { session, server } = await open();
  session.decide("label", 0);
  await turn();
  server.refuse = 422;
  await assert.rejects(secondLook(session, 0, { action: "label", class_id: 1 }, 0).answer);
  server.refuse = null;
  assert.deepEqual(session.view.classes.map((one) => one.labeled), [1, 0]);
  session.undo();
  await turn();
  assert.deepEqual(decisions(server), []);
});

test("a queued region is taken out of the queue again, but for what was decided", async () => {
  const { session, server, said } = await open();
  await queueRows(session, [20, 21, 22]);
  assert.deepEqual([session.item.id, ...session.deck.ahead.slice(0, 3).map((item) => item.id)], [0, 20, 21, 22]);
  session.decide("label", 0);
  session.decide("label", 1); // 20
  await turn();
  session.undo();
  session.undo();
  session.undo();
  await turn();
  assert.equal(said.at(-1), "3 texts taken out of the queue again.");
  assert.deepEqual(decisions(server), []);
  assert.deepEqual([session.item.id, session.deck.ahead[0].id], [0, 1]);
  assert.deepEqual(server.first, []);
});

test("any mix of deeds and failures ends with the server and the page agreeing", async () => {
  for (let seed = 1; seed <= 60; seed += 1) {
    let state = seed;
    const random = (n) => (state = (state * 48271) % 2147483647) % n;
    const { session, server } = await open(new Server(12));
    const model = []; // what a person believes to have decided
    for (let step = 0; step < 40; step += 1) {
      const deed = random(11);
      if (deed < 5 && session.item) {
        const before = session.item.id;
        const classId = random(2);
        if (session.decide("label", classId)) model.push([before, classId]);
      } else if (deed < 7) {
        if (model.length) {
          session.undo();
          model.pop();
        }
      } else if (deed === 7) server.down = !server.down;
      else if (deed === 8) server.loseNext = true;
      else if (deed === 9 && model.length) {
        const [item] = model[random(model.length)];
        const classId = random(2);
        secondLook(session, item, { action: "label", class_id: classId }, null);
        model.push([item, classId, "look"]);
      }
      else await turn(random(8));
    }
    server.down = false;
    session.outbox.kick();
    await turn(60);
    assert.deepEqual(decisions(server), model.map(([item, classId]) => [item, classId]), `seed ${seed}`);
    assert.equal(session.outbox.pending, 0, `seed ${seed}`);
    assert.equal(session.view.labeled, model.length, `seed ${seed}`); // a second look at what had no label counts, too
  }
});
