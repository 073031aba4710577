-- Whether any key is held back, and whether anything is to be replayed.
SELECT EXISTS (SELECT FROM outbox_dead_letter WHERE state IN ('PARKED', 'REPLAYING')) AS held,
       EXISTS (SELECT FROM outbox_dead_letter WHERE state = 'REPLAYING') AS replaying
