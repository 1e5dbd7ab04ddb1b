"""What each request asks, what goes wrong with it, and how it may end."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

from tests.support.asking import PATHS

LEFT = "left"
"""The client went away."""

ANSWER = "answer"
"""The whole answer came, and nothing else."""

ERROR = "error"
"""The stream ended in its dialect's error."""

STAGES = ("connected", "head", "body", "asked", "first bytes")
"""When a client goes away."""


@dataclass(frozen=True, slots=True)
class Fault:
    """`prompt` brings it about. The answer is of `status` where that is not 200; else `streamed` is how a stream ends,
    and `whole` the status of an answer that is not streamed."""

    prompt: str
    status: int = 200
    streamed: str = ERROR
    whole: int = 500

    def ends(self, stream: bool) -> str:
        """How a request ends."""
        if self.status != 200:
            return str(self.status)
        if self.streamed == ANSWER:
            return ANSWER
        return self.streamed if stream else str(self.whole)


def _borne(prompt: str) -> Fault:
    return Fault(prompt, streamed=ANSWER)


FAKE_GOOD = ("[fake: answer] {}", "[fake: many 40] {}", "[fake: bytewise] {}")
FAKE_FAULTS = (
    *(Fault(f"[fake: {word}] {{}}", 500) for word in ("crash", "nothing", "lost_delta", "early_end")),
    *(
        Fault(f"[fake: {word}] {{}}")
        for word in ("crash 2", "killed", "half_line", "garbage", "no_end", "nonsense", "grandchild")
    ),
    Fault("[fake: second_start] {}", whole=502),
    *(
        _borne(f"[fake: {word}] {{}}")
        for word in ("unknown", "not_utf8", "surrogate", "two_results", "afterwards", "no_result", "goes_on end_turn")
    ),
    _borne("[fake: flood 300000] {}"),
    _borne("[fake: big_line 3000000] {}"),
    *(Fault(f"[fake: api_error {status}] {{}}", status) for status in (400, 404, 413, 429, 529)),
    *(Fault(f"[fake: {word}] {{}}", whole=504) for word in ("hang 2", "stubborn 1")),
    Fault("[fake: hang] {}", 504),
)

REAL_GOOD = ("echo: {}", "count to 5 for {}", "[simulate: words 30] {}")
REAL_FAULTS = (
    *(
        Fault(f"[simulate: status={status}] {{}}", told)
        for status, told in ((400, 400), (401, 401), (403, 401), (404, 404), (413, 413), (429, 429))
    ),
    *(Fault(f"[simulate: status={status}] {{}}", told) for status, told in ((500, 502), (503, 503), (529, 529))),
    Fault("[simulate: error after=3] {}", whole=529),
    Fault("[simulate: cut after=3 rate=50] {}", whole=502),
    Fault("[simulate: duplicate_start after=3] {}", whole=502),
    Fault("[simulate: hang] {}", 504),
    Fault("[simulate: hang after=2] {}", whole=504),
    _borne("[simulate: refusal] {}"),
    _borne("[simulate: max_tokens] {}"),
    _borne("[simulate: cut after=0 times=1] {}"),
)


@dataclass(frozen=True, slots=True)
class Plan:
    """One request: how it is asked, at which stage its client goes away, if it does, and how it `ends`."""

    dialect: str
    prompt: str
    stream: bool
    ends: str = ANSWER
    leaves: str | None = None


def make_plans(count: int, seed: int, good: Sequence[str], faults: Sequence[Fault]) -> list[Plan]:
    """`count` plans, of which a third has a fault: of the CLI or the API mostly, of the client at times."""
    chance = random.Random(seed)
    return [_plan(chance, number, good, faults) for number in range(count)]


def _plan(chance: random.Random, number: int, good: Sequence[str], faults: Sequence[Fault]) -> Plan:
    name = f"request-{number}"
    plan = Plan(chance.choice(list(PATHS)), chance.choice(good).format(name), chance.random() < 0.7)
    kind = chance.random()
    if kind < 2 / 3:
        return plan
    if kind < 0.9:
        fault = chance.choice(faults)
        return replace(plan, prompt=fault.prompt.format(name), ends=fault.ends(plan.stream))
    return replace(plan, leaves=chance.choice(STAGES), ends=LEFT)
