"""A worker of gunicorn that no client can keep from answering."""

import os

from gunicorn.workers.base import Worker

from servicekit.config import HttpTimeouts, ProcessSettings, read_settings
from servicekit.http.connection_loop import ConnectionLoop


class WorkerSettings(HttpTimeouts, ProcessSettings):
    """What each worker reads of its environment, where an empty variable is not set."""


class LoopWorker(Worker):  # type: ignore[misc]  # gunicorn has no type information
    """Serves by a :class:`ConnectionLoop`; see there why none of gunicorn's own workers does."""

    def run(self) -> None:
        loop = ConnectionLoop(self.wsgi, self.cfg.threads, read_settings(WorkerSettings), self.cfg)
        # Signals only set a flag; gunicorn has Python write a byte to this pipe with each of them.
        loop.watch(self.PIPE[0], lambda: os.read(self.PIPE[0], 4096))
        loop.listen(self.sockets)
        while self.alive and os.getppid() == self.ppid:
            self.notify()
            loop.run_once()
        loop.finish(self.cfg.graceful_timeout, self.notify)
