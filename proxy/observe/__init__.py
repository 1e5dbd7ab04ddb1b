"""What operators see of a running daemon.

observer    what sees every request, and joins what follows
exchange    one request and its answer
ring        the newest of many things, numbered
metrics     what is counted: since the start, over an hour, over a day
series      steps of equal length, tallies, histograms
prometheus  the same for a Prometheus server
resources   what the machine and a process use: memory, processors, GPUs; read off the event loop
host        the same for those who look from time to time
lines       the last lines of the log
contents    what was said in recent requests, where the operator turned that on
prompts     prompts and answers overheard, for the log and for the inspector
log         structlog, JSON for machines and colours for people
notify      what the service manager hears: ready, reloading, stopping, alive
"""
