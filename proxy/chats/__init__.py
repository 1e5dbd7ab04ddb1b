"""Kept chats: how they go on, whatever keeps them.

keeper    a chat takes one message after the other; a message and its whole answer are kept together, or neither is
prompt    the system prompt that chats start with
dialects  conversations of dialects that send the whole of them each time, kept as chats
"""
