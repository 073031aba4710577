"""What a server needs to be known by its certificate."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class TlsFiles:
    """PEM files: a server's certificate, its key (PKCS #8, no passphrase), the authority of both sides."""

    certificate_file: Path
    key_file: Path
    ca_file: Path
