"""The database of a former release, and what its processes write."""

import shutil
from pathlib import Path

from sqlalchemy import text

from notification_service.migrations import SCHEMA
from servicekit.config import DatabaseSettings
from servicekit.db.engine import create_engine
from servicekit.db.migrations import upgrade
from servicekit.db.schema import ServiceSchema

FORMER_ROWS = """
WITH made AS (
    INSERT INTO completed_order (event_id, order_id, user_id, currency, total_amount, item_count,
                                 recipient_name, recipient_phone, completed_at)
    SELECT gen_random_uuid(), gen_random_uuid(), number, 'KRW', 1000, 1, 'Kim', '010-1234-5678',
           clock_timestamp()
      FROM generate_series(1, 5) AS number
 RETURNING event_id, order_id, user_id)
INSERT INTO delivery (delivery_id, event_id, order_id, effect, status, attempts, due_at, claim_id,
                      last_error, completed_at)
SELECT gen_random_uuid(), event_id, order_id, 'ALIMTALK',
       (ARRAY['PENDING', 'SENDING', 'DELIVERED', 'FAILED', 'SKIPPED'])[user_id],
       user_id - 1,
       CASE WHEN user_id <= 2 THEN clock_timestamp() END,
       CASE WHEN user_id = 2 THEN gen_random_uuid() END,
       CASE WHEN user_id = 4 THEN 'RECEIVER_BUSY' END,
       CASE WHEN user_id > 2 THEN clock_timestamp() END
  FROM made
"""
FORMER_CLAIM = """
UPDATE delivery SET status = 'SENDING', attempts = attempts + 1, claim_id = gen_random_uuid(),
       due_at = clock_timestamp() + interval '30 seconds'
 WHERE effect = 'ALIMTALK' AND due_at <= statement_timestamp()
"""
FORMER_RECORD = """
UPDATE delivery SET status = 'DELIVERED', due_at = NULL, claim_id = NULL, reference = 'm-9',
       completed_at = clock_timestamp()
 WHERE status = 'SENDING'
"""


def make_former_database(url: str, directory: Path, newest: str) -> None:
    """Migrate to the revision ``newest``; there is then a delivery in each of the first release's states."""
    folder = directory / f"migrations-{newest}"
    shutil.copytree(SCHEMA.migrations, folder, ignore=shutil.ignore_patterns("__pycache__"))
    for revision in (folder / "versions").glob("0*.py"):
        if revision.name[:4] > newest:
            revision.unlink()
    upgrade(url, ServiceSchema(SCHEMA.service, folder, SCHEMA.families))
    engine = create_engine(DatabaseSettings(database_url=url), "test")
    with engine.begin() as connection:
        connection.execute(text(FORMER_ROWS))
    engine.dispose()
