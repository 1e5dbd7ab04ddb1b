"""The Claude CLI as a backend: tables for the pure parts, tiny real children for the rest."""
