"""What keeps chats."""
