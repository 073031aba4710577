"""Settings from the environment: typed, with units in their names, and refused all at once.

A service composes its settings class from these mix-ins and adds its own fields::

    class WorkerSettings(KafkaConsumerSettings, DatabaseSettings, ProcessSettings):
        ...

    settings = load_settings(WorkerSettings)
"""

from servicekit.config.database import (
    DatabaseMigrationSettings,
    DatabaseSettings,
    DatabaseUrl,
    OutboxMigrationSettings,
)
from servicekit.config.environment import (
    prometheus_multiprocess_directory,
    share_prometheus_metrics_in,
)
from servicekit.config.http import AdminSettings, HttpSettings, HttpTimeouts, OptionalPort, Port
from servicekit.config.kafka import BootstrapServers, KafkaConsumerSettings, KafkaSettings
from servicekit.config.loading import InvalidSettings, load_settings, read_settings
from servicekit.config.process import HttpUrlText, ProcessSettings
from servicekit.config.secret import PrintableSecret

__all__ = [
    "AdminSettings",
    "BootstrapServers",
    "DatabaseMigrationSettings",
    "DatabaseSettings",
    "DatabaseUrl",
    "HttpSettings",
    "HttpTimeouts",
    "HttpUrlText",
    "InvalidSettings",
    "KafkaConsumerSettings",
    "KafkaSettings",
    "OptionalPort",
    "OutboxMigrationSettings",
    "Port",
    "PrintableSecret",
    "ProcessSettings",
    "load_settings",
    "prometheus_multiprocess_directory",
    "read_settings",
    "share_prometheus_metrics_in",
]
