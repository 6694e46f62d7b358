/**
 * The outbox: decisions on their way to the server, in order, kept in the browser's storage until acknowledged.
 *
 * A decision is shown as made at once and sent after; a reload or a crash sends it again. The token of each operation
 * makes that harmless: the server records a token once. No DOM, no fetch, no clock of its own here: all are passed in.
 *
 * @typedef {"annotate"|"undo"|"region"|"withdraw"|"review"|"adjudication"} Kind
 *
 * @typedef {Object} Operation
 * @property {string} token
 * @property {Kind} kind
 * @property {Record<string, unknown>} body
 * @property {number} at rising; the order of sending
 * @property {boolean} [attempted] sent at least once, so the server may know it
 *
 * @typedef {Object} Port
 * @property {(operation: Operation) => Promise<any>} send rejects with an error whose `retriable` says whether to try again
 * @property {Pick<Storage, "getItem"|"setItem"|"removeItem"|"key"|"length">|null} storage
 * @property {string} prefix of the keys: one project, one annotator
 * @property {(milliseconds: number) => Promise<void>} sleep
 * @property {() => number} now
 * @property {() => number} random in [0, 1)
 */

const KINDS = ["annotate", "undo", "region", "withdraw", "review", "adjudication"];
const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 15_000;

export class Outbox {
  /** @param {Port} port */
  constructor(port) {
    this.port = port;
    /** @type {Operation[]} */
    this.operations = [];
    /** Consecutive failures; 0 while all is well. */
    this.failures = 0;
    /** False when the browser refuses to store: then only this page holds what is unsent. */
    this.durable = port.storage !== null;
    /** @type {(() => void)} */
    this.onChange = () => {};
    this.settled = new Map();
    this.running = false;
    this.wake = () => {};
    this.last = 0;
  }

  get pending() {
    return this.operations.length;
  }

  /** Reads what an earlier page left unsent; gives how many. All of it may have reached the server already. */
  restore() {
    const { storage, prefix } = this.port;
    if (!storage) return 0;
    const known = new Set(this.operations.map((operation) => operation.token));
    const found = [];
    for (let i = 0; i < storage.length; i += 1) {
      const key = storage.key(i);
      const operation = key?.startsWith(prefix) ? parse(storage.getItem(key)) : null;
      if (operation && !known.has(operation.token)) found.push({ ...operation, attempted: true });
    }
    this.operations = [...this.operations, ...found].sort((a, b) => a.at - b.at);
    this.last = Math.max(this.last, ...this.operations.map((operation) => operation.at));
    this.onChange();
    this.run();
    return found.length;
  }

  /**
   * Keeps an operation and sends it when its turn comes; gives the server's answer.
   * @param {string} token
   * @param {Kind} kind
   * @param {Record<string, unknown>} body
   * @returns {Promise<any>} rejects only when the server refuses the operation for good
   */
  push(token, kind, body) {
    this.last = Math.max(this.port.now(), this.last + 1); // rising even when the clock steps back
    const operation = { token, kind, body, at: this.last };
    this.operations.push(operation);
    this.store(operation);
    const answer = new Promise((resolve, reject) => this.settled.set(token, { resolve, reject }));
    this.onChange();
    this.run();
    return answer;
  }

  /**
   * Removes the newest operation if it never left this page; gives whether it did so.
   * Once tried, it may have arrived although no answer came: then only an undo, sent after it, is right.
   * @param {string} token
   */
  takeBack(token) {
    const newest = this.operations.at(-1);
    if (!newest || newest.token !== token || newest.attempted) return false;
    this.operations.pop();
    this.forget(newest);
    this.settled.delete(token);
    this.onChange();
    return true;
  }

  /** Tries again now instead of at the end of the pause. */
  kick() {
    this.wake();
    this.run();
  }

  async run() {
    if (this.running) return;
    this.running = true;
    await this.port.sleep(0); // the next text is painted before this request is built
    while (this.operations.length) {
      const operation = this.operations[0];
      operation.attempted = true;
      try {
        this.finish(operation, "resolve", await this.port.send(operation));
      } catch (error) {
        if (error.retriable === false) this.finish(operation, "reject", error);
        else await this.pause();
      }
    }
    this.running = false;
  }

  finish(operation, how, value) {
    this.failures = 0;
    this.operations = this.operations.filter((other) => other !== operation);
    this.forget(operation);
    const waiting = this.settled.get(operation.token);
    this.settled.delete(operation.token);
    this.onChange();
    waiting?.[how](value);
  }

  async pause() {
    this.failures += 1;
    this.onChange();
    const woken = new Promise((resolve) => {
      this.wake = () => resolve(undefined);
    });
    await Promise.race([this.port.sleep(backoff(this.failures, this.port.random())), woken]);
  }

  key(operation) {
    return `${this.port.prefix}${operation.token}`; // a key each: two tabs never overwrite one another's list
  }

  store(operation) {
    try {
      this.port.storage?.setItem(this.key(operation), JSON.stringify(operation));
    } catch {
      this.durable = false; // storage full or forbidden
    }
  }

  forget(operation) {
    try {
      this.port.storage?.removeItem(this.key(operation));
    } catch {
      this.durable = false;
    }
  }
}

/**
 * Gives the pause in ms before attempt `failures + 1`: doubling, at most 15 s, spread so that pages do not return in step.
 * @param {number} failures at least 1
 * @param {number} random in [0, 1)
 */
export function backoff(failures, random) {
  const pause = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (failures - 1));
  return pause * (0.75 + 0.5 * random);
}

function parse(text) {
  try {
    const operation = JSON.parse(text);
    const whole = typeof operation.token === "string" && operation.body && Number.isFinite(operation.at);
    return whole && KINDS.includes(operation.kind) ? operation : null;
  } catch {
    return null; // not ours, or half-written
  }
}
