"""What the tests share.

running      a whole daemon in a thread, over the real CLI or the fake one
program      the program as a process of its own, as an operator starts it
fake_cli     the program that stands in for the CLI where a fault is wanted
fake_ollama  the same for an Ollama server
log          what is logged while a test looks
children     the processes that a test has left
chats        chats, and what a store holds of them
chat_memory  kept chats without a disk
chat_writer  a program that writes chats until it is killed
"""
