"""The steps, in the order of their numbers.

v0001_chats  chats and their messages
"""
