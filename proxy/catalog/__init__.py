"""Which models exist: the configured ones, and those that the CLI itself reports.

models   the catalogue, and how a client's name finds a model in it
"""
