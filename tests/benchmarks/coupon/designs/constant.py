"""What Flask and gunicorn cost, and nothing else."""

from flask import Flask, Response

_BODY = '{"requestId":"01890000-0000-7000-8000-000000000000","status":"ACCEPTED","message":"요청 접수됨"}'


def create_application() -> Flask:
    app = Flask(__name__)

    @app.get("/healthz")
    def healthz() -> Response:
        return Response("{}", mimetype="application/json")

    @app.post("/api/v1/users/<int:user_id>/coupons/<int:coupon_id>/issue")
    def issue(user_id: int, coupon_id: int) -> Response:
        return Response(_BODY, 202, mimetype="application/json")

    return app
