"""A Dask cluster as an executor."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import suppress
from typing import Any, cast
from urllib.parse import urlsplit

from lielaws.errors import InvalidArgumentError, LieLawsError
from lielaws.sweeps.foreign import end_isolated

_SCHEMES = ("tcp", "tls", "ws", "wss", "ucx")
_LONGEST_CONNECTION = 10.0


def _knock(address: str) -> None:
    """Raise OSError or ValueError unless something listens at an address such as tcp://host:8786 or host:8786.

    At once, where Dask would try again and again.
    """
    scheme, separator, rest = address.strip().rpartition("://")
    if separator and scheme not in _SCHEMES:
        raise ValueError(f"'{scheme}' is none of {', '.join(_SCHEMES)}")
    place = urlsplit(f"//{rest}")
    if place.hostname is None or place.port is None:
        raise ValueError("host and port are needed")
    socket.create_connection((place.hostname, place.port), _LONGEST_CONNECTION).close()


async def _greet(address: str) -> None:
    """Raise an exception unless a Dask scheduler answers at an address; what else listens there may say anything."""
    import distributed

    dask = cast("Any", distributed)
    secure = dask.Security().get_connection_args("client")
    comm = await dask.core.connect(address, timeout=_LONGEST_CONNECTION, **secure)
    try:
        await comm.write({"op": "identity", "reply": True})
        answer = await comm.read()
    finally:
        comm.abort()
    if not isinstance(answer, Mapping) or answer.get("type") != "Scheduler":
        raise ValueError("what answers is no scheduler")


def _check(address: str) -> None:
    """Raise an exception unless a Dask scheduler answers, before a client is made: one in vain hangs when it ends."""
    _knock(address)
    # In a thread of its own, as a notebook has a loop that runs already.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, asyncio.wait_for(_greet(address), _LONGEST_CONNECTION)).result()


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
            _check(scheduler)
            connect = cast("Any", distributed).Client
            self._client: Any = connect(scheduler, timeout=_LONGEST_CONNECTION, set_as_default=False)
        except Exception as error:
            reason = " ".join(str(error).split())[:200] or type(error).__name__
            if isinstance(error, MemoryError):
                # The length of a message was the text of another protocol.
                reason = "something else does"
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
