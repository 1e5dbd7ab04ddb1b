"""Questions about what a prompt could make the CLI do on this machine."""

import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from proxy.backends.claude_cli.probing.question import Answer, Question
from proxy.backends.claude_cli.probing.subject import CheckFailed, Subject, user
from proxy.core.errors import ServerError

_COMMANDS = ("/cost", "/clear")

_UNSAFE = "nothing is served, since a chat could {}: update the Claude CLI, or give the path of another one with --cli"


async def _slash(subject: Subject) -> Answer:
    for command in _COMMANDS:
        try:
            sent = await subject.ask(user(command))
        except CheckFailed as error:
            raise CheckFailed(f"{command} in a chat is not sent to the model, but run") from error
        if sent.texts[-1] != command:
            raise CheckFailed(f"{command} in a chat arrives as {sent.texts[-1]!r:.80}")
    try:
        await subject.ask(user("Probe: after a slash."))
    except (CheckFailed, ServerError) as error:
        raise CheckFailed(f"after {command} in a chat the next prompt does not work") from error
    return Answer(f"{' and '.join(_COMMANDS)} are sent as they are, and not run")


async def _mentions(subject: Subject) -> Answer:
    with _secret_file() as (path, secret):
        prompt = f"Probe: see @{path} please."
        sent = await subject.ask(user(prompt))
    if secret in str(sent.body):
        raise CheckFailed("the contents of a file that a chat mentions with an @ are sent")
    if sent.texts[-1] != prompt:
        raise CheckFailed(f"a chat that mentions a file arrives as {sent.texts[-1]!r:.80}")
    return Answer("a file that a chat mentions with an @ is not read")


@contextmanager
def _secret_file() -> Iterator[tuple[Path, str]]:
    """A file that holds a secret, for as long as it is asked for."""
    secret = secrets.token_hex(16)
    with tempfile.TemporaryDirectory(prefix="claude-ollama-probe-") as folder:
        path = Path(folder) / "secret.txt"
        path.write_text(f"the secret is {secret}\n")
        yield path, secret


PROMPTS = (
    Question(
        "slash",
        "Is a prompt that begins with a slash sent as it is?",
        _UNSAFE.format("run the CLI's commands"),
        _slash,
        needed=True,
    ),
    Question(
        "mentions",
        "Are files that a prompt mentions left alone?",
        _UNSAFE.format("read the files of this machine"),
        _mentions,
        needed=True,
    ),
)
