"""Every fault that docs/reliability.md lists has its tests, here or elsewhere: `table.py` says where."""
