"""``python -m tests.benchmarks.coupon.designs.serve NAME``: a design under the gunicorn of our own APIs."""

import sys

from servicekit.config import HttpSettings
from servicekit.http.gunicorn import serve

if __name__ == "__main__":
    design = sys.argv[1]
    # What it reads comes from the environment, as in our own APIs.
    serve(f"tests.benchmarks.coupon.designs.{design}:create_application()", design, HttpSettings())
