"""Answers of the chat service, byte by byte."""

import json
from typing import Any

import pytest

from proxy.core.errors import ServerError
from proxy.core.events import Finished, FinishReason, Started, TextDelta, ThinkingDelta, Timings, Usage
from proxy.core.reply import Reply
from proxy.core.resources import Cpu, Gpu, Gpus, HostReading, ProcessReading, Ram, Use
from proxy.wire.chat import MessageAnswer, PromptStream, SimpleAnswer, error_body
from proxy.wire.chat.metrics import bottleneck, efficiency, metrics

GB, MB = 1 << 30, 1 << 20
NONE = Gpus(problem="there is no GPU")
TIMINGS = Timings(load=20_000_000, prompt=500_000_000, eval=2_000_000_000, total=2_520_000_000)
FINISHED = Finished("stop", Usage(30, 50, 10, 10), TIMINGS)


def host(used: float = 4, gpus: Gpus = NONE, busy: float = 10, total: float = 100) -> HostReading:
    ram = Ram(16 * GB, int(used * GB), int((16 - used) * GB), used / 16 * 100)
    return HostReading(gpus, ram, Cpu(busy, total))


def card(used: float, utilization: float, index: int = 0) -> Gpu:
    return Gpu(index, "H100", int(used * GB), 80 * GB, utilization)


def process(cpu: float) -> ProcessReading:
    return ProcessReading(200 * MB, cpu)


USE = Use(
    host(), host(4.25, busy=12, total=108), overlapping=False, process_before=process(1), process_after=process(1.5)
)
BUSY = Use(host(), host(), overlapping=False, process_before=process(1), process_after=process(4))


def answer() -> MessageAnswer:
    return MessageAnswer("sonnet", "a1", lambda: 1_795_000_000_123_456_789, lambda: USE)


def values(data: bytes) -> list[Any]:
    """The data of server-sent events."""
    *events, end = data.decode("ascii").split("\n\n")
    assert end == ""
    texts = [event.removeprefix("data: ") for event in events]
    return [text if text == "[DONE]" else json.loads(text) for text in texts]


def test_a_prompt_is_answered_in_chunks_of_openais_shape() -> None:
    stream = PromptStream("chatcmpl-0123456789ab", 1795000000, "sonnet")
    *chunks, last, done = values(
        stream.encode((Started("claude"), ThinkingDelta("hm"), TextDelta(" Hi\u2028"), TextDelta("\n"), FINISHED))
    )
    envelope = {
        "id": "chatcmpl-0123456789ab",
        "object": "chat.completion.chunk",
        "created": 1795000000,
        "model": "sonnet",
        "system_fingerprint": "fp_ollama",
    }
    deltas = [{"role": "assistant", "content": " Hi\u2028"}, {"content": "\n"}]
    assert chunks == [
        envelope | {"choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": None}]}
        for delta in deltas
    ]
    assert last == envelope | {"choices": [{"index": 0, "delta": {}, "logprobs": None, "finish_reason": "stop"}]}
    assert done == "[DONE]"


def test_a_prompt_whose_answer_is_cut_ends_with_length() -> None:
    stream = PromptStream("chatcmpl-1", 1, "sonnet")
    assert values(stream.encode((Finished("length"),)))[0]["choices"][0]["finish_reason"] == "length"


def test_a_failure_in_a_stream_of_chunks_is_an_error_and_the_end() -> None:
    error, done = values(PromptStream("chatcmpl-1", 1, "sonnet").error(ServerError("no")))
    assert (error["error"]["message"], done) == ("no", "[DONE]")


def test_a_message_is_answered_by_events_in_their_order() -> None:
    told = values(
        answer().encode((Started("claude"), ThinkingDelta("hm"), TextDelta("Hi"), TextDelta(" you"), FINISHED))
    )
    assert told[:5] == [
        {"type": "status", "message": "Initializing request..."},
        {"type": "status", "message": "Processing your request..."},
        {"type": "thinking", "content": "hm"},
        {"type": "content", "content": "Hi"},
        {"type": "content", "content": " you"},
    ]
    assert told[5]["type"] == "metrics"
    assert (told[5]["chat_id"], told[5]["success"], told[6:]) == ("a1", True, ["[DONE]"])


def test_a_failure_in_a_stream_of_events_is_an_error_and_the_end() -> None:
    assert values(answer().error(ServerError("no"))) == [{"type": "error", "message": "no"}, "[DONE]"]


def test_an_error_before_the_first_byte_is_no_success() -> None:
    assert json.loads(error_body(ServerError("n\u00f6"))) == {"error": "n\u00f6", "success": False}


def test_a_whole_answer_has_every_metric_in_its_unit() -> None:
    told = json.loads(answer().whole(Reply("claude", "Hi", "hm", FINISHED)))
    ram = {"total_gb": 16.0, "used_gb": 4.0, "available_gb": 12.0, "percent_used": 25.0}
    no_gpu = {"gpus": [], "available": False, "error": "there is no GPU"}
    assert told == {
        "response": "Hi",
        "thinking": "hm",
        "model": "sonnet",
        "created_at": "2026-11-18T11:06:40.123456Z",
        "done": True,
        "done_reason": "stop",
        "total_duration": 2_520_000_000,
        "load_duration": 20_000_000,
        "prompt_eval_duration": 500_000_000,
        "eval_duration": 2_000_000_000,
        "prompt_eval_count": 50,
        "eval_count": 50,
        "total_tokens": 100,
        "tokens_per_second": 25.0,
        "prompt_tokens_per_second": 100.0,
        "total_time_seconds": 2.52,
        "load_time_seconds": 0.02,
        "prompt_eval_time_seconds": 0.5,
        "eval_time_seconds": 2.0,
        "gpu_usage_before": no_gpu,
        "gpu_usage_after": no_gpu,
        "ram_usage_before": ram,
        "ram_usage_after": ram | {"used_gb": 4.25, "available_gb": 11.75, "percent_used": 26.56},
        "resource_delta": {
            "gpu": [],
            "ram": {"memory_delta_gb": 0.25, "percent_delta": 1.56},
            "cpu": {"percent": 25.0},
        },
        "overlapping": False,
        "process": {"memory_mb": 200.0, "memory_delta_mb": 0.0, "cpu_seconds": 0.5},
        "chat_id": "a1",
        "success": True,
    }


def test_gpus_are_told_each_and_what_has_changed() -> None:
    use = Use(host(gpus=Gpus((card(10, 5), card(1, 0, 1)))), host(gpus=Gpus((card(10.5, 65),))), overlapping=True)
    told = metrics(FINISHED, use)
    assert told["gpu_usage_after"] == {
        "gpus": [
            {
                "index": 0,
                "name": "H100",
                "memory_used_mb": 10752.0,
                "memory_total_mb": 81920.0,
                "utilization_percent": 65,
            }
        ],
        "available": True,
    }
    assert told["resource_delta"]["gpu"] == [
        {"gpu_index": 0, "memory_delta_mb": 512.0, "utilization_delta_percent": 60}
    ]
    assert (told["overlapping"], told["process"]) == (True, None)


def test_what_nobody_measured_has_no_rate() -> None:
    told = metrics(Finished("length", Usage(1, 5)), USE)
    assert (told["tokens_per_second"], told["prompt_tokens_per_second"], told["done_reason"]) == (0.0, 0.0, "length")


@pytest.mark.parametrize(("reason", "told"), [("stop", "stop"), ("refusal", "stop"), ("length", "length")])
def test_how_an_answer_ended_has_ollamas_word(reason: FinishReason, told: str) -> None:
    assert metrics(Finished(reason), USE)["done_reason"] == told


def test_a_simple_answer_has_few_metrics() -> None:
    use = Use(host(gpus=Gpus((card(10, 65),))), host(4.5, gpus=Gpus((card(9, 5),))), overlapping=True)
    told = json.loads(SimpleAnswer("sonnet", lambda: use).whole(Reply("claude", "Hi", "", FINISHED)))
    assert told == {
        "response": "Hi",
        "model": "sonnet",
        "tokens_per_second": 25.0,
        "total_tokens": 100,
        "total_time_seconds": 2.52,
        "gpu_data": {
            "memory_delta_mb": -1024.0,
            "utilization_delta_percent": -60.0,
            "peak_memory_mb": 10240.0,
            "peak_utilization_percent": 65.0,
        },
        "ram_data": {"memory_delta_gb": 0.5, "peak_usage_gb": 4.5},
        "bottleneck_type": "balanced",
        "resource_efficiency": 5.56,
        "overlapping": True,
    }


def test_what_has_shrunk_by_next_to_nothing_has_not_changed() -> None:
    use = Use(host(4, Gpus((card(1, 5),))), host(3.9999, Gpus((card(0.999999, 4.999),))), overlapping=False)
    assert "-0.0" not in json.dumps(metrics(FINISHED, use))


@pytest.mark.parametrize(
    ("use", "kind"),
    [
        (Use(host(15), host(1), overlapping=False), "ram"),
        (USE, "upstream"),
        (Use(host(), host(), overlapping=False), "upstream"),
        (BUSY, "balanced"),
        (Use(host(gpus=Gpus((card(75, 0),))), host(gpus=Gpus((card(1, 0),))), overlapping=False), "vram"),
        (Use(host(gpus=Gpus((card(1, 0),))), host(gpus=Gpus((card(1, 95),))), overlapping=False), "gpu_compute"),
        (Use(host(gpus=Gpus((card(1, 0),))), host(gpus=Gpus((card(1, 50),))), overlapping=False), "balanced"),
    ],
)
def test_the_bottleneck_is_found_by_the_rule(use: Use, kind: str) -> None:
    assert bottleneck(FINISHED, use) == kind


def test_efficiency_counts_the_memory_of_what_answered() -> None:
    assert efficiency(FINISHED, USE) == 128.0
    assert efficiency(FINISHED, Use(host(), host(5), overlapping=False)) == 5.0
