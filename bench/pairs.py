"""First tokens of the daemon, each beside its reference's."""

from dataclasses import dataclass, field

from bench.bare import Answer
from bench.children import Failed
from bench.report import Bound, Row, Samples


@dataclass(slots=True)
class Pair:
    """Milliseconds of the daemon, and of its reference beside it."""

    mine: Samples = field(default_factory=list)
    bare: Samples = field(default_factory=list)

    def note(self, answer: Answer, other: Answer) -> None:
        """Take in two answers to the same. Raises `Failed` where they are not the same."""
        if answer.text != other.text:
            raise Failed(f"the answers differ: {answer.text!r:.100} and {other.text!r:.100}")
        self.mine.append(answer.first_token * 1000)
        self.bare.append(other.first_token * 1000)

    def row(self, what: str, reference: str, bound: Bound | None = None) -> Row:
        """The row of `what`, whose ratio is the pairs'."""
        return Row(f"first token: {what}", "ms", self.mine, reference, self.bare, bound, paired=True)
