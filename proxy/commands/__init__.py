"""What the program does beside serving, a module for each command.

doctor   probes the CLI, and prints what was found with remedies
models   lists the models that clients can ask for
"""
