"""Which servers the tests run on: POSTGRES=15 and KAFKA=3.4.0 choose the older ones."""

import os

from devstack.kafka_broker import DEFAULT_VERSION as NEWEST_KAFKA
from devstack.postgresql_programs import DEFAULT_VERSION as NEWEST_POSTGRESQL

POSTGRESQL_VERSION = os.environ.get("POSTGRES") or NEWEST_POSTGRESQL
KAFKA_VERSION = os.environ.get("KAFKA") or NEWEST_KAFKA
