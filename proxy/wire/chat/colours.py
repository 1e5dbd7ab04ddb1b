"""Colours for code, as classes of spans.

Pygments' own lexers look closely, and some take minutes for a few kilobytes that are made to confuse them. Code here is
whatever a model was talked into writing. So these lexers look less closely, and take time in proportion to its length:
no rule of theirs tries again what it has tried.
"""

import re
from collections.abc import Mapping
from typing import ClassVar

from markdown_it.common.utils import escapeHtml
from pygments import highlight
from pygments.formatters.html import HtmlFormatter
from pygments.lexer import RegexLexer, words
from pygments.token import STANDARD_TYPES, Comment, Keyword, Name, Number, Operator, String, Text

_PREFIX = "hl-"
_FORMATTER = HtmlFormatter(nowrap=True, classprefix=_PREFIX)

CLASSES = frozenset(_PREFIX + name for name in STANDARD_TYPES.values() if name)
"""Every class that there may be."""

_CURLY_WORDS = (
    "abstract as async auto await bool boolean break byte case catch chan char class const constexpr continue default"
    " defer delete do double else enum export extends extern false final finally float fn for foreach from func"
    " function go goto if impl implements import in inline int interface internal is let long loop match mod module mut"
    " namespace new nil null number object of operator override package private protected pub public range readonly"
    " return self short sizeof static string struct super switch template this throw throws trait true try type typedef"
    " typeof undefined union unsafe unsigned use using val var virtual void volatile when where while with yield"
)
_HASH_WORDS = (
    "alias and as assert async await begin break case class continue def del do done echo elif else elsif end ensure"
    " esac except exit export False false fi finally for from function global if import in is lambda let local match"
    " module my nil None nonlocal not null or pass raise require rescue return self set source sub super then True true"
    " try unless until use while with yield"
)
_SQL_WORDS = (
    "add all alter and as asc begin between by case cast check column commit constraint create cross database default"
    " delete desc distinct drop else end exists foreign from full group having if in index inner insert into is join"
    " key left like limit not null offset on or order outer primary references returning right rollback select set"
    " table then transaction union unique update values view when where with"
)

_ENDS = [
    (r'"(?:[^"\\\n]|\\.)*"?', String.Double),
    (r"'(?:[^'\\\n]|\\.)*'?", String.Single),
    (r"[0-9][\w.]*", Number),
]
_NAMES = [
    (r"[A-Za-z_$][\w$-]*(?=\()", Name.Function),
    (r"[A-Za-z_$][\w$]*", Name),
    (r"\s+", Text),
    (r"[^\w\s\"'#/@`<-]+|.", Operator),
]


class _Curly(RegexLexer):
    """Languages with braces, and comments after two slashes."""

    tokens: ClassVar = {
        "root": [
            (r"//.*|/\*(?:[^*]|\*(?!/))*(?:\*/)?", Comment),
            (r"`(?:[^`\\]|\\[\s\S])*`?", String),
            (r"[@#]\w+", Name.Decorator),
            (words(_CURLY_WORDS.split(), suffix=r"\b"), Keyword),
            *_ENDS,
            *_NAMES,
        ]
    }


class _Hash(RegexLexer):
    """Languages with comments after a hash."""

    tokens: ClassVar = {
        "root": [
            (r"#.*", Comment),
            (r'"""(?:[^"]|"(?!""))*(?:""")?', String.Doc),
            (r"'''(?:[^']|'(?!''))*(?:''')?", String.Doc),
            (r"@\w+|\$\{?\w+\}?", Name.Decorator),
            (words(_HASH_WORDS.split(), suffix=r"\b"), Keyword),
            *_ENDS,
            *_NAMES,
        ]
    }


class _Sql(RegexLexer):
    """SQL, whose words are written in any case."""

    flags = re.IGNORECASE
    tokens: ClassVar = {
        "root": [
            (r"--.*", Comment),
            (words(_SQL_WORDS.split(), suffix=r"\b"), Keyword),
            *_ENDS,
            *_NAMES,
        ]
    }


class _Tags(RegexLexer):
    """Languages of tags."""

    tokens: ClassVar = {
        "root": [
            (r"<!--(?:[^-]|-(?!->))*(?:-->)?", Comment),
            (r"</?[A-Za-z!?][\w:-]*", Name.Tag, "tag"),
            (r"&\w+;", Name.Entity),
            (r"[^<&]+|.", Text),
        ],
        "tag": [
            (r"/?>", Name.Tag, "#pop"),
            (r"[\w:-]+", Name.Attribute),
            (r"\"[^\"]*\"?|'[^']*'?", String),
            (r"\s+|.", Text),
        ],
    }


_FAMILIES: Mapping[type[RegexLexer], str] = {
    _Curly: "c c# c++ cc cpp cs csharp css dart go golang graphql h hpp java javascript js json jsonc jsx kotlin kt"
    " less objective-c objc php proto rs rust scala scss swift ts tsx typescript zig",
    _Hash: "bash conf console dockerfile docker elixir fish ini julia make makefile nix perl pl powershell ps1 py"
    " python python3 r rb ruby sh shell tcl terraform toml yaml yml zsh",
    _Sql: "ada haskell hs lua mysql pgsql plsql postgres postgresql sql sqlite",
    _Tags: "htm html svg svelte vue xhtml xml",
}
_LEXERS = {name: family(stripnl=False, ensurenl=False) for family, names in _FAMILIES.items() for name in names.split()}


def coloured(code: str, language: str) -> str:
    """The HTML of `code`; plain, where the `language` is none that is known."""
    lexer = _LEXERS.get(language.lower())
    return highlight(code, lexer, _FORMATTER) if lexer else escapeHtml(code)
