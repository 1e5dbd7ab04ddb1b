"""What keeps chats.

rules    what every store does alike: how a chat grows, how much it may hold, how it is listed and found
"""
