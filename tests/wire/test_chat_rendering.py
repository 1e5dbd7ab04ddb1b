"""Markdown of an answer as HTML: what it becomes, and that nothing in it runs or is loaded."""

import json
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.core.errors import InvalidRequest
from proxy.wire.chat.colours import coloured
from proxy.wire.chat.rendering import rendered, rendering
from proxy.wire.chat.requests import MOST_RENDERED, parse_render

LINK = 'target="_blank" rel="noopener noreferrer"'
HARMLESS_TAGS = {
    *("a", "blockquote", "br", "code", "em", "h3", "h4", "h5", "h6", "hr", "li", "ol", "p", "pre", "s", "span"),
    *("strong", "table", "tbody", "td", "th", "thead", "tr", "ul"),
}
HARMLESS_ATTRIBUTES = {"href", "title", "rel", "target", "start", "align", "class", "data-language"}

HOSTILE = [
    "<script>alert(1)</script>",
    "<SCRIPT SRC=//evil.example/x.js></SCRIPT>",
    '<img src=x onerror="alert(1)">',
    "<svg/onload=alert(1)>",
    '<iframe src="https://evil.example"></iframe>',
    "<a href='javascript:alert(1)'>x</a>",
    "<style>*{display:none}</style><link rel=stylesheet href=//evil.example>",
    "<form action=/chat/delete/a method=post><button>x</button></form>",
    "<math><mtext></p><style><img src=x onerror=alert(1)>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](java\tscript:alert(1))",
    "[x](&#106;avascript:alert(1))",
    "[x](vbscript:x) [y](file:///etc/passwd) [z](data:text/html,<script>alert(1)</script>)",
    "[x](//evil.example) [x](/chat/history) [x](#here) [x](?a) [x](../a)",
    '[x](https://a.example "\\"><img src=x onerror=alert(1)>")',
    '[x](https://a.example/"onmouseover=alert(1)//)',
    "<javascript:alert(1)> <data:text/html,x>",
    "![x](https://evil.example/pixel.png)",
    "![x](data:image/svg+xml;base64,PHN2Zz4=)",
    '![" onerror="alert(1)](https://evil.example/x.png)',
    "[![x](https://evil.example/a.png)](https://evil.example)",
    '```"><script>alert(1)</script>\nx\n```',
    "```html\n<script>alert(1)</script>\n```",
    "```js\n</code></pre><script>alert(1)</script>\n```",
    "`</code><script>alert(1)</script>`",
    "| a |\n|--|\n| <img src=x onerror=alert(1)> |",
    "[x]: javascript:alert(1)\n\n[x]",
    "\x00<b>\ufffe\u2028&lt;script&gt;",
    "&lt;img src=x onerror=alert(1)&gt;",
]


class Seen(HTMLParser):
    """The tags of HTML, and their attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.links: list[dict[str, str | None]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag == "a":
            self.links.append(dict(attrs))


def check_harmless(html: str) -> None:
    seen = Seen(html)
    assert seen.tags <= HARMLESS_TAGS
    assert seen.attributes <= HARMLESS_ATTRIBUTES
    for link in seen.links:
        assert (link["rel"], link["target"]) == ("noopener noreferrer", "_blank")
        assert (link.get("href") or "https:").lower().startswith(("http:", "https:", "mailto:"))


@pytest.mark.parametrize("text", HOSTILE)
def test_what_is_hostile_is_harmless(text: str) -> None:
    check_harmless(rendered(text))


@given(st.text(alphabet=st.sampled_from("<>[]()!`*_~#|-:\"'&;/\\\n 1ajscript=onerror"), max_size=200))
def test_whatever_the_text_is_its_html_is_harmless(text: str) -> None:
    check_harmless(rendered(text))


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("**a** _b_ ~~c~~ `d`", "<p><strong>a</strong> <em>b</em> <s>c</s> <code>d</code></p>"),
        ("# a", "<h3>a</h3>"),
        ("##### a", "<h6>a</h6>"),
        ("3. a\n4. b", '<ol start="3">\n<li>a</li>\n<li>b</li>\n</ol>'),
        ("<b>", "<p>&lt;b&gt;</p>"),
        ("[a](https://b.example)", f'<p><a href="https://b.example" {LINK}>a</a></p>'),
        ("<https://b.example>", f'<p><a href="https://b.example" {LINK}>https://b.example</a></p>'),
        ("![a](https://b.example/c.png)", f'<p><a href="https://b.example/c.png" {LINK}>a</a></p>'),
        ("![](https://b.example/c.png)", f'<p><a href="https://b.example/c.png" {LINK}>picture</a></p>'),
        ("```\na < b\n```", '<pre data-language=""><code>a &lt; b\n</code></pre>'),
        ("```nothing\na\n```", '<pre data-language="nothing"><code>a\n</code></pre>'),
    ],
)
def test_markdown_becomes_html(text: str, html: str) -> None:
    assert rendered(text).strip() == html


def test_cells_are_aligned_without_styles() -> None:
    html = rendered("| a | b |\n|:-:|--:|\n| 1 | 2 |")
    assert '<th align="center">a</th>' in html
    assert '<td align="right">2</td>' in html
    assert "style" not in html


@pytest.mark.parametrize(
    ("language", "code", "spans"),
    [
        ("python", "def f(): return '''a'''  # b", ['"hl-k">def', '"hl-nf">f', "\"hl-sd\">'''a'''", '"hl-c"># b']),
        ("JS", "let a = `b` // c", ['"hl-k">let', '"hl-s">`b`', '"hl-c">// c']),
        ("sql", "SELECT 1 -- a", ['"hl-k">SELECT', '"hl-m">1', '"hl-c">-- a']),
        ("html", '<a b="c">&amp;<!-- d -->', ['"hl-nt">&lt;a', '"hl-na">b', '"hl-ni">&amp;amp;', '"hl-c">&lt;!-- d']),
    ],
)
def test_code_is_coloured_by_its_language(language: str, code: str, spans: list[str]) -> None:
    html = coloured(code, language).replace("&#39;", "'")
    assert [span for span in spans if span not in html] == []


@given(st.sampled_from(["python", "js", "sql", "html"]), st.text(max_size=200))
def test_colours_lose_nothing_of_the_code(language: str, code: str) -> None:
    texts: list[str] = []
    reader = HTMLParser()
    reader.handle_data = texts.append  # type: ignore[method-assign, assignment]
    code = code.translate(dict.fromkeys(map(ord, "\r\x00\ufeff"))) + "\n"
    reader.feed(coloured(code, language))
    reader.close()
    assert "".join(texts) == code


@pytest.mark.parametrize("unit", ["> ", "- ", "  - a\n", "[", "![", "**", "`", "| a", "<", "(", "\\", "1. "])
def test_what_is_nested_without_end_is_rendered_all_the_same(unit: str) -> None:
    check_harmless(rendered(unit * 2000))


def test_a_body_has_a_text_that_is_neither_empty_nor_too_long() -> None:
    assert parse_render(b'{"text": "a"}') == "a"
    for text in ("", "x" * (MOST_RENDERED + 1)):
        with pytest.raises(InvalidRequest, match="text must not"):
            parse_render(json.dumps({"text": text}).encode())
    assert json.loads(rendering("a")) == {"html": "<p>a</p>\n", "success": True}
