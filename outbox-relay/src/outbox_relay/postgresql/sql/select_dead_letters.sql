-- How many dead letters of a selection there are in each state, and the first of each.
SELECT state, count(*) AS letters, CAST((array_agg(id ORDER BY position))[1] AS text) AS event_id
FROM outbox_dead_letter
WHERE (CAST(:ids AS uuid[]) IS NULL OR id = ANY (CAST(:ids AS uuid[])))
  AND topic = coalesce(:topic, topic)
  AND aggregateid = coalesce(:key, aggregateid)
  AND kind = coalesce(:kind, kind)
GROUP BY state
