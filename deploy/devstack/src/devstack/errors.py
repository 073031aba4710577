"""Failures, each described in one line, with the exit status of the command line."""

from pydantic import ValidationError


class DevstackError(Exception):
    """The stack could not do what was asked of it."""

    exit_status = 1


class UsageError(DevstackError):
    """The request can only succeed if it, or what is installed on this machine, is changed."""

    exit_status = 2


def validation_faults(error: ValidationError, prefix: str = "") -> str:
    """Name every faulty variable with its fault; a fault of no single variable names its variables itself."""
    faults = []
    for fault in error.errors(include_input=False, include_url=False):
        location = str(fault["loc"][0]) if fault["loc"] else ""
        name = location if location.isupper() or not location else f"{prefix}{location.upper()}"
        message = fault["msg"].removeprefix("Value error, ")
        faults.append(f"{name}: {message}" if name else message)
    return "; ".join(faults)
