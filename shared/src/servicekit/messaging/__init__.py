"""Consuming Kafka records so that every event takes effect once, in order, and none is dropped.

What is promised, and by what:

- **At least once.** An offset is committed only after the database transaction that applied its record, and
  only up to the first record of its partition that isn't done yet.
- **One effect.** A handler accepts event ids through the inbox in the transaction of its effect; a record
  that comes again changes nothing.
- **Order.** Records of one partition reach the handler in offset order.
- **Nothing dropped, nothing blocked.** A record that can't be understood goes to ``<topic>.dlt`` with the
  reason and where it came from, acknowledged by the broker before its offset counts as done. Where that
  can't be written, its partition waits, and the others go on.
- **The kind of error decides.** Invalid or unreadable → dead letter; what may pass in Kafka
  (:mod:`servicekit.kafka.errors`) or the database → wait and repeat; anything else is a bug → the process
  ends loudly and the records are delivered again.
- **Nothing goes silent.** Metrics and readiness say what waits, since when and why
  (:mod:`servicekit.messaging.status`).

Nothing is imported here: what only reads events (:mod:`servicekit.messaging.events`) needs no Kafka client.
"""
