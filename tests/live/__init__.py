"""The whole path, over the real CLI and the simulated Messages API."""
