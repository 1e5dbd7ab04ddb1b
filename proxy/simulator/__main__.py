"""Run the simulator alone: ``python -m proxy.simulator --port 8765 --ttft 0.3 --rate 40``. Prints its URL."""

import argparse
import signal
import sys

import anyio

from proxy.simulator.server import serve_simulator


def parse_arguments(arguments: list[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m proxy.simulator", description="A simulated Messages API.")
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1 (default: a free one)")
    parser.add_argument("--ttft", type=float, default=0.0, help="seconds to the first token (default: 0)")
    parser.add_argument("--rate", type=float, default=0.0, help="tokens a second (default: as fast as possible)")
    return parser.parse_args(arguments)


async def run(port: int, ttft: float, rate: float) -> None:
    """Serve until SIGINT or SIGTERM."""
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async with serve_simulator(port=port, ttft=ttft, rate=rate) as simulator:
            print(simulator.url, flush=True)
            async for _ in signals:
                return


def main() -> None:
    """The entry point."""
    options = parse_arguments(sys.argv[1:])
    anyio.run(run, options.port, options.ttft, options.rate)


if __name__ == "__main__":
    main()
