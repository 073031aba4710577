"""A consumer group as its broker sees it."""

import time

from kafka.admin import KafkaAdminClient

from tests.support.waiting import wait_until

_HEARTBEAT_SECONDS = 3.5


def wait_until_settled(bootstrap_servers: str, group_id: str, members: int) -> None:
    """Until so many members have had the same partitions for longer than a heartbeat takes.

    A rebalance waits for a member that has records in its hands: begun once all have something to do, it
    would keep the others from theirs for as long as that one is kept waiting.
    """
    admin = KafkaAdminClient(bootstrap_servers=bootstrap_servers)
    former: list[str] = []
    since = time.monotonic()

    def settled() -> bool:
        nonlocal former, since
        found = admin.describe_groups([group_id])[group_id]["members"]
        now = sorted(f"{member['member_id']} {member['member_assignment']}" for member in found)
        assigned = sum(bool(member["member_assignment"]["assigned_partitions"]) for member in found)
        if now != former or not assigned == len(found) == members:
            former, since = now, time.monotonic()
        return time.monotonic() - since > _HEARTBEAT_SECONDS

    try:
        wait_until(settled, f"{members} members of {group_id} to have partitions, and to keep them", 60)
    finally:
        admin.close()
