/**
 * The only place where a string becomes markup, and only one string comes here: the guidelines, which the server
 * renders from Markdown and sanitises (prose.py). A test looks that no other module parses HTML.
 */

/**
 * Gives the nodes of HTML that the server has sanitised. A document of DOMParser runs no script and loads nothing.
 * @param {string} html from `guidelines_html`, never a text or a name
 * @returns {ChildNode[]}
 */
export function sanitised(html) {
  return [...new DOMParser().parseFromString(html, "text/html").body.childNodes].map((node) => document.adoptNode(node));
}
