"""The key of the lock."""

from outbox_relay.leadership import lock_id


def test_every_outbox_and_shard_of_a_database_has_a_lock_of_its_own() -> None:
    keys = {lock_id(schema, shard) for schema in ("public", "shop", "orders") for shard in range(16)}

    assert len(keys) == 48
    assert all(-(2**31) <= key < 2**31 for key in keys)
