"""Quotas of one client at a broker."""

from kafka.admin import KafkaAdminClient
from kafka.protocol.admin.client_quotas import AlterClientQuotasRequest


def limit_producer(servers: str, client_id: str, bytes_per_second: int) -> None:
    """Let this client write so much; a broker delays what is more."""
    entry = AlterClientQuotasRequest.EntryData(
        entity=[AlterClientQuotasRequest.EntryData.EntityData("client-id", client_id)],
        ops=[AlterClientQuotasRequest.EntryData.OpData("producer_byte_rate", float(bytes_per_second), False)],
    )
    admin = KafkaAdminClient(bootstrap_servers=servers)
    try:
        # kafka-python knows the request, and has no method for it.
        manager = admin._manager  # noqa: SLF001
        reply = manager.run(manager.send, AlterClientQuotasRequest(entries=[entry], validate_only=False))
        assert [entry.error_code for entry in reply.entries] == [0], reply
    finally:
        admin.close()
