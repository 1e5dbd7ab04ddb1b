"""The reference for relaying: read what has come, parse each line, serialise its text anew, send it all.

Run as ``python -m bench.loop PROGRAM``. It prints the port it listens on; each connection sends one line for the
program's stdin and gets the lines of the answer. This is the least that any relay in Python has to do.
"""

import os
import socket
import subprocess
import sys

import orjson

_READ = 1 << 16


def main() -> None:
    """Serve connections one after another, until ended."""
    child = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdin is not None
    assert child.stdout is not None
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(listener.getsockname()[1], flush=True)
        while True:
            connection, _ = listener.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with connection, connection.makefile("rb") as asked:
                child.stdin.write(asked.readline())
                child.stdin.flush()
                relay(child.stdout.fileno(), connection)


def relay(source: int, connection: socket.socket) -> None:
    """One answer, up to its result."""
    rest, ended = b"", False
    while not ended:
        *lines, rest = (rest + os.read(source, _READ)).split(b"\n")
        answer = []
        for line in lines:
            value = orjson.loads(line)
            ended = ended or value["type"] == "result"
            if value["type"] == "stream_event" and value["event"]["type"] == "content_block_delta":
                message = {"role": "assistant", "content": value["event"]["delta"]["text"]}
                chunk = {"model": "sonnet", "message": message, "done": False}
                answer.append(orjson.dumps(chunk, option=orjson.OPT_APPEND_NEWLINE))
        connection.sendall(b"".join(answer))


if __name__ == "__main__":
    main()
