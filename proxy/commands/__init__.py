"""What the program does: a module for each command, and what they are made of.

doctor   examines the machine and the CLI, and prints what was found with remedies
machine  folders, port and limits, as the daemon would find them
live     one question over the operator's own login
keys     adds, lists and revokes the keys of clients
chats    lists, shows, exports, imports and deletes kept chats
columns  tables in a terminal
models   lists the models that clients can ask for
serving  a daemon served until a signal: its manager told, its settings read again
service  the daemon as a service of systemd
units    the unit files, and where what belongs to a service lies
asking   one question to what listens on a port
"""
