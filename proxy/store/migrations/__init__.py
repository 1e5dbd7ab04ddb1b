"""How the tables came to be: Alembic's numbered steps. A step that was released is never changed.

env       what Alembic runs: the steps, in the transaction that it is given
versions  the steps; each names the one before it
"""
