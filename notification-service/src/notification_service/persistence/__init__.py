"""The notification database: tables, repositories, and the transaction that joins them."""
