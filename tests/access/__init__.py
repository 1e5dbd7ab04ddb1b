"""Keys, and how much they may use."""
