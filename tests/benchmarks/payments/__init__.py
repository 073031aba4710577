"""How payments hold under load, after an outage of their gateway, and under its webhooks."""
