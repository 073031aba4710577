"""The faults that are an answer."""

from servicekit.http.problems import Problem


def refuse(fault: str | None) -> None:
    """Raise the problem that ``fault`` stands for; nothing for None, or a fault that is not an answer."""
    match fault:
        case "reject_next":
            raise Problem(400, "refused-on-demand", "Refused on demand.")
        case "fail_next" | "fail_next_lookups":
            raise Problem(503, "failing-on-demand", "Failing on demand.")
        case "throttle_next":
            headers = {"Retry-After": "1"}
            raise Problem(429, "throttling-on-demand", "Throttling on demand.", headers=headers)
