"""A Dask cluster as an executor."""

from __future__ import annotations

import socket
from concurrent.futures import Executor
from contextlib import suppress
from typing import Any, cast
from urllib.parse import urlsplit

from lielaws.errors import InvalidArgumentError, LieLawsError
from lielaws.sweeps.foreign import end_isolated

_SCHEMES = ("tcp", "tls", "ws", "wss", "ucx")
_LONGEST_CONNECTION = 10.0


def _knock(address: str) -> None:
    """Raise OSError or ValueError unless something listens at an address such as tcp://host:8786 or host:8786.

    At once, and before a client is made: one that fails to connect hangs when it is collected.
    """
    scheme, separator, rest = address.strip().rpartition("://")
    if separator and scheme not in _SCHEMES:
        raise ValueError(f"'{scheme}' is none of {', '.join(_SCHEMES)}")
    place = urlsplit(f"//{rest}")
    if place.hostname is None or place.port is None:
        raise ValueError("host and port are needed")
    socket.create_connection((place.hostname, place.port), _LONGEST_CONNECTION).close()


class Cluster:
    """A Dask cluster, through the scheduler at an address."""

    def __init__(self, scheduler: Any) -> None:
        """Connect. Raises LieLawsError if the extra is missing or the scheduler does not answer."""
        try:
            import distributed
        except ImportError as error:
            raise LieLawsError("executor = 'dask': it needs dask.distributed; pip install 'lielaws[dask]'") from error
        if not isinstance(scheduler, str) or not scheduler.strip():
            raise InvalidArgumentError(
                "scheduler", scheduler, "the address of a scheduler is needed, such as tcp://host:8786"
            )
        try:
            _knock(scheduler)
            connect = cast("Any", distributed).Client
            self._client: Any = connect(scheduler, timeout=_LONGEST_CONNECTION, set_as_default=False)
        except (OSError, ValueError, TypeError) as error:
            reason = " ".join(str(error).split())[:200] or type(error).__name__
            remedy = f"no Dask scheduler answers there ({reason}); check the address"
            raise InvalidArgumentError("scheduler", scheduler, remedy) from error
        if not self._client.ncores():
            self.close()
            raise InvalidArgumentError("scheduler", scheduler, "this Dask cluster has no workers; start some")

    def executor(self) -> Executor:
        """The cluster as an executor."""
        made: Executor = self._client.get_executor(pure=False)
        return made

    def close(self) -> None:
        """Disconnect; the cluster goes on."""
        with suppress(Exception):
            self._client.run(end_isolated, on_error="ignore")
        with suppress(Exception):
            self._client.close()
