"""What the program does beside serving, a module for each command.

doctor   examines the machine and the CLI, and prints what was found with remedies
machine  folders, port and limits, as the daemon would find them
live     one question over the operator's own login
models   lists the models that clients can ask for
service  the daemon as a service of systemd
units    the unit files, and where what belongs to a service lies
asking   one question to what listens on a port
"""
