"""A PostgreSQL server that accepts encrypted connections only."""

import os
import shutil
from pathlib import Path
from urllib.parse import urlencode

from devstack import system_user
from devstack.postgresql import PostgresqlServer
from devstack.postgresql_data import ADMINISTRATOR
from tests.support.certificates import TlsFiles
from tests.support.config import POSTGRESQL_VERSION


class SecuredPostgresqlServer(PostgresqlServer):
    def __init__(self, directory: Path, tls: TlsFiles) -> None:
        self._tls = tls
        super().__init__(
            directory, version=POSTGRESQL_VERSION, durable=False, with_tls=True, settings={"ssl": "on"}
        )

    def url(self, database: str = "postgres", user: str = ADMINISTRATOR, password: str | None = None) -> str:
        verified = urlencode({"sslmode": "verify-full", "sslrootcert": str(self._tls.ca_file)})
        return f"{super().url(database, user, password)}?{verified}"

    def prepare(self) -> None:
        super().prepare()
        data = self.directory / "data"
        (data / "pg_hba.conf").write_text("hostssl all all 127.0.0.1/32 scram-sha-256\n")
        shutil.copyfile(self._tls.certificate_file, data / "server.crt")
        key = data / "server.key"
        key.unlink(missing_ok=True)
        key.touch(mode=0o600)
        key.write_bytes(self._tls.key_file.read_bytes())
        user = system_user.server_user()
        if user is not None:
            os.chown(key, user.pw_uid, user.pw_gid)
