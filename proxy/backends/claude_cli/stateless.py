"""A turn that leaves no trace: the worker gets the whole API body, answers, and is clean again.

    set_model              the system prompt, where it is another one than the worker has
    apply_flag_settings    the body: messages, tools and the rest, merged into the CLI's own request
    a user line            "." asks; the API never sees it, since `messages` of the body replaces it
    rewind_conversation    takes "." back

The CLI runs with `--max-turns=1`: after a tool call it asks the API nothing more, and ends its turn.
"""

import time
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

from proxy.backends.claude_cli.body import TurnBody
from proxy.backends.claude_cli.codec import encode_user
from proxy.backends.claude_cli.flags import body_flags
from proxy.backends.claude_cli.relay import CliTurn
from proxy.backends.claude_cli.session import OnReply
from proxy.backends.claude_cli.thinking_cache import ThinkingCache
from proxy.backends.claude_cli.tools import Naming
from proxy.backends.claude_cli.turn import TurnMachine
from proxy.backends.claude_cli.warming import note_alias, tell_system
from proxy.core.contracts import Target
from proxy.core.request import Caller, Tool

_PROMPT = ({"type": "text", "text": "."},)


class StatelessTurn(CliTurn):
    """A turn whose `body` is the whole request."""

    def with_body(self, body: TurnBody, caller: Caller, thinking: ThinkingCache, naming: Naming) -> "StatelessTurn":
        """Set what the turn sends, and where the thinking of its answer is kept for `caller`."""
        self._body, self._caller, self._thinking, self._naming = body, caller, thinking, naming
        return self

    async def _ask(self, on_told: OnReply) -> None:
        session, lease, setup, target = self._session, self._lease, self._job.setup, self._job.target
        if not lease.told and not session.warmed:

            def learn(reply: Mapping[str, Any]) -> None:
                note_alias(session, reply)
                on_told(reply)

            session.ask("initialize", learn, systemPrompt=[setup.system] if setup.system else [])
        elif setup.system and setup.system != lease.system:
            tell_system(session, setup.system)
        lease.tell(setup)
        session.set(body_flags(target, self._body.json))
        self._prompt = str(uuid4())
        self._turns = (self._prompt,)
        session.meter.begin()
        session.write(encode_user(self._prompt, _PROMPT, ask=True))
        self._machine = TurnMachine(
            time,
            load_ns=round((time.monotonic() - self._opened) * 1e9),
            show_thinking=target.thinking.shown,
            tools=_names(target, self._naming),
            one_request=True,
        )

    def close(self) -> None:
        """Stop watching the deadlines, and keep the thinking of a whole answer."""
        self._watch.close()
        machine = self._machine
        if machine is not None:
            self._bill.make(machine, whole=machine.ended and not self._cut)
            if machine.answer is not None and self._wanted:
                self._thinking.keep(self._caller, self._body.prefix, machine.given.blocks)
        self._lease.turns = ()


def _names(target: Target, naming: Naming) -> Mapping[str, str]:
    """The client's names of the tools, by the API's."""
    tools: Sequence[Tool] = target.tools
    return {naming.api_name(tool.name): tool.name for tool in tools}
