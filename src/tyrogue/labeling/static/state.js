/** Reading the server's state again and again: often while someone looks, seldom in a hidden tab. */

const VISIBLE = 2_000; // ms
const HIDDEN = 10_000;
const EMPTY = 1_000; // someone waits for a first text

export class Poll {
  /**
   * @param {ReturnType<typeof import("./api.js").connect>} api
   * @param {import("./session.js").Session} session
   */
  constructor(api, session) {
    this.api = api;
    this.session = session;
    this.timer = 0;
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) session.watch.pause();
      else {
        session.watch.resume();
        session.refill(); // a long sleep may have outlasted the reservations
        this.now();
      }
    });
    addEventListener("online", () => this.now());
    this.schedule();
  }

  /** Asks at once. */
  now() {
    clearTimeout(this.timer);
    return this.ask();
  }

  async ask() {
    const askedAt = this.session.now();
    try {
      this.session.receiveState(await this.api.state(), askedAt);
    } catch (error) {
      this.session.failed(error);
    }
    this.schedule();
  }

  schedule() {
    clearTimeout(this.timer);
    const visible = this.session.item ? VISIBLE : EMPTY;
    this.timer = setTimeout(() => this.ask(), document.hidden ? HIDDEN : visible);
  }
}
