"""What sees every request from its beginning to its end, and holds up none."""

import time
from collections.abc import Callable, Collection, Mapping

import anyio
import structlog

from proxy.core.contracts import OnSpent, Spent
from proxy.core.request import Caller
from proxy.observe.exchange import CURRENT, Exchange
from proxy.observe.host import Host
from proxy.observe.lines import RECENT, LogLines, bounded
from proxy.observe.metrics import Metrics
from proxy.observe.ring import Ring

log = structlog.get_logger()

_REQUESTS = 500

_LONGEST_PATH = 200
# Characters.

_PAUSE = 5.0
# Seconds between two looks at how high things stand.


class Observer:
    """Counts the requests, keeps the last ones, and looks at the `host` they run on from time to time."""

    def __init__(self, host: Host | None = None, lines: LogLines = RECENT) -> None:
        self.host = host or Host()
        self.lines = lines
        self.metrics = Metrics()
        self.requests: Ring[Exchange] = Ring(_REQUESTS)
        self._open: set[Exchange] = set()

    @property
    def open(self) -> Collection[Exchange]:
        """The requests that run now and are worth telling of, oldest first."""
        return sorted((each for each in self._open if each.told), key=lambda each: each.since)

    def find(self, id: str) -> Exchange | None:
        """The newest request of that id, running or ended, as long as it is remembered."""
        running = (each for each in self.open if each.id == id)
        ended = (each for each in self.requests.newest(_REQUESTS) if each.id == id)
        return next(running, None) or next(ended, None)

    def begun(self, id: str, method: str, path: str, facts: Mapping[str, object]) -> Exchange:
        """A request has come, and is what this task works for."""
        exchange = Exchange(id, method, path[:_LONGEST_PATH], time.time(), time.monotonic(), facts)
        self._open.add(exchange)
        CURRENT.set(exchange)
        return exchange

    def ended(self, exchange: Exchange, *, status: int, ended: str, seconds: float) -> None:
        """A request has ended."""
        self._open.discard(exchange)
        exchange.status, exchange.ended, exchange.seconds = status, ended, seconds
        exchange.facts = {name: bounded(value) for name, value in exchange.facts.items()}
        self.metrics.ended(exchange)
        if exchange.told:
            self.requests.add(exchange)

    def counting(self, on_spent: OnSpent) -> OnSpent:
        """`on_spent`, which hears of everything as before; and what a turn costs is noted with its request."""

        def counted(caller: Caller, spent: Spent) -> None:
            exchange = CURRENT.get()
            if exchange is not None:
                exchange.dollars += spent.dollars
                self.metrics.spent(exchange, spent)
            on_spent(caller, spent)

        return counted

    async def watch(self, levels: Callable[[], Mapping[str, float]]) -> None:
        """Look at `levels` and at the host from time to time, until cancelled."""
        while True:
            told = dict(levels())
            try:
                told |= await self.host.levels()
            except Exception:
                # Whatever a reading may stumble over, nothing but the chart misses it.
                log.exception("host_not_read")
            self.metrics.stand(told)
            await anyio.sleep(_PAUSE)
