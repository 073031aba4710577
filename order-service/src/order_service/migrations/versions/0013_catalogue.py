"""A catalogue of products; an order keeps the names that its products had there.

The former release goes on beside the new one: it places orders whose products are outside of the catalogue.
"""

from alembic import op

from servicekit.db.online_changes import alter_in_use

revision = "0013"
down_revision = "0011"
branch_labels = None
depends_on = None

# By bytes: pages and locks follow the ids, whatever the database's own collation is.
PRODUCT = """
CREATE TABLE IF NOT EXISTS product (
    product_id text COLLATE "C" PRIMARY KEY CHECK (length(product_id) BETWEEN 1 AND 64),
    name       text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    unit_price bigint NOT NULL CHECK (unit_price >= 0),
    currency   text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    stock      bigint CONSTRAINT product_stock_never_negative CHECK (stock >= 0),
    created_at timestamptz NOT NULL
);
COMMENT ON COLUMN product.stock IS 'What is left to be sold. Null if that is unlimited.'
"""

ORDER_ITEM = """
ALTER TABLE order_item ADD COLUMN IF NOT EXISTS product_name text;
COMMENT ON COLUMN order_item.product_name IS
    'What the catalogue called the product. Null if the product was outside of it.'
"""


def upgrade() -> None:
    op.execute(PRODUCT)
    alter_in_use(ORDER_ITEM)


def downgrade() -> None:
    """Nothing: the former release goes on with what was added."""
