"""What can answer a `ChatRequest`: implementations of `proxy.core.contracts.Backend`.

claude_cli   the official Claude CLI, driven as a pool of warm subprocesses
"""
