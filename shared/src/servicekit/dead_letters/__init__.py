"""What operators have done with dead letters, kept in the database of the service that consumes.

The dead letters themselves stay in their topic, which can't be changed. The state is kept here, beside the
inbox: only the service that replays a record can say what became of it, and its database is backed up with
the effects. A topic of states would need a producer and a reader of its own.
"""
