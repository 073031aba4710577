"""A template's button as a provider lists it."""

from pydantic import BaseModel

from notification_service.domain.registered_template import RegisteredButton, registered_links


class TemplateButton(BaseModel):
    """A provider's own class gives the fields the names that they have there."""

    kind: str
    name: str
    mobile_link: str | None = None
    desktop_link: str | None = None
    ios_link: str | None = None
    android_link: str | None = None

    def registered(self) -> RegisteredButton:
        links = registered_links(
            mobile_link=self.mobile_link,
            desktop_link=self.desktop_link,
            ios_link=self.ios_link,
            android_link=self.android_link,
        )
        return RegisteredButton(self.kind, self.name, links)
