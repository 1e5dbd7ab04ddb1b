"""Kept chats."""
