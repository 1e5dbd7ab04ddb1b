"""When the pieces of an answer are due."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pace:
    """`ttft`: seconds to the first byte. `rate`: tokens a second after it; 0 is as fast as possible."""

    ttft: float = 0.0
    rate: float = 0.0

    def override(self, ttft: float | None, rate: float | None) -> "Pace":
        """This pace, but for what a directive sets."""
        return Pace(self.ttft if ttft is None else ttft, self.rate if rate is None else rate)

    def due(self, tokens: float) -> float:
        """Seconds after the first byte at which that many tokens are there."""
        return tokens / self.rate if self.rate > 0 else 0.0
