"""A boot takes most of a core for a while: it has to wait until no request waits for its first token."""

import pytest

from tests.conftest import MakeDaemon
from tests.lifecycle.test_clients_that_go_away import raw_request
from tests.support.running import Running


def states(running: Running) -> list[str]:
    return sorted(view.state.value for view in running.daemon.pool.processes)


@pytest.mark.line_by_line
def test_the_spare_that_a_request_takes_is_replaced_once_the_request_has_its_first_token(make_fake: MakeDaemon) -> None:
    running = make_fake(settings={"spares": "1", "max_conversations": "0"})
    running.until_idle()
    # A setup of its own takes a spare.
    messages = [{"role": "system", "content": "Be slow."}, {"role": "user", "content": "[fake: hang]"}]
    with raw_request(running, "/api/chat", {"model": "sonnet", "messages": messages}):
        running.until(lambda: "leased" in states(running), "leased")
        # A boot that began with the lease would be there as well.
        assert not {"booting", "spare"} & set(states(running))
    running.until(lambda: "spare" in states(running), "replaced")
    messages[1]["content"] = "[fake: hang 1]"
    with raw_request(running, "/api/chat", {"model": "sonnet", "messages": messages}) as client:
        assert client.recv(1)
        running.until(lambda: {"leased", "spare"} <= set(states(running)), "replaced beside an answer")
