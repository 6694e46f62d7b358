"""Guidelines as HTML: Markdown rendered by markdown-it-py, and what it made sanitised by nh3.

Either alone would do: the renderer lets no HTML of the source through, and the sanitiser keeps only what is listed
here. The page's policy (`security.POLICY`) is the third wall: no inline script runs even if both were wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import nh3
from markdown_it import MarkdownIt
from markdown_it.common.utils import escapeHtml
from markdown_it.renderer import RendererHTML
from markdown_it.rules_core import StateCore
from markdown_it.token import Token

PANEL_TITLE = 2
"""Level of the heading above the guidelines: theirs come below it."""

TAGS = frozenset(
    {"a", "blockquote", "br", "code", "del", "em", "h3", "h4", "h5", "h6", "hr", "li", "ol", "p", "pre", "s", "strong",
     "table", "tbody", "td", "th", "thead", "tr", "ul"}
)  # fmt: skip
ATTRIBUTES = {"a": {"href", "title"}, "ol": {"start"}}
SCHEMES = frozenset({"http", "https", "mailto"})


@lru_cache(maxsize=16)
def to_html(markdown: str) -> str:
    """Gives safe HTML of Markdown (CommonMark with tables and strikethrough).

    HTML in the source stays text; links open apart, without referrer or opener, and lead to http, https and mail
    only; an image becomes a link to it, because the page loads nothing from elsewhere. Kept for the last few
    sources: the page asks once a second.
    """
    return nh3.clean(
        _RENDERER.render(markdown),
        tags=set(TAGS),
        attributes=ATTRIBUTES,
        url_schemes=set(SCHEMES),
        url_relative="deny",
        link_rel="noopener noreferrer",
        set_tag_attribute_values={"a": {"target": "_blank"}},
    )


def _leads_out(url: str) -> bool:
    """Whether a link may stay one: `//x` hides where it leads, and `/api/...` would be a call of this server."""
    return url.partition(":")[0].lower() in SCHEMES


def _below_the_title(state: StateCore) -> None:
    for token in state.tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(6, int(token.tag[1:]) + PANEL_TITLE)}"


def _image_as_link(renderer: RendererHTML, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    token = tokens[index]
    link = Token("link_open", "a", 1, attrs={"href": token.attrs["src"]})
    words = renderer.renderInlineAsText(token.children or [], options, env) or str(token.attrs["src"])
    return f"<a{renderer.renderAttrs(link)}>{escapeHtml(words)}</a>"


def _renderer() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    parser.validateLink = _leads_out  # type: ignore[method-assign]  # the hook that the library documents
    parser.core.ruler.push("below_the_title", _below_the_title)
    parser.add_render_rule("image", _image_as_link)
    return parser


_RENDERER = _renderer()
