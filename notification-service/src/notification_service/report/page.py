"""A day's report as one HTML file, with its pictures inside."""

from pathlib import Path

from jinja2 import Environment, PackageLoader
from markupsafe import Markup

from notification_service.domain.day_report import DayReport
from notification_service.report.pictures import pictures_of
from notification_service.report.words import cancelled, duration, money, sold


def write_page(report: DayReport, path: Path) -> None:
    """Raises OSError where the file can't be written."""
    environment = Environment(loader=PackageLoader("notification_service.report", ""), autoescape=True)
    template = environment.get_template("page.html.jinja")
    pictures = {
        # Our own drawing, whose texts are escaped.
        sales.currency: [Markup(picture) for picture in pictures_of(sales)]  # noqa: S704
        for sales in report.currencies
    }
    page = template.render(
        report=report, pictures=pictures, money=money, duration=duration, sold=sold, cancelled=cancelled
    )
    path.write_text(page, encoding="utf-8")
