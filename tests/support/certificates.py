"""Certificates made in the test: an authority, and what it issues for servers and clients on this machine."""

from dataclasses import dataclass
from pathlib import Path

import trustme
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)


@dataclass(frozen=True)
class TlsFiles:
    """PEM files: a server's certificate, its key (PKCS #8, no passphrase), the authority of both sides."""

    certificate_file: Path
    key_file: Path
    ca_file: Path


@dataclass(frozen=True)
class IssuedCertificate:
    """A certificate and its key, each in a PEM file."""

    certificate_file: Path
    key_file: Path


class CertificateAuthority:
    """Trusted by every client that has its file."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._directory = directory
        self._authority = trustme.CA()
        self.file = directory / "ca.pem"
        self._authority.cert_pem.write_to_path(str(self.file))

    def issue(self, *identities: str) -> IssuedCertificate:
        """A certificate for host names, addresses or other identities."""
        issued = self._authority.issue_cert(*identities)
        name = identities[0]
        files = IssuedCertificate(self._directory / f"{name}.pem", self._directory / f"{name}.key")
        files.certificate_file.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
        key = load_pem_private_key(issued.private_key_pem.bytes(), password=None)
        # Java reads no other format.
        files.key_file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return files
