"""The HTTP layer, over the fake CLI."""
