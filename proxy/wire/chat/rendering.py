"""Markdown of an answer as HTML that is harmless: nothing in it runs, and nothing is loaded to show it.

Three things see to that. HTML in the text stays text; what Markdown makes is of few kinds (headings, lists, tables,
code, links; pictures become links); and whatever came out passes a sanitizer that knows these kinds alone.
"""

import re
from collections.abc import Sequence
from typing import Any

import nh3
from markdown_it import MarkdownIt
from markdown_it.common.utils import escapeHtml
from markdown_it.renderer import RendererHTML
from markdown_it.rules_core import StateCore
from markdown_it.token import Token
from markdown_it.utils import OptionsDict

from proxy.wire.chat.colours import CLASSES, coloured
from proxy.wire.jsontext import dump

_HEADING_BELOW = 2
# An answer stands below the headings of its page.
_LOWEST_HEADING = 6

_HREF = re.compile(r"(?:https?|mailto):", re.IGNORECASE)

_TAGS = {
    *("a", "blockquote", "br", "code", "em", "h3", "h4", "h5", "h6", "hr", "li", "ol", "p", "pre", "s", "span"),
    *("strong", "table", "tbody", "td", "th", "thead", "tr", "ul"),
}
_ATTRIBUTES = {
    "a": {"href", "title"},
    "ol": {"start"},
    "pre": {"data-language"},
    "td": {"align"},
    "th": {"align"},
}
_CLASSES = {"span": set(CLASSES)}


def rendering(text: str) -> bytes:
    """The answer of /chat/render."""
    return dump({"html": rendered(text), "success": True})


def rendered(text: str) -> str:
    """The HTML of a Markdown `text`."""
    return _SANITIZER.clean(_MARKDOWN.render(text))


def _framed(code: str, language: str, _attributes: str) -> str:
    return f'<pre data-language="{escapeHtml(language)}"><code>{coloured(code, language)}</code></pre>'


def _picture(
    renderer: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: dict[str, Any]
) -> str:
    """A picture as a link: to load it would tell its server who reads the answer."""
    token = tokens[index]
    text = renderer.renderInlineAsText(token.children, options, env) or "picture"
    return f'<a href="{escapeHtml(str(token.attrGet("src") or ""))}">{escapeHtml(text)}</a>'


def _fitted(state: StateCore) -> None:
    for token in state.tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(_LOWEST_HEADING, int(token.tag[1]) + _HEADING_BELOW)}"
        elif style := token.attrs.pop("style", None):
            # Of cells; the policy of the page allows no styles.
            token.attrs["align"] = str(style).removeprefix("text-align:")


def _attribute(tag: str, name: str, value: str) -> str | None:
    """Links lead away from here or nowhere: not to this daemon's own routes."""
    return value if (tag, name) != ("a", "href") or _HREF.match(value) else None


def _markdown() -> MarkdownIt:
    made = MarkdownIt("commonmark", {"html": False, "highlight": _framed}).enable(["table", "strikethrough"])
    made.add_render_rule("image", _picture)
    made.core.ruler.push("fitted", _fitted)
    return made


_MARKDOWN = _markdown()
_SANITIZER = nh3.Cleaner(
    tags=_TAGS,
    attributes=_ATTRIBUTES,
    allowed_classes=_CLASSES,
    attribute_filter=_attribute,
    url_schemes={"http", "https", "mailto"},
    link_rel="noopener noreferrer",
    set_tag_attribute_values={"a": {"target": "_blank"}},
)
