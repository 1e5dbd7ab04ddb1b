"""The benchmark: `make bench`. The daemon beside a bare reference, both measured in one run, on loopback alone.

latency     time to the first token: new questions to used processes, spares, a CLI started for each request
growth      time to the first token as a conversation grows, and when a long one is told to a process that has none
relaying    deltas a second and CPU a delta, with a fake CLI that writes as fast as it can
report      samples, rows, the table, the JSON file

stage       the simulator, the clean environment and the folders that everything runs in
daemon      the daemon as a process of its own, and its client
bare        the reference for latency and growth: the CLI driven by a minimal script
loop        the reference for relaying: read, parse, re-serialise, send
emitter     the fake CLI, with its long answers made before they are written
children    starting and ending processes, deadlines
"""
