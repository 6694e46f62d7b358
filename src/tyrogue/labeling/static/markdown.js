/**
 * Guidelines: the Markdown people write in guidelines, as a tree and then as elements. HTML in it stays text, so there
 * is nothing to sanitise; links lead to http, https and mail only.
 *
 * @typedef {{kind: "text"|"strong"|"em"|"code", text: string}|{kind: "link", text: string, href: string}} Inline
 * @typedef {Object} Block
 * @property {"heading"|"paragraph"|"list"|"code"|"quote"|"rule"} kind
 * @property {number} [level]
 * @property {boolean} [ordered]
 * @property {string} [text]
 * @property {Inline[]} [inlines]
 * @property {Inline[][]} [items]
 */

import { h } from "./dom.js";

const INLINE = /`([^`]+)`|\*\*(.+?)\*\*|__(.+?)__|\*([^*\s][^*]*)\*|(?<!\w)_([^_\s][^_]*)_(?!\w)|\[([^\]]+)\]\(([^()\s]+)\)/u;

/**
 * Gives the parts of a line.
 * @param {string} text
 * @returns {Inline[]}
 */
export function inlines(text) {
  const match = INLINE.exec(text);
  if (!match) return text ? [{ kind: "text", text }] : [];
  const before = text.slice(0, match.index);
  const after = text.slice(match.index + match[0].length);
  return [...(before ? [{ kind: "text", text: before }] : []), inline(match), ...inlines(after)];
}

function inline([whole, code, strong, strong2, em, em2, label, href]) {
  if (code) return { kind: "code", text: code };
  if (strong || strong2) return { kind: "strong", text: strong || strong2 };
  if (em || em2) return { kind: "em", text: em || em2 };
  return /^(https?:\/\/|mailto:)/iu.test(href) ? { kind: "link", text: label, href } : { kind: "text", text: whole };
}

/**
 * Gives the blocks of a text.
 * @param {string} source
 * @returns {Block[]}
 */
export function parse(source) {
  const lines = source.replace(/\r\n?/gu, "\n").split("\n");
  /** @type {Block[]} */
  const blocks = [];
  let i = 0;
  const take = (test) => {
    const taken = [];
    while (i < lines.length && test(lines[i])) taken.push(lines[i++]);
    return taken;
  };
  while (i < lines.length) {
    const line = lines[i];
    const heading = /^(#{1,6})\s+(.*?)#*$/su.exec(line);
    if (!line.trim()) i += 1;
    else if (/^```/u.test(line)) {
      i += 1;
      blocks.push({ kind: "code", text: take((one) => !/^```/u.test(one)).join("\n") });
      i += 1;
    } else if (heading) {
      blocks.push({ kind: "heading", level: heading[1].length, inlines: inlines(heading[2].trim()) });
      i += 1;
    } else if (/^\s*([-*_]\s*){3,}$/u.test(line)) {
      blocks.push({ kind: "rule" });
      i += 1;
    } else if (bullet(line)) blocks.push(list(take((one) => bullet(one) || /^\s{2,}\S/u.test(one))));
    else if (/^>/u.test(line)) {
      const quoted = take((one) => /^>/u.test(one)).map((one) => one.replace(/^>\s?/u, ""));
      blocks.push({ kind: "quote", inlines: inlines(quoted.join(" ")) });
    } else {
      i += 1; // this line in any case: whatever it is, reading goes on
      blocks.push({ kind: "paragraph", inlines: inlines([line, ...take(plain)].join(" ")) });
    }
  }
  return blocks;
}

const bullet = (line) => /^\s*([-*+]|\d+[.)])\s+\S/u.test(line);
const plain = (line) => line.trim() !== "" && !bullet(line) && !/^(#{1,6}\s|>|```)/u.test(line);

function list(lines) {
  const items = [];
  for (const line of lines) {
    if (bullet(line)) items.push(line.replace(/^\s*([-*+]|\d+[.)])\s+/u, ""));
    else items[items.length - 1] += ` ${line.trim()}`;
  }
  return { kind: "list", ordered: /^\s*\d/u.test(lines[0]), items: items.map(inlines) };
}

/**
 * Gives the elements of a text.
 * @param {string} source
 * @returns {HTMLElement[]}
 */
export function render(source) {
  return parse(source).map(element);
}

function element(block) {
  const parts = (block.inlines ?? []).map(part);
  switch (block.kind) {
    case "heading": // the panel's title is the h2
      return h(`h${Math.min(6, block.level + 2)}`, {}, ...parts);
    case "list":
      return h(block.ordered ? "ol" : "ul", {}, ...block.items.map((item) => h("li", {}, ...item.map(part))));
    case "code":
      return h("pre", {}, h("code", {}, block.text));
    case "quote":
      return h("blockquote", {}, ...parts);
    case "rule":
      return h("hr");
    default:
      return h("p", { dir: "auto" }, ...parts);
  }
}

function part(one) {
  if (one.kind === "text") return document.createTextNode(one.text);
  if (one.kind === "link") return h("a", { href: one.href, target: "_blank", rel: "noopener noreferrer" }, one.text);
  return h(one.kind, {}, one.text);
}
