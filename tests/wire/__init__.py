"""Tables of bytes for the pure translators."""
