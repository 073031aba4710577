-- Keeps the relay from parking and closing dead letters until this transaction ends. Its statements take their snapshot
-- when they have got past this lock, so that each of them sees an operator's change whole or comes before it: no event
-- is parked behind one that is being discarded, and none stays parked among others that are being replayed.
LOCK TABLE outbox_dead_letter IN SHARE ROW EXCLUSIVE MODE
