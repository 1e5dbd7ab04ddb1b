"""What this version of the CLI does, found out offline: the installed program is run against a recorder on loopback.

loopback    the settings under which it is probed: a made-up credential, no way out but the recorder
subject     one process under examination, and what it sends to the recorder
question    what is asked of it, and how an answer or a failure is told
opening     questions to the first chat of a fresh process
turns       questions about history, taking turns back, interrupting
settings    questions about the model, the effort, and options, on a live process
prompts     questions about slash commands and mentioned files
spares      how much a spare may be told ahead
tools       the names under which a client's tools arrive
probe       asks all of them, one after another, on as few processes as it takes
findings    what was found out, the strategies that follow, and both as JSON
store       findings kept for each program
report      findings as a table for people
watch       probes the program when it is new, and notices when it is another one
"""
