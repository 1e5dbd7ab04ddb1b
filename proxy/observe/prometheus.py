"""What is counted, in the text format of Prometheus, by its own library."""

from collections.abc import Iterator, Mapping

from prometheus_client import CollectorRegistry, Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

from proxy.observe.metrics import Metrics
from proxy.observe.series import BOUNDS, Histogram

MEDIA_TYPE = CONTENT_TYPE_PLAIN_0_0_4

_PREFIX = "claude_ollama_"
_LABELS = ("model", "dialect")


def exposition(metrics: Metrics, levels: Mapping[str, float]) -> bytes:
    """The page that a Prometheus server reads: `metrics`, and how high things stand now."""
    registry = CollectorRegistry()
    registry.register(_Collected(metrics, levels))
    return generate_latest(registry)


class _Collected:
    def __init__(self, metrics: Metrics, levels: Mapping[str, float]) -> None:
        self._metrics = metrics
        self._levels = levels

    def collect(self) -> Iterator[Metric]:
        started = GaugeMetricFamily(f"{_PREFIX}start_time_seconds", "When the daemon began to count, in Unix time.")
        started.add_metric((), self._metrics.began)
        yield started
        for name, level in self._levels.items():
            gauge = GaugeMetricFamily(f"{_PREFIX}{name}", f"{name.replace('_', ' ')}, now.")
            gauge.add_metric((), level)
            yield gauge
        yield self._answers()
        yield from self._by_label()

    def _answers(self) -> Metric:
        family = CounterMetricFamily(
            f"{_PREFIX}http_requests", "All requests, whatever they ask.", labels=("dialect", "status")
        )
        for (dialect, status), count in self._metrics.answers.items():
            family.add_metric((dialect, str(status)), count)
        return family

    def _by_label(self) -> Iterator[Metric]:
        counters = {
            "requests": CounterMetricFamily(f"{_PREFIX}requests", "Requests that ask a model.", labels=_LABELS),
            "prompt_tokens": CounterMetricFamily(f"{_PREFIX}prompt_tokens", "Tokens of prompts.", labels=_LABELS),
            "output_tokens": CounterMetricFamily(f"{_PREFIX}output_tokens", "Tokens of answers.", labels=_LABELS),
            "dollars": CounterMetricFamily(f"{_PREFIX}dollars", "US dollars, as the CLI tells.", labels=_LABELS),
        }
        errors = CounterMetricFamily(f"{_PREFIX}errors", "Requests that failed, by kind.", labels=(*_LABELS, "kind"))
        first = HistogramMetricFamily(f"{_PREFIX}first_token_seconds", "Time to the first token.", labels=_LABELS)
        total = HistogramMetricFamily(f"{_PREFIX}request_seconds", "Time to the end of the answer.", labels=_LABELS)
        for label, tally in self._metrics.tallies.items():
            for name, counter in counters.items():
                # What was counted too much is put right later, and a counter must not fall.
                counter.add_metric(label, max(0, getattr(tally, name)))
            for kind, count in tally.errors.items():
                errors.add_metric((*label, kind), count)
            first.add_metric(label, _buckets(tally.first_token), tally.first_token.seconds)
            total.add_metric(label, _buckets(tally.total), tally.total.seconds)
        yield from (*counters.values(), errors, first, total)


def _buckets(histogram: Histogram) -> list[tuple[str, float]]:
    reached, buckets = 0, []
    for bound, count in zip((*map(str, BOUNDS), "+Inf"), histogram.counts, strict=True):
        reached += count
        buckets.append((bound, float(reached)))
    return buckets
