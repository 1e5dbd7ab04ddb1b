"""What the tests share.

running    a whole daemon in a thread, over the real CLI or the fake one
fake_cli   the program that stands in for the CLI where a fault is wanted
children   the processes that a test has left
"""
