-- Whether any key is held back, whether anything is to be replayed, and up to where events have been discarded.
SELECT EXISTS (SELECT FROM outbox_dead_letter WHERE state IN ('PARKED', 'REPLAYING')) AS held,
       EXISTS (SELECT FROM outbox_dead_letter WHERE state = 'REPLAYING') AS replaying,
       (SELECT position
        FROM outbox_dead_letter
        WHERE state = 'DISCARDED'
        ORDER BY position DESC
        LIMIT 1) AS discarded_up_to
