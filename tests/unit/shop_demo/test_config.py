import pytest

from shop_demo.config import load_settings
from shop_demo.errors import BadInput

pytestmark = pytest.mark.unit

VARIABLES = ("ORDERS", "USERS", "STOCK", "SEED", "LIMIT", "PATIENCE_SECONDS")


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


def test_variables_are_read_and_empty_ones_are_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("USERS", "2000")
    monkeypatch.setenv("STOCK", "")
    settings = load_settings(seed=None)
    assert (settings.users, settings.stock, settings.seed) == (2000, 300, 1)


def test_options_come_before_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("USERS", "2000")
    assert load_settings(users=7).users == 7


def test_every_wrong_variable_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("USERS", "many")
    monkeypatch.setenv("STOCK", "0")
    monkeypatch.setenv("LIMIT", "none")
    with pytest.raises(BadInput, match=r"(?s)USERS=many.*STOCK=0.*LIMIT=none"):
        load_settings()
