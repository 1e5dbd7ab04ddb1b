"""The benchmark: `make bench`. The daemon beside a bare reference, both measured in one run, on loopback alone.

latency       time to the first token: live turns, new questions, first turns, a CLI started for each request
replaying     the same for a long conversation with tools that no process holds
growth        the same as a conversation grows
webui         the four calls of Open WebUI's first message
crowd         conversations at once, at the pace of a real model
relaying      deltas a second and CPU a delta, with a fake CLI that writes as fast as it can
prompts       what the CLI adds to a request, and how much of a conversation the next one repeats
footprint     memory, and the start
pairs         first tokens of the daemon, each beside its reference's
report        samples, rows, what they must be, the table, the JSON file

stage         the simulator, the clean environment and the folders that everything runs in
daemon        the daemon as a process of its own, and its client
clients       clients that ask at the same time
conversation  what Open WebUI asks, a long conversation with tools
bare          the reference: the CLI driven by a minimal script
loop          the reference for relaying: read, parse, re-serialise, send
emitter       the fake CLI, with its long answers made before they are written
children      starting and ending processes, their CPU time, deadlines
"""
