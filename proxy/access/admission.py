"""Whether a request may begin now. Pure, but for the clock and the counts that it is given."""

import math
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from proxy.access.keyring import Keyring
from proxy.access.keys import Identity, KeyLimits
from proxy.access.ledger import Ledger
from proxy.access.usage import Use
from proxy.core.contracts import Spent
from proxy.core.errors import QUEUE_FULL, Busy, Fault, InvalidRequest, LimitReached, NotLoggedIn
from proxy.core.request import Caller

_SOON = 1
# Seconds after which a caller may try again whose own requests are in the way.

REVOKED = "this API key is not valid any more"


class Admission:
    """Lets requests in, within the limits of their caller's key and of the whole daemon, and counts what they use.

    `max_requests` may run or wait at once, `max_dollars` be spent in a day of UTC; None for no limit. A limit of tokens
    or dollars is looked at when a request begins, with the prompts of those that run: what their answers use beyond
    that is not foreseen.
    """

    def __init__(
        self,
        keyring: Keyring | None = None,
        ledger: Ledger | None = None,
        *,
        max_requests: int | None = None,
        max_dollars: float | None = None,
    ) -> None:
        self.keyring = keyring or Keyring()
        self.ledger = ledger or Ledger()
        self.max_requests = max_requests
        self.max_dollars = max_dollars
        self._running: Counter[str] = Counter()
        self._expected: Counter[str] = Counter()

    def identity(self, caller: Caller) -> Identity:
        """Who a caller is. Raises `NotLoggedIn` when the key is revoked, or another one is needed now."""
        key = self.keyring.find(caller.name)
        if key is None and self.keyring.required:
            raise NotLoggedIn(REVOKED, fault="client", should_retry=False)
        return Identity(key)

    def permit(self, caller: Caller, model: str) -> None:
        """Raise `InvalidRequest` (403) unless a caller may use the model of that name, and `NotLoggedIn`."""
        if not self.identity(caller).may_use(model):
            raise InvalidRequest(f"this API key may not use model '{model}'", status=403, should_retry=False)

    def running(self, caller: Caller) -> int:
        """Requests of a caller that are open now."""
        return self._running[caller.name]

    @contextmanager
    def admitted(self, caller: Caller, count: Callable[[], int]) -> Iterator[None]:
        """A request of a caller; `count` tells about how many tokens its prompt has, where that matters.

        Raises `LimitReached`, `Busy`, and `NotLoggedIn`.
        """
        name, tokens = caller.name, self._let_in(caller, count)
        self._running[name] += 1
        self._expected[name] += tokens
        self.ledger.add(name, Use(requests=1))
        try:
            yield
        finally:
            self._running[name] -= 1
            self._expected[name] -= tokens
            if not self._running[name]:
                del self._running[name], self._expected[name]

    def spent(self, caller: Caller, spent: Spent) -> None:
        """Count what a request has used."""
        tokens = spent.usage.prompt_tokens + spent.usage.output_tokens
        self.ledger.add(caller.name, Use(tokens=tokens, dollars=spent.dollars))

    def _let_in(self, caller: Caller, count: Callable[[], int]) -> int:
        """Raise unless a request may begin; the tokens to expect of it, 0 where they are not limited."""
        key = self.identity(caller).key
        if self.max_requests is not None and self._running.total() >= self.max_requests:
            raise Busy(QUEUE_FULL)
        if self.max_dollars is not None and self.ledger.total().dollars >= self.max_dollars:
            text = f"this server's limit of {self.max_dollars:g} US dollars a day is reached"
            raise self._until_tomorrow(text, "operator")
        if key is None:
            return 0
        limits = key.limits
        if limits.at_once is not None and self._running[caller.name] >= limits.at_once:
            text = f"this API key may have {_count(limits.at_once, 'request')} at once"
            raise LimitReached(text, fault="client", retry_after=_SOON)
        tokens = 0 if limits.tokens is None else count()
        if reached := _reached(limits, self.ledger.of(caller.name), self._expected[caller.name], tokens):
            raise self._until_tomorrow(f"this API key's limit of {reached} a day is reached", "client")
        return tokens

    def _until_tomorrow(self, text: str, fault: Fault) -> LimitReached:
        seconds = until_tomorrow(self.ledger.now())
        return LimitReached(
            f"{text}; it starts anew at 00:00 UTC", fault=fault, retry_after=seconds, should_retry=False
        )


def until_tomorrow(now: datetime) -> int:
    """The seconds until the next day of UTC begins, at least 1."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    return max(1, math.ceil((midnight - now).total_seconds()))


def _reached(limits: KeyLimits, used: Use, expected: int, tokens: int) -> str:
    """The limit that is reached, in words; empty if none is. `expected` are the tokens of requests that run.

    A request that alone is longer than what is left of the tokens may still begin, if nothing else runs: an estimate
    must not keep out what would have fitted.
    """
    if limits.requests is not None and used.requests >= limits.requests:
        return _count(limits.requests, "request")
    if limits.tokens is not None:
        left = limits.tokens - used.tokens
        if left <= 0 or (expected and expected + tokens > left):
            return _count(limits.tokens, "token")
    if limits.dollars is not None and used.dollars >= limits.dollars:
        return f"{limits.dollars:g} US dollars"
    return ""


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
