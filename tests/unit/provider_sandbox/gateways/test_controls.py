"""Faults: which call meets which."""

import threading

from provider_sandbox.gateways.controls import Fault, GatewayControls, GatewayControlSource


def a_fault(kind: str, **fields: object) -> Fault:
    return Fault.model_validate({"kind": kind, **fields})


def a_source(*faults: Fault, timeout_ms: int = 600_000) -> GatewayControlSource:
    source = GatewayControlSource()
    source.set(
        GatewayControls.model_validate({"timeoutMs": timeout_ms}).model_copy(update={"faults": list(faults)})
    )
    return source


def test_a_call_meets_the_first_fault_that_is_for_it() -> None:
    source = a_source(a_fault("cut", call="cancel"), a_fault("error", call="any"), a_fault("stall"))

    met = [source.take_fault("confirm")[0] for _ in range(3)]

    assert [None if fault is None else fault.kind for fault in met] == ["error", "stall", None]
    assert [fault.times for fault in source.controls.faults] == [1, 0, 0]


def test_a_call_that_a_fault_lets_pass_may_meet_the_next() -> None:
    source = a_source(a_fault("cut", every=2, times=2), a_fault("error", times=10))

    met = [source.take_fault("look-up")[0] for _ in range(4)]

    assert [fault.kind for fault in met if fault is not None] == ["error", "cut", "error", "cut"]


def test_counts_are_used_up() -> None:
    source = GatewayControlSource()
    source.set(GatewayControls.model_validate({"dropWebhooksNext": 1, "duplicateWebhooksNext": 1}))

    taken = [source.take("drop_webhooks_next", "duplicate_webhooks_next") for _ in range(3)]

    assert taken == ["drop_webhooks_next", "duplicate_webhooks_next", None]


def test_new_controls_end_a_pause() -> None:
    source = a_source(a_fault("time-out"))
    _, number = source.take_fault("confirm")
    paused = threading.Thread(target=source.pause, args=[number], daemon=True)
    paused.start()

    source.set(GatewayControls())

    paused.join(30)
    assert not paused.is_alive()


def test_closing_ends_pauses_for_good() -> None:
    source = a_source(a_fault("time-out"))
    _, number = source.take_fault("confirm")

    source.close()
    source.pause(number)

    assert source.controls.timeout_ms == 600_000
