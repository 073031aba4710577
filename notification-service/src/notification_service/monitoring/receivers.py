"""The receiver of alerts that the settings choose."""

from typing import assert_never

import httpx

from notification_service.alert_settings import AlertSettings
from notification_service.application.ports import AlertReceiver
from notification_service.monitoring.alertmanager import Alertmanager
from notification_service.monitoring.slack import Slack
from notification_service.monitoring.standard_webhook import StandardWebhook


def create_receiver(settings: AlertSettings, client: httpx.Client) -> AlertReceiver | None:
    """None if there is none. The settings have made sure of what it needs."""
    url = settings.alert_url or ""
    match settings.alert_receiver:
        case None:
            return None
        case "slack":
            return Slack(client, url)
        case "alertmanager":
            return Alertmanager(client, url)
        case "webhook":
            secret = settings.alert_secret
            return StandardWebhook(client, url, secret.get_secret_value() if secret else "")
        case _ as never:
            assert_never(never)
