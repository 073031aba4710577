"""A broker that its clients also reach through a proxy."""

from pathlib import Path

from devstack.kafka_security import BrokerSecurity


class ProxiedListeners(BrokerSecurity):
    """No security, but a second listener, which advertises the port of its proxy."""

    def __init__(self, port: int, proxied_port: int, proxy_port: int) -> None:
        self._advertised = f"PLAINTEXT://127.0.0.1:{port},PROXIED://127.0.0.1:{proxy_port}"
        self._proxied_port = proxied_port

    def listeners(self, host: str, port: int) -> list[str]:
        return [f"PLAINTEXT://{host}:{port}", f"PROXIED://{host}:{self._proxied_port}"]

    def properties(self, directory: Path) -> dict[str, str]:
        return {
            "advertised.listeners": self._advertised,
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,PROXIED:PLAINTEXT,CONTROLLER:PLAINTEXT",
        }
