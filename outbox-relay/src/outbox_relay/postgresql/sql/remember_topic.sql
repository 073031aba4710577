-- Remembers a topic that is published to for the first time, and returns what is known of it: another relay may have been
-- first. A cluster that has been upgraded gives its topics ids.
INSERT INTO outbox_kafka_topic (topic, cluster_id, topic_id)
VALUES (:topic, :cluster_id, :topic_id)
ON CONFLICT (topic) DO UPDATE SET topic_id = coalesce(outbox_kafka_topic.topic_id, excluded.topic_id)
RETURNING cluster_id, topic_id
