"""Guidelines: Markdown becomes HTML, and no Markdown becomes anything but the HTML that is allowed."""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from desk import make_desk
from hypothesis import given, settings
from hypothesis import strategies as st

from running import running
from tyrogue.labeling.app import create_app
from tyrogue.labeling.prose import to_html

if TYPE_CHECKING:
    from playwright.sync_api import Browser

HARMLESS = {
    "a", "blockquote", "br", "code", "del", "em", "h3", "h4", "h5", "h6", "hr", "li", "ol", "p", "pre", "s", "strong",
    "table", "tbody", "td", "th", "thead", "tr", "ul",
}  # fmt: skip
HOSTILE = [
    "<script>window.owned = 1</script>",
    "<img src=x onerror='window.owned = 1'>",
    "<svg onload='window.owned = 1'><style>* { display: none }</style></svg>",
    "<svg><a xlink:href='javascript:window.owned=1'><text>x</text></a></svg>",
    "<style>body { background: url(https://evil.example/a) }</style>",
    "<p style='position:fixed;inset:0'>over all</p>",
    "<iframe srcdoc='<script>parent.owned=1</script>'></iframe>",
    "<form action='https://evil.example'><input name=a></form>",
    "<meta http-equiv=refresh content='0;url=https://evil.example'><base href='https://evil.example'>",
    "[a](javascript:window.owned=1)",
    "[a](JaVaScRiPt:window.owned=1)",
    "[a](java&#115;cript:window.owned=1)",
    "[a](&#x6A;avascript:window.owned=1)",
    "[a](<java\tscript:window.owned=1>)",
    "[a](\x01javascript:window.owned=1)",
    "[a](vbscript:x) [b](file:///etc/passwd) [c](blob:x) [d](view-source:x)",
    "[a](data:text/html;base64,PHNjcmlwdD5vd25lZD0xPC9zY3JpcHQ+)",
    "[a](//evil.example) [b](/api/export) [c](\\\\evil.example) [d](?x)",
    "<javascript:window.owned=1> <data:text/html,x>",
    "![a](https://evil.example/pixel.png)",
    "![a](data:image/svg+xml,<svg/onload=owned=1>)",
    "![a](javascript:window.owned=1 \"b' onerror='owned=1\")",
    '[a](https://x.org "\\" onmouseover=\\"window.owned=1")',
    "[a](https://x.org/\"onmouseover='owned=1')",
    "[r]\n\n[r]: javascript:window.owned=1",
    "```<script>\nx\n```\n```html onclick=owned=1\n<script>\n```",
    "a&lt;script&gt;window.owned=1&lt;/script&gt; \x00 <!-- --> <![CDATA[x]]> <?php x ?>",
    "|<b onclick=x>|\n|-|\n|<img src=x onerror=owned=1>|",
]


class Seen(HTMLParser):
    """Reads HTML with the standard library: which elements, which attributes, what text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str, str]] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.text += data

    def unknown_decl(self, data: str) -> None:
        self.tags.add(data)

    def handle_decl(self, decl: str) -> None:
        self.tags.add(decl)

    handle_comment = handle_pi = unknown_decl


def assert_harmless(html: str) -> None:
    seen = Seen(html)
    assert seen.tags <= HARMLESS
    for tag, name, value in seen.attributes:
        if name == "href":
            assert tag == "a"
            assert value.lower().startswith(("https://", "http://", "http:", "https:", "mailto:")), value
        elif name in ("rel", "target"):
            assert (tag, value) in {("a", "noopener noreferrer"), ("a", "_blank")}
        else:
            assert (tag, name) in {("a", "title"), ("ol", "start")}
    assert html.count("<a ") == html.count('rel="noopener noreferrer"') == html.count('target="_blank"')


@pytest.mark.parametrize("source", HOSTILE)
def test_hostile_markdown_is_text(source: str) -> None:
    assert_harmless(to_html(source))
    assert_harmless(to_html(f"> - {source}\n\n# {source}\n\n**{source}**"))


PIECES = st.sampled_from(
    ["<", ">", "~~", "\"", "'", "[", "](", ")", "![", "`", "*", "_", "\n", "\n\n", "    ",
     "- ", "> ", "|", "|-|", "&", "&#x6a;", "\\",
     "javascript:", "data:", "https://x.org", "//",
     "script", "svg", "img", "onerror=", "style=", "/", "=", " ", "a", "]: ", "<!--", "\x00"]
)  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(st.lists(PIECES, max_size=30).map("".join) | st.text(max_size=60))
def test_no_markdown_becomes_anything_else(source: str) -> None:
    assert_harmless(to_html(source))


def test_what_people_write_is_rendered() -> None:
    html = to_html(
        "# Rules\n\nFirst *this*, **that** and `code`.\n\n- one\n- two\n\n3. third\n\n> quoted\n\n"
        "| class | when |\n|-|-|\n| spam | always |\n\n~~old~~ [notes](https://x.org/a?b=1&c=2) <i>plain</i>\n\n---\n"
    )
    seen = Seen(html)
    assert {"h3", "em", "strong", "code", "ul", "ol", "blockquote", "td", "s", "a", "hr"} <= seen.tags
    assert ("a", "href", "https://x.org/a?b=1&c=2") in seen.attributes
    assert ("ol", "start", "3") in seen.attributes
    assert "<i>plain</i>" in seen.text
    assert "h1" not in seen.tags, "the panel's title stands above"
    assert to_html("") == ""


def test_an_image_becomes_a_link_to_it() -> None:
    seen = Seen(to_html("![a *cat* <b>](https://x.org/cat.png)"))
    assert ("a", "href", "https://x.org/cat.png") in seen.attributes
    assert seen.text.strip() == "a cat <b>"


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    desk = make_desk(tmp_path)
    told = desk.client.put("/api/guidelines", json={"text": "# Rules\n\n" + "\n\n".join(HOSTILE)}).json()
    assert told["guidelines"].startswith("# Rules")
    assert desk.client.get("/api/state").json()["guidelines_html"] == told["guidelines_html"]
    with running(create_app(desk.engine)) as address:
        yield address
    desk.store.close()


def test_nothing_hostile_happens_in_the_page(url: str, chromium: Browser) -> None:
    context = chromium.new_context(reduced_motion="reduce")
    page = context.new_page()
    complaints: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("request", lambda request: asked.append(request.url))
    page.goto(url)
    page.wait_for_selector("#reading .text")
    page.keyboard.press("g")
    page.wait_for_selector(".prose h3")
    page.wait_for_timeout(200)
    assert page.evaluate("window.owned") is None
    assert (
        page.locator(".prose").evaluate("(one) => one.querySelectorAll('script,img,svg,style,iframe,form').length") == 0
    )
    assert "<script>window.owned = 1</script>" in str(page.locator(".prose").text_content()), "shown, as text"
    assert all(one.startswith(url) for one in asked)
    assert complaints == []
    context.close()
