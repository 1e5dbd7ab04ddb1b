"""How Go prints characters, strings and types in its error texts; clients know these texts."""

_NAMED = {
    "\a": "\\a",
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\v": "\\v",
    "\\": "\\\\",
    '"': '\\"',
}


def quote(text: str) -> str:
    """`text` as ``%q`` prints it."""
    return f'"{"".join(map(_escaped, text))}"'


def quote_byte(byte: int) -> str:
    """A byte in single quotes, as Go's JSON decoder names an unexpected character."""
    char = chr(byte)
    if char == '"':
        return "'\"'"
    return r"'\''" if char == "'" else f"'{_escaped(char)}'"


def type_name(value: object) -> str:
    """The Go type (``%T``) that a decoded JSON value of no declared type has."""
    match value:
        case None:
            return "<nil>"
        case bool():
            return "bool"
        case str():
            return "string" if type(value) is str else "float64"
        case list():
            return "[]interface {}"
    return "map[string]interface {}"


def _escaped(char: str) -> str:
    if char in _NAMED:
        return _NAMED[char]
    if char == " " or (char.isprintable() and not char.isspace()):
        return char
    code = ord(char)
    if code < 0x20 or code == 0x7F:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
