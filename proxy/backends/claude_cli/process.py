"""Spawn, pump, stop: the only file that touches a child process.

A child has a session of its own, so that its whole group can be ended; its stderr is always drained into a small ring;
its stdout is read as fast as somebody takes the lines, and no faster: when nobody does, the pipe fills and the child
waits. On Linux the kernel kills it when this daemon dies, however it dies.
"""

import asyncio
import contextlib
import ctypes
import os
import signal
import sys
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import anyio

from proxy.core.errors import BackendFailed
from proxy.core.framing import LineFramer, LineTooLong

_INBOX_LIMIT = 1 << 20
# Bytes of lines that nobody took yet, after which the child's stdout is left unread.

_END_PATIENCE = 0.2
# Seconds without any output after the child's exit, after which its stdout counts as ended.

_STDERR_LINES = 20
_STDERR_LINE = 400
# The ring that errors quote: enough for a stack trace's head, never a flood.


@dataclass(frozen=True, slots=True)
class StopTimes:
    """How long, in seconds, each rung of the stop ladder waits: after closing stdin, after SIGTERM, after SIGKILL."""

    eof: float
    term: float
    kill: float


class ProcessGone(BackendFailed):
    """The child has exited, or closed its output: it takes nothing more and says nothing more."""


class CliProcess:
    """A running child that speaks lines. Made by `spawn`; ended by `stop`, which is the caller's duty."""

    def __init__(self, transport: asyncio.SubprocessTransport, pipes: "_Pipes") -> None:
        self._transport = transport
        self._pipes = pipes
        self.pid = transport.get_pid()

    @classmethod
    async def spawn(
        cls,
        argv: Sequence[str],
        *,
        environment: Mapping[str, str],
        folder: Path,
        max_line: int,
        secret: tuple[str, str] = ("", ""),
    ) -> "CliProcess":
        """Start `argv` in `folder`. Of a `secret`, the name of a variable and a short text, the child's environment has
        the number of a descriptor alone, from which it reads the text, once.

        Raises `BackendFailed` when the program cannot be started.
        """
        loop = asyncio.get_running_loop()
        variable, text = secret
        try:
            with _readable(text) as descriptors:
                named = {variable: str(descriptors[0])} if descriptors else {}
                transport, pipes = await loop.subprocess_exec(
                    lambda: _Pipes(max_line),
                    *argv,
                    env={**environment, **named},
                    cwd=folder,
                    pass_fds=descriptors,
                    start_new_session=True,
                    preexec_fn=partial(_die_with_parent, os.getpid()) if sys.platform == "linux" else None,
                )
        except OSError as error:
            raise BackendFailed(f"the Claude CLI cannot be started: {error.strerror or error}") from error
        return cls(transport, pipes)

    def on_exit(self, callback: Callable[[], None]) -> None:
        """Call `callback` once, when the child has exited."""
        if self.running:
            self._pipes.exit_callback = callback
        else:
            callback()

    @property
    def running(self) -> bool:
        """The child has not exited yet, as far as the kernel has told."""
        return not self._pipes.exited.is_set()

    def write(self, data: bytes) -> None:
        """Hand `data` to the child's stdin; what it does not take yet waits in memory. Raises `ProcessGone`."""
        stdin = self._transport.get_pipe_transport(0)
        if stdin is None or stdin.is_closing():
            raise self._gone()
        stdin.write(data)  # type: ignore[attr-defined]

    @property
    def ready(self) -> bool:
        """Lines have arrived: `receive` returns without waiting."""
        return bool(self._pipes.inbox)

    async def receive(self) -> list[bytes]:
        """The lines that have arrived, at least one. Raises `BackendFailed` when no more will come."""
        pipes = self._pipes
        while not pipes.inbox:
            if pipes.fault is not None:
                raise BackendFailed(pipes.fault, should_retry=False)
            if pipes.ended:
                # The exit is only a moment away, and the last words with it; so the error can tell of both.
                with anyio.move_on_after(1):
                    await pipes.exited.wait()
                    await pipes.silent.wait()
                raise self._gone()
            await pipes.wait()
        return pipes.take()

    def fail_wait(self, error: Exception) -> None:
        """Make whoever waits in `receive` now raise `error`; without anyone nothing happens."""
        self._pipes.fail_wait(error)

    @property
    def stderr(self) -> str:
        """The last lines that the child wrote to stderr."""
        return self._pipes.stderr_text()

    def _gone(self) -> ProcessGone:
        code = self._transport.get_returncode()
        how = "closed its output" if code is None else f"was ended by {_signal_name(-code)}" if code < 0 else ""
        said = f"; it said: {self.stderr}" if self.stderr else ""
        return ProcessGone(f"the Claude CLI {how or f'exited with code {code}'}{said}", should_retry=False)

    async def wait(self) -> None:
        """Wait until the child has exited; a grandchild that holds its pipes does not matter."""
        await self._pipes.exited.wait()

    async def stop(self, times: StopTimes, *, idle: bool) -> None:
        """End the child and its whole group, within the sum of `times`.

        An `idle` child ends by itself when its stdin closes; one in the middle of a turn would finish it first.
        """
        with anyio.CancelScope(shield=True):
            stdin = self._transport.get_pipe_transport(0)
            if isinstance(stdin, asyncio.WriteTransport) and not stdin.is_closing():
                stdin.abort()
            for number, patience in ((None, times.eof if idle else 0), (signal.SIGTERM, times.term)):
                if number is not None:
                    self._signal(number)
                with anyio.move_on_after(patience):
                    await self.wait()
                if not self.running:
                    break
            # Also when the child has gone: its group may have others.
            self._signal(signal.SIGKILL)
            with anyio.move_on_after(times.kill):
                await self.wait()
            self._transport.close()

    def end(self) -> None:
        """Send SIGKILL to the child's group, without waiting: what it would do next does not happen."""
        self._signal(signal.SIGKILL)

    async def kill(self, times: StopTimes) -> None:
        """End the child and its group at once."""
        with anyio.CancelScope(shield=True):
            self.end()
            with anyio.move_on_after(times.kill):
                await self.wait()
            self._transport.close()

    def _signal(self, number: signal.Signals) -> None:
        # The child leads its group, so its pid names the group.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)


class _Pipes(asyncio.SubprocessProtocol):
    """What the event loop tells of the child: data, ends of pipes, the exit."""

    def __init__(self, max_line: int) -> None:
        self._framer = LineFramer(max_line)
        self.inbox: list[bytes] = []
        self._inbox_size = 0
        self._reads = 0
        self.paused = False
        self.ended = False
        self.fault: str | None = None
        self.exited = anyio.Event()
        self.silent = anyio.Event()
        self.exit_callback: Callable[[], None] | None = None
        self._transport: asyncio.SubprocessTransport | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._stderr: deque[bytes] = deque(maxlen=_STDERR_LINES)
        self._stderr_rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.SubprocessTransport)
        self._transport = transport

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        if fd == 2:
            self._keep_stderr(data)
            return
        self._reads += 1
        if self.fault is not None:
            return
        try:
            lines = self._framer.feed(data)
        except LineTooLong as error:
            self.fault = f"the Claude CLI wrote {error}"
            self._wake()
            return
        if lines:
            self.inbox.extend(lines)
            self._inbox_size += sum(map(len, lines))
            if self._inbox_size > _INBOX_LIMIT and not self.paused:
                self.paused = True
                self._stdout().pause_reading()
            self._wake()

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        if fd == 1:
            self.ended = True
            self._wake()
        elif fd == 2:
            self.silent.set()

    def process_exited(self) -> None:
        self.exited.set()
        if self.exit_callback is not None:
            self.exit_callback()
        self._await_end()

    def _await_end(self) -> None:
        # A grandchild may hold stdout open, so that its end never comes.
        asyncio.get_running_loop().call_later(_END_PATIENCE, self._end, self._reads)

    def _end(self, reads: int) -> None:
        if self.paused:
            return  # what the child said before it went is still in the pipe
        if self._reads != reads:
            self._await_end()
            return
        self.ended = True
        self._wake()

    def take(self) -> list[bytes]:
        lines, self.inbox, self._inbox_size = self.inbox, [], 0
        if self.paused:
            self.paused = False
            self._stdout().resume_reading()
            if self.exited.is_set():
                self._await_end()
        return lines

    def _stdout(self) -> asyncio.ReadTransport:
        assert self._transport is not None
        stdout = self._transport.get_pipe_transport(1)
        assert isinstance(stdout, asyncio.ReadTransport)
        return stdout

    async def wait(self) -> None:
        """Wait for the next thing to happen; one reader at a time."""
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def fail_wait(self, error: Exception) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(error)

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _keep_stderr(self, data: bytes) -> None:
        *lines, rest = (self._stderr_rest + data).split(b"\n")
        self._stderr.extend(line[:_STDERR_LINE] for line in lines if line.strip())
        self._stderr_rest = rest[:_STDERR_LINE]

    def stderr_text(self) -> str:
        lines = [*self._stderr, self._stderr_rest] if self._stderr_rest.strip() else list(self._stderr)
        return " | ".join(line.decode("utf-8", "replace").strip() for line in lines)


@contextlib.contextmanager
def _readable(text: str) -> Iterator[tuple[int, ...]]:
    """A descriptor that `text`, which a pipe has to hold, is read from; none for no text. Raises OSError."""
    if not text:
        yield ()
        return
    reading, writing = os.pipe()
    try:
        os.write(writing, text.encode())
        os.close(writing)
        yield (reading,)
    finally:
        os.close(reading)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


if sys.platform == "linux":
    _prctl = ctypes.CDLL(None, use_errno=True).prctl
    _PR_SET_PDEATHSIG = 1

    def _die_with_parent(parent: int) -> None:
        # Runs between fork and exec, so it does nothing but these system calls.
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)
else:

    def _die_with_parent(parent: int) -> None: ...
