"""The official Claude CLI, driven as a pool of warm subprocesses.

Pure, no I/O:

    codec       stream-json: values to lines, lines to values
    replay      a ChatRequest as the lines that tell it to a process
    turn        one answer: what the CLI says, turned into events with exactly one end
    faults      what went wrong, from the CLI's structured error fields
    command     settings and login mode to argv and environment
    account     what a process reports of its login and its models
    plan        which process serves which request, what to boot and what to stop

With I/O:

    locate      which `claude` program runs, and its version
    process     spawn, pump, stop: the only file that touches a child process
    folders     the folders of each process, and the sweep of what a killed daemon left
    launcher    brings a process to life and to its end
    deadlines   the four deadlines of a turn, one timer
    session     the conversation with one process: lines, control requests and their answers
    pool        spares, leases, limits: the plan decides, the pool acts
    backend     joins them: the Backend contract
"""
