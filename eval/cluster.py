"""Runs jobs on a Ray cluster, one film a task; a task whose worker dies is run again on another.

Ray hands functions and settings from process to process by pickling them: use only a cluster that you trust.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from movieqa.errors import EvaluationError, MissingDependencyError

from .jobs import FilmJob, FilmOpener, Rows, explain, failed_film, run_job

_CONNECT_SECONDS = 10
_QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "disabled", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}


@dataclass(frozen=True, kw_only=True)
class ClusterConfig:
    """Where jobs run, and what each gets.

    Attributes:
        address: Of a running cluster; None starts one on this machine for as long as the run lasts.
        num_cpus: Processors a film gets; also how many films run side by side on a machine without GPUs.
        num_gpus: GPUs a film gets, parts allowed; None for one where the cluster has any.
        max_retries: How often a film is begun again after its worker died.
    """

    address: str | None = None
    num_cpus: float = 1.0
    num_gpus: float | None = None
    max_retries: int = 3


class Cluster:
    """A Ray cluster that runs jobs; leaves a cluster that it did not start as it is.

    Args:
        config: Where, and what each job gets.

    Raises:
        MissingDependencyError: Ray is not installed.
        EvaluationError: The cluster cannot be reached.

    Example:
        >>> with Cluster() as cluster:  # doctest: +SKIP
        ...     evaluate(samples, ask=ask, opener=opener, log=log, run_jobs=cluster.run)
    """

    def __init__(self, config: ClusterConfig | None = None) -> None:
        self.config = config or ClusterConfig()
        for name, value in _QUIET.items():
            os.environ.setdefault(name, value)
        try:
            import ray
        except ImportError:
            raise MissingDependencyError(
                "running on a cluster needs ray", hint="install it with: pip install 'movieqa[ray]'"
            ) from None
        self._ray: Any = ray
        self._is_ours = not ray.is_initialized()
        if not self._is_ours:
            return
        _check_address(self.config.address)
        own: dict[str, Any] = {} if self.config.address else {"include_dashboard": False}
        try:
            ray.init(
                address=self.config.address or "local",
                log_to_driver=False,
                logging_level=logging.ERROR,
                configure_logging=True,
                **own,
            )
        except (ConnectionError, RuntimeError, ValueError, OSError) as error:
            raise EvaluationError(
                f"no Ray cluster at {self.config.address or 'this machine'} ({explain(error)})",
                hint="see that it runs, or leave --ray-address out",
            ) from None

    def run(self, jobs: Sequence[FilmJob], opener: FilmOpener) -> Iterator[tuple[FilmJob, Rows]]:
        """Run jobs as tasks, as many at once as the cluster has room for; rows come as they are made.

        A film whose worker died too often keeps the answers it has, and its other samples fail.
        """
        ray = self._ray
        has_gpu = ray.cluster_resources().get("GPU", 0) > 0
        num_gpus = (1.0 if has_gpu else 0.0) if self.config.num_gpus is None else self.config.num_gpus
        task = ray.remote(
            num_cpus=self.config.num_cpus,
            num_gpus=num_gpus,
            max_retries=self.config.max_retries,
            max_calls=0,  # a worker stays, and with it the model
            num_returns="streaming",  # a row that has come does not come again when the task is retried
        )(_run_remotely)
        shared = ray.put(opener)
        going = {task.remote(job, shared): _Going(job=job) for job in jobs}
        try:
            while going:
                (stream, *_), _ = ray.wait(list(going), num_returns=1)
                state = going[stream]
                try:
                    rows = ray.get(next(stream))
                except StopIteration:
                    del going[stream]
                    continue
                except ray.exceptions.RayError as error:
                    del going[stream]
                    rows = state.fail(_first_line(error))
                state.note(rows)
                yield state.job, rows
        finally:
            for left in going:
                ray.cancel(left, force=True)

    def close(self) -> None:
        """Stop the cluster, if this object started it."""
        if self._is_ours:
            self._ray.shutdown()

    def __enter__(self) -> Cluster:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _check_address(address: str | None) -> None:
    """Refuse an address at which nobody listens; Ray itself would wait for minutes, and end the process."""
    if address is None or address == "auto":
        return
    try:
        parts = urlsplit(f"//{address}")
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if host is None or port is None:
        raise EvaluationError(f"{address!r} is no address of a Ray cluster", hint="give its head node, as host:6379")
    try:
        socket.create_connection((host, port), timeout=_CONNECT_SECONDS).close()
    except OSError as error:
        raise EvaluationError(
            f"no Ray cluster at {address} ({error.strerror or error})",
            hint="see that it runs, or leave --ray-address out",
        ) from None


@dataclass(kw_only=True)
class _Going:
    """A job under way, and what has come of it."""

    job: FilmJob
    is_open: bool = False
    done: set[str] = field(default_factory=set)

    def note(self, rows: Rows) -> None:
        self.is_open |= rows.film is not None
        self.done |= {prediction.sample.id for prediction in rows.predictions}

    def fail(self, reason: str) -> Rows:
        rows = failed_film(replace(self.job, missing=self.job.missing - self.done), reason)
        return replace(rows, film=None) if self.is_open else rows


def _run_remotely(job: FilmJob, opener: FilmOpener) -> Iterator[Rows]:
    """Run a job where Ray wants it."""
    yield from run_job(job, _kept(opener))


@lru_cache(maxsize=1)
def _kept(opener: FilmOpener) -> FilmOpener:
    """Return the opener that this worker got first, of all that are equal: its model is open."""
    return opener


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
