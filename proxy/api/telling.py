"""What is told of a running daemon, as JSON can have it. Pure."""

import os
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from proxy.access.keys import Key
from proxy.api.page import Status
from proxy.backends.claude_cli.lease import Member
from proxy.core.resources import ProcessReading
from proxy.observe.exchange import Contents, Exchange
from proxy.observe.host import Look
from proxy.observe.lines import LogLine
from proxy.observe.metrics import Metrics
from proxy.observe.series import Histogram, Label, Series, Step, Tally, merged
from proxy.wire.chat.metrics import gpus, ram

_MIB = 1 << 20

_OWN = frozenset({"model", "answered_by", "key", "client", "unsupported", "error", "fault", "reason", "simulated"})
_COUNTED = ("prompt_tokens", "output_tokens", "load_ms", "first_token_ms", "eval_ms")
# Facts that have a place of their own; others are told as `more`.


def process(member: Member, reading: ProcessReading | None) -> dict[str, Any]:
    """A process of the pool."""
    return {
        "pid": member.pid,
        "state": member.state,
        "state_seconds": round(member.seconds, 1),
        "age_seconds": round(reading.age, 1) if reading else None,
        "memory_mb": round(reading.memory / _MIB, 1) if reading else None,
        "requests": member.requests,
        "conversation": member.model or None,
        "waits_for_results": member.waits,
    }


def host(look: Look) -> dict[str, Any]:
    """The machine."""
    return {
        "ram": ram(look.reading.ram),
        "cpu": {"count": os.cpu_count() or 1, "percent": look.cpu_percent},
        "gpu": gpus(look.reading.gpus),
    }


def daemon(status: Status, metrics: Metrics, now: float) -> dict[str, Any]:
    """The daemon, without its processes and requests. `now` is a monotonic time."""
    return {
        "version": status.version,
        "cli": status.cli,
        "login": status.login,
        "simulated": status.simulated,
        "started_at": stamp(metrics.began),
        "uptime_seconds": round(now - metrics.since, 1),
        "ready": not status.missing,
        "missing": dict(status.missing),
        "running": status.running,
        "waiting": status.waiting,
        "limits": dict(status.limits),
        "unsupported": dict(status.unsupported),
    }


def exchange(one: Exchange, names: Mapping[str, str], now: float) -> dict[str, Any]:
    """A request: what is known of every one. `names` are those of the keys, by their ids; `now` is a
    monotonic time."""
    facts = one.facts
    key = str(facts.get("key", ""))
    told = {
        "id": one.id,
        "began_at": stamp(one.began),
        "method": one.method,
        "path": one.path,
        "dialect": one.dialect,
        "key": key,
        "caller": names.get(key, key),
        "client": facts.get("client", ""),
        "model": one.model,
        "answered_by": facts.get("answered_by", ""),
        "status": one.status or None,
        "running": not one.ended,
        "ended": one.ended or None,
        "failed": one.failed,
        "reason": facts.get("reason"),
        "error": facts.get("error"),
        "fault": facts.get("fault"),
        "unsupported": facts.get("unsupported", []),
        "seconds": round(one.seconds if one.ended else now - one.since, 3),
        "dollars": round(max(0.0, one.dollars), 6),
        **{name: facts.get(name) for name in _COUNTED},
    }
    return told | {"more": {name: facts[name] for name in facts if name not in _OWN and name not in _COUNTED}}


def contents(kept: Contents) -> dict[str, Any]:
    """What was said in a request."""
    return {"messages": list(kept.messages), "text": kept.text, "calls": list(kept.calls), "cut": kept.cut}


def log_line(line: LogLine) -> dict[str, Any]:
    """A line of the log."""
    return {"at": stamp(line.at), "level": line.level, "event": line.event, "fields": dict(line.fields)}


def series(told: Series, wanted: Label) -> dict[str, Any]:
    """The steps of a series, of the `wanted` model and dialect; an empty one stands for all."""
    steps = list(told.steps())
    return {"step_seconds": told.seconds, "points": [_point(step, wanted) for step in steps]}


def tallies(counted: Mapping[Label, Tally]) -> list[dict[str, Any]]:
    """What was counted, by model and dialect."""
    return [{"model": model, "dialect": dialect, **tally(each)} for (model, dialect), each in counted.items()]


def tally(counted: Tally) -> dict[str, Any]:
    """What was counted."""
    return {
        "requests": counted.requests,
        "errors": dict(counted.errors),
        "prompt_tokens": counted.prompt_tokens,
        "output_tokens": counted.output_tokens,
        "dollars": round(max(0.0, counted.dollars), 6),
        "first_token_ms": _quantiles(counted.first_token),
        "total_ms": _quantiles(counted.total),
    }


def key_names(keys: Iterable[Key]) -> Mapping[str, str]:
    """The names of keys, by their ids."""
    return {key.id: key.name for key in keys}


def stamp(seconds: float) -> str:
    """A Unix time, as ISO 8601 has it."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


def _point(step: Step, wanted: Label) -> dict[str, Any]:
    counted = merged(each for label, each in step.tallies.items() if _is_meant(label, wanted))
    return {"at": step.at, **tally(counted), "levels": {name: round(level, 2) for name, level in step.levels.items()}}


def _is_meant(label: Label, wanted: Label) -> bool:
    return all(name in ("", own) for own, name in zip(label, wanted, strict=True))


def _quantiles(histogram: Histogram) -> dict[str, int | None]:
    found = {"p50": histogram.quantile(0.5), "p95": histogram.quantile(0.95)}
    return {name: None if seconds is None else round(seconds * 1000) for name, seconds in found.items()}
