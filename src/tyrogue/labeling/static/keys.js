/** What each key means. Pure: a key event goes in as its `key` and `code`, a meaning comes out. */

/** Keys of commands; letters that stand here are never given to classes. */
export const COMMANDS = Object.freeze({
  Backspace: "undo",
  " ": "skip",
  Enter: "accept",
  Escape: "close",
  f: "flag",
  n: "note",
  h: "suggestions",
  w: "why",
  m: "map",
  a: "copies",
  q: "queue",
  c: "classes",
  l: "learning",
  y: "history",
  r: "review",
  g: "guidelines",
  t: "team",
  "/": "search",
  "?": "help",
  ".": "filter",
});

/** The keys of classes in their order: 1 to 9, 0, then the letters that no command uses. */
export const CLASS_KEYS = Object.freeze([
  ..."1234567890",
  ..."abcdefghijklmnopqrstuvwxyz".split("").filter((letter) => !(letter in COMMANDS)),
]);

/**
 * Gives the key code of each class by position: one key while they last, then two.
 * The last keys become first halves, as few as possible; no code begins another, so no key ever has to wait.
 * @param {number} count
 * @returns {string[]}
 */
export function classCodes(count) {
  const base = CLASS_KEYS.length;
  let prefixes = 0;
  while (base - prefixes + prefixes * base < count && prefixes < base) prefixes += 1;
  const codes = CLASS_KEYS.slice(0, base - prefixes);
  for (const first of CLASS_KEYS.slice(base - prefixes)) codes.push(...CLASS_KEYS.map((second) => first + second));
  return codes.slice(0, count);
}

/**
 * Gives the key as the page understands it: letters without case, and by their place on the keyboard where the
 * layout has no Latin letters (Cyrillic, Arabic) or needs Shift for digits (French).
 * @param {{key: string, code?: string}} event
 */
export function canonical({ key, code = "" }) {
  const plain = key.length === 1 ? key.toLowerCase() : key;
  if (plain in COMMANDS || CLASS_KEYS.includes(plain)) return plain;
  const place = /^(?:Key|Digit|Numpad)([A-Z0-9])$/.exec(code);
  return place && key.length === 1 ? place[1].toLowerCase() : plain;
}

/** Reads keys one by one and remembers the first half of a two-key code. */
export class KeyReader {
  constructor() {
    /** @type {string[]} */
    this.codes = [];
    this.prefix = "";
  }

  /** @param {number} count of classes */
  setCount(count) {
    this.codes = classCodes(count);
    this.prefix = "";
  }

  /**
   * @param {{key: string, code?: string}} event
   * @returns {{kind: "class", index: number}|{kind: "prefix", prefix: string}|{kind: "command", name: string}|null}
   */
  read(event) {
    const key = canonical(event);
    if (this.prefix) return this.second(key);
    const index = this.codes.indexOf(key);
    if (index >= 0) return { kind: "class", index };
    if (this.codes.some((code) => code.length === 2 && code[0] === key)) {
      this.prefix = key;
      return { kind: "prefix", prefix: key };
    }
    return key in COMMANDS ? { kind: "command", name: COMMANDS[key] } : null;
  }

  second(key) {
    const index = this.codes.indexOf(this.prefix + key);
    this.prefix = "";
    // Anything that is no code ends the half-typed one and does nothing else: a slip must not flag or skip.
    return index >= 0 ? { kind: "class", index } : { kind: "prefix", prefix: "" };
  }
}
