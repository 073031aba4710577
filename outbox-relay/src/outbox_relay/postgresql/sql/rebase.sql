-- Makes the cursors speak of this cluster's transactions.
SELECT outbox_rebase()
