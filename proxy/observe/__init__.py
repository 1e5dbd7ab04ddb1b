"""What operators see of a running daemon.

log        structlog, JSON for machines and colours for people
notify     what the service manager hears: ready, reloading, stopping, alive
prompts    prompts and answers in the log, for debugging only
resources  what the machine and a process use: memory, processors, GPUs
"""
