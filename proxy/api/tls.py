"""The server's certificate, looked at before anything listens."""

import ssl
from dataclasses import dataclass
from pathlib import Path


class BadCertificate(ValueError):
    """The certificate or its key cannot be used; the text says which file, and why."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """Files in PEM: the `certificate` with its chain, and its `key`, without a passphrase."""

    certificate: Path
    key: Path

    def check(self) -> None:
        """Raise `BadCertificate` unless a server can be run with it."""
        for path in (self.certificate, self.key):
            try:
                path.read_bytes()
            except OSError as error:
                raise BadCertificate(f"{path} cannot be read: {error.strerror or error}") from None
        try:
            # Without a password the library would ask for one at the terminal.
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(self.certificate, self.key, password="")
        except (ssl.SSLError, ValueError) as error:
            reason = getattr(error, "reason", None) or "not PEM, or a key with a passphrase"
            raise BadCertificate(
                f"{self.certificate} and {self.key} are no certificate and its key in PEM: {reason}"
            ) from None
