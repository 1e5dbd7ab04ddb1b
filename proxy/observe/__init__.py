"""What operators see of a running daemon.

log       structlog, JSON for machines and colours for people
prompts   prompts and answers in the log, for debugging only
"""
