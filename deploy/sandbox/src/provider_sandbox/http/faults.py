"""Faults that are a reply."""

from servicekit.http.problems import Problem


def raise_fault(fault: str | None) -> None:
    """Raise the problem that ``fault`` stands for; nothing for None and for faults that are no reply."""
    match fault:
        case "reject_next":
            raise Problem(400, "refused-on-demand", "Rejected on demand.")
        case "fail_next" | "fail_next_lookups":
            raise Problem(503, "failing-on-demand", "Failing on demand.")
        case "throttle_next":
            headers = {"Retry-After": "1"}
            raise Problem(429, "throttling-on-demand", "Throttling on demand.", headers=headers)
