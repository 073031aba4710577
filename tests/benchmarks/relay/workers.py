"""Processes beside this one, for what mustn't share its interpreter."""

import signal
from multiprocessing import get_context
from multiprocessing.pool import Pool


def worker_pool(count: int) -> Pool:
    """Leave its block to end them, whatever they do; Ctrl-C is left to the waiting process."""
    return get_context("spawn").Pool(count, signal.signal, (signal.SIGINT, signal.SIG_IGN))
