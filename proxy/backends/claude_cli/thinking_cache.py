"""Answers that hold thinking, as the API gave them, for as long as there is room: what clients do not send back.

A thinking block is valid only behind exactly the prefix that it was given to. So an answer is found by its caller and
the digest of that prefix, and by nothing else.
"""

from collections import OrderedDict

from proxy.backends.claude_cli.body import Blocks
from proxy.backends.claude_cli.replay import thinks
from proxy.core.request import Caller

# Of the answers that are kept, in characters; beyond it the longest unused one goes.
MOST_CHARACTERS = 32 << 20

Key = tuple[Caller, bytes]


class ThinkingCache:
    """Keeps answers of at most `most` characters together."""

    def __init__(self, most: int = MOST_CHARACTERS) -> None:
        self._most = most
        self._size = 0
        self._answers: OrderedDict[Key, tuple[Blocks, int]] = OrderedDict()

    def keep(self, caller: Caller, prefix: bytes, blocks: Blocks) -> None:
        """Keep the answer of `blocks` to `prefix`, if a client would not send it back as it is."""
        if not thinks(blocks):
            return
        size = len(str(blocks))
        self._forget((caller, prefix))
        if size > self._most:
            return
        self._answers[caller, prefix] = blocks, size
        self._size += size
        while self._size > self._most:
            self._forget(next(iter(self._answers)))

    def recall(self, caller: Caller, prefix: bytes) -> Blocks | None:
        """The answer to `prefix`, None where it is not known."""
        found = self._answers.get((caller, prefix))
        if found is None:
            return None
        self._answers.move_to_end((caller, prefix))
        return found[0]

    def _forget(self, key: Key) -> None:
        if (answer := self._answers.pop(key, None)) is not None:
            self._size -= answer[1]
