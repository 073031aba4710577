"""The order database: tables, repositories, and the transaction that joins them."""
