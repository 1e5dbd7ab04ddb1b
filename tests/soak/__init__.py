"""The soak: `make soak`. Thousands of requests, a third of them with a fault, and nothing may be left of them.

plans       what each request asks, what goes wrong with it, and how it may end; from a fixed seed
asker       sends the requests, a bounded number at once, and says how each ended
subject     the daemon in a process of its own, which tells what it holds
__main__    the phases, the table, the exit code
"""
