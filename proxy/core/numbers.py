"""Numbers of JSON, as every client may write them."""

_EXACT = 2.0**53
# Below it every integral float is written as an integer by everybody.


def plain(value: float) -> int | float:
    """`value` as an int where it is integral and exact. Raises ValueError for one that is too large to be a number."""
    if value in (float("inf"), float("-inf")):
        raise ValueError("a number that is too large")
    return int(value) if value.is_integer() and abs(value) < _EXACT else value
