"""What the real CLI tells of its costs, and what of that is counted."""

from proxy.access.usage import Use
from proxy.backends.claude_cli.costs import DEFAULT_PRICE
from proxy.core.events import Usage
from tests.support.chatting import ask, user
from tests.support.running import Running


def used(running: Running) -> Use:
    return running.daemon.engine.admission.ledger.total()


def test_what_the_cli_tells_is_counted_and_learned_as_the_price_of_the_model(live: Running) -> None:
    before = used(live)
    answers = [ask(live, [user(f"what does this cost, {number}?")]).json() for number in range(2)]
    live.until_idle()
    spent = used(live)
    assert spent.requests - before.requests == 2
    prompts, words = (sum(answer[name] for answer in answers) for name in ("prompt_eval_count", "eval_count"))
    assert spent.tokens - before.tokens == prompts + words
    price = live.daemon.backend._prices.estimate(live.last()["model"], Usage(1))
    assert price != DEFAULT_PRICE
    # Between all of the prompt read from the cache and all of it written there.
    for cached, bound in ((0.1, 1), (1.25, -1)):
        assert (spent.dollars - before.dollars) * bound >= (words * 5 + prompts * cached) * price * bound - 1e-9


def test_an_answer_that_its_client_leaves_is_not_free(live: Running) -> None:
    before = used(live)
    with live.client() as client:
        asked = {"model": "sonnet", "messages": [user("[simulate: words 5000 rate=200]")]}
        with client.stream("POST", "/api/chat", json=asked) as answer:
            lines = answer.iter_lines()
            for _ in range(20):
                next(lines)
    live.until_idle()
    spent = used(live)
    assert spent.tokens - before.tokens >= 20
    assert spent.dollars - before.dollars >= 20 * 5e-6


def test_a_round_of_calls_is_counted_once(live: Running) -> None:
    tool = {"type": "function", "function": {"name": "add", "parameters": {"type": "object", "properties": {}}}}
    said = [user("[simulate: tool add {} times=1]")]
    before = used(live)
    first = ask(live, said, tools=[tool]).json()
    assert first["message"]["tool_calls"]
    results = {"role": "tool", "tool_name": "add", "content": "3"}
    second = ask(live, [*said, first["message"], results], tools=[tool]).json()
    live.until_idle()
    spent = used(live)
    counts = sum(answer[name] for answer in (first, second) for name in ("prompt_eval_count", "eval_count"))
    assert (spent.requests - before.requests, spent.tokens - before.tokens) == (2, counts)
    price = live.daemon.backend._prices.estimate(live.last()["model"], Usage(1))
    words = first["eval_count"] + second["eval_count"]
    assert words * 5 * price <= spent.dollars - before.dollars <= (words * 5 + counts * 1.25) * price
