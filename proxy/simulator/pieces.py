"""How text is cut into deltas. Joined, the pieces of a text are the text again, byte for byte."""

import re

# A word with the space before it, a line end, a run of spaces, or one character of anything else. Long words are cut,
# and so are emoji of several code points: the API's tokens respect neither.
_PIECE = re.compile(r" ?\w{1,16}|\n| +|.", re.DOTALL)


def split_text(text: str, words: int = 1) -> list[str]:
    """Cut `text` into deltas of `words` pieces each."""
    pieces = _PIECE.findall(text)
    if words == 1:
        return pieces
    return ["".join(pieces[i : i + words]) for i in range(0, len(pieces), words)]


def split_evenly(text: str, size: int) -> list[str]:
    """Cut `text` into pieces of `size` characters, as the partial JSON of a tool call comes."""
    return [text[i : i + size] for i in range(0, len(text), size)]
