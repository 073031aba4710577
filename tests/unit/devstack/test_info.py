import json
from pathlib import Path

from devstack.info import KafkaInfo, PostgresqlInfo, ServiceInfo, StackInfo


def _a_stack() -> StackInfo:
    return StackInfo(
        kind="embedded",
        kafka=KafkaInfo(bootstrap_servers="127.0.0.1:9092", version="4.3.1"),
        postgresql=PostgresqlInfo(
            version="18.1", databases={"coupon": "postgresql://u:p@127.0.0.1:15432/coupon"}
        ),
        services={"coupon-api": ServiceInfo(url="http://127.0.0.1:8001", pid=13), "job": ServiceInfo(pid=14)},
    )


def test_it_is_written_in_camel_case_without_what_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "stack.json"

    _a_stack().write(path)

    assert json.loads(path.read_text()) == {
        "kind": "embedded",
        "kafka": {"bootstrapServers": "127.0.0.1:9092", "version": "4.3.1"},
        "postgresql": {
            "version": "18.1",
            "databases": {"coupon": "postgresql://u:p@127.0.0.1:15432/coupon"},
        },
        "services": {"coupon-api": {"url": "http://127.0.0.1:8001", "pid": 13}, "job": {"pid": 14}},
    }


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "stack.json"
    _a_stack().write(path)

    assert StackInfo.read(path) == _a_stack()
