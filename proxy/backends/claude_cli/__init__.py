"""The official Claude CLI, driven as a pool of warm subprocesses.

Pure, no I/O:

    codec       stream-json: values to lines, lines to values
    replay      a ChatRequest as the lines that tell it to a process
    conversations  which live process holds exactly this history
    transcript  a conversation told in one message, for a CLI that does not take it as turns
    flags       the settings of one turn
    tools       the client's tools as an MCP server spoken over the control channel
    calls       the calls of one answer, from the pieces in which they come
    body        a ChatRequest as one API body, for a worker that keeps nothing
    thinking_cache  thinking that clients do not send back, by the prefix that it was given to
    memory      answers as the API gave them: thoughts and ids that clients do not send back
    tally       what an answer took: tokens and times
    costs       what turns cost: what the CLI tells, and an estimate until it does
    turn        one answer: what the CLI says, turned into events with exactly one end
    shaping     an answer held to stop strings, and to JSON
    faults      what went wrong, from the CLI's structured error fields
    command     settings and login mode to argv and environment
    account     what a process reports of its login and its models
    plan        which process serves which request, what to boot and what to stop
    strategies  the ways to drive the CLI that there is

With I/O:

    locate      which `claude` program runs, and its version
    process     spawn, pump, stop: the only file that touches a child process
    folders     the folders of each process, and the sweep of what a killed daemon left
    launcher    brings a process to life and to its end
    deadlines   the four deadlines of a turn, one timer
    session     the conversation with one process: lines, control requests and their answers
    offload     work on large requests, beside the event loop
    lease       a process as the pool keeps it, and as it lends it
    pool        spares, leases, limits: the plan decides, the pool acts
    warming     what a spare is told ahead
    stateless   a turn that leaves no trace: the whole body sent, the worker clean again
    relay       one answer from one process: asked, relayed, the process settled
    bill        what one turn is counted for
    backend     joins them: the Backend contract
    probing     finds out what the installed CLI does
"""
