"""The benchmark: its arithmetic, and that what cannot be measured is no number. No test looks at a time."""
