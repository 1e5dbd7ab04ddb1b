"""keep_alive and Go's durations."""

import pytest

from proxy.core.errors import InvalidRequest
from proxy.wire.body import first_value
from proxy.wire.durations import FOREVER, keep_alive
from proxy.wire.fields import Place


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (b"0", 0),
        (b"42", 42),
        (b"42.5", 42.5),
        (b"-1", FOREVER),
        (b"-3.14", FOREVER),
        (b"1e999", FOREVER),
        (b'"0"', 0),
        (b'"0s"', 0),
        (b'"42m"', 42 * 60),
        (b'"10m0s"', 600),
        (b'"1h30m"', 5400),
        (b'"1.5h"', 5400),
        (b'".5s"', 0.5),
        (b'"1.s"', 1),
        (b'"+5s"', 5),
        (b'"-1m"', FOREVER),
        (b'"-1ns"', FOREVER),
        (b'"300ms"', 0.3),
        ('"1µs"'.encode(), 1e-6),
        ('"1μs"'.encode(), 1e-6),
    ],
)
def test_keep_alive_is_seconds_or_a_duration_and_negative_means_forever(value: bytes, seconds: float) -> None:
    assert keep_alive(first_value(value), Place()) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ('"bogus"', 'time: invalid duration "bogus"'),
        ('""', 'time: invalid duration ""'),
        ('"-"', 'time: invalid duration "-"'),
        ('"."', 'time: invalid duration "."'),
        ('".s"', 'time: invalid duration ".s"'),
        ('"5 m"', 'time: unknown unit " m" in duration "5 m"'),
        ('"10"', 'time: missing unit in duration "10"'),
        ('"1h5"', 'time: missing unit in duration "1h5"'),
        ('"10x"', 'time: unknown unit "x" in duration "10x"'),
        ('"1d"', 'time: unknown unit "d" in duration "1d"'),
        ('"1\\"é\\n"', 'time: unknown unit "\\"\\xc3\\xa9\\x0a" in duration "1\\"\\xc3\\xa9\\x0a"'),
        ('"9999999999h"', 'time: invalid duration "9999999999h"'),
        ('"99999999999999999999s"', 'time: invalid duration "99999999999999999999s"'),
        ("true", "Unsupported type: 'bool'"),
        ("{}", "Unsupported type: 'map[string]interface {}'"),
        ("[]", "Unsupported type: '[]interface {}'"),
    ],
)
def test_a_bad_keep_alive_is_described_in_the_words_of_go(value: str, text: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        keep_alive(first_value(value.encode()), Place())
    assert (caught.value.status, caught.value.message) == (400, text)
