"""Consuming Kafka records so that every event takes effect once, in order, and none is dropped.

What is promised, and by what:

- **At least once.** An offset is committed only after the database transaction that applied its record, and
  only up to the first record of its partition that isn't done yet.
- **One effect.** A handler accepts event ids through the inbox in the transaction of its effect; a record
  that comes again changes nothing.
- **Order.** Records of one partition reach the handler in offset order.
- **Nothing dropped, nothing blocked.** A record that can't be understood goes to ``<topic>.dlt`` with the
  reason and where it came from, acknowledged by the broker before its offset counts as done.
- **The kind of error decides.** Invalid → dead letter; database or broker out of reach → wait and repeat;
  anything else → the process ends loudly and the records are delivered again.

Nothing is imported here: what only reads events (:mod:`servicekit.messaging.events`) needs no Kafka client.
"""
