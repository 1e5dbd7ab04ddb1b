"""Chats that are kept as long as the store is: for tests of what uses a store."""

from proxy.chats.memory import (
    MemoryChats,
)  # MERGE: the class itself, which `proxy.chats.memory` is a copy of until then

__all__ = ["MemoryChats"]
