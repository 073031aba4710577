"""Counting the coupons that wait for their release."""

from order_service.application.ports import ReportCouponReleases, UnitOfWorkFactory


class MeasureCouponReleases:
    """Reports the backlog of all processes together."""

    def __init__(self, unit_of_work: UnitOfWorkFactory, report: ReportCouponReleases) -> None:
        self._unit_of_work = unit_of_work
        self._report = report

    def __call__(self) -> None:
        with self._unit_of_work() as unit_of_work:
            backlog = unit_of_work.coupon_releases.backlog()
        self._report(backlog)
