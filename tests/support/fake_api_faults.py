"""What the fake CLI that asks the API can do wrong."""

import os

FAULTS = (
    "boots",
    "boots:version",
    "stream",
    "system",
    "system:changed",
    "tools_off",
    "additions",
    "no_calls",
    "no_calls:settings",
    "rewind",
    "rewind:lies",
    "rewind:replayed",
    "history",
    "history:flattened",
    "history:order",
    "history:pictures",
    "interrupt",
    "interrupt:trace",
    "model",
    "effort",
    "options",
    "options:limit",
    "resets",
    "slash",
    "slash:broken",
    "mentions",
    "depth",
    "tool_names",
    "tool_names:prefixed",
    "tool_descriptions",
    "tool_descriptions:short",
    "tool_results",
    "tool_results:order",
    "tool_waits",
    "tool_waits:changed",
    "tool_waits:order",
)
"""Each is the name of a check, with a variant after a colon where there are several ways to fail it."""

FAULT = os.environ.get("FAKE_FAULT", "")
"""What this process does wrong; nothing when it is empty."""
