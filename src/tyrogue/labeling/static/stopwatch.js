/** The time a text was in sight. A hidden tab does not count: coffee is not thinking. Pure; the clock is passed in. */
export class Stopwatch {
  /** @param {() => number} now in ms */
  constructor(now) {
    this.now = now;
    this.sum = 0;
    /** @type {number|null} */
    this.since = null;
  }

  /** Starts from nothing. */
  restart() {
    this.sum = 0;
    this.since = this.now();
  }

  pause() {
    this.sum = this.read();
    this.since = null;
  }

  resume() {
    this.since ??= this.now();
  }

  /** Gives the milliseconds so far. */
  read() {
    return this.sum + (this.since === null ? 0 : this.now() - this.since);
  }
}
