"""Figures for Prometheus, in a registry of their own."""

from collections.abc import Callable

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from starlette.requests import Request
from starlette.responses import Response

_SECONDS = (0.001, 0.005, 0.02, 0.1, 0.5, 2, 10, 60, 600)


class Metrics:
    """What this process counts."""

    def __init__(self, dropped_notes: Callable[[], int] = lambda: 0) -> None:
        self.registry = CollectorRegistry()
        dropped = Gauge(
            "kade_audit_notes_dropped",
            "Reads and refusals that the journal lacks, because it could not be written for too long.",
            registry=self.registry,
        )
        dropped.set_function(dropped_notes)
        self._requests = Counter(
            "kade_requests", "Requests answered.", ("operation", "status"), registry=self.registry
        )
        self._seconds = Histogram(
            "kade_request_seconds",
            "Time from a request's headers to the end of its answer.",
            ("operation",),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._handshakes = Counter(
            "kade_connections_refused",
            "Connections refused before a request: TLS handshakes and the connection limit.",
            ("listener",),
            registry=self.registry,
        )

        self._by_request: dict[tuple[str, int], tuple[Counter, Histogram]] = {}

    def request(self, operation: str, status: int, seconds: float) -> None:
        """A request was answered; status 0: the client left before."""
        found = self._by_request.get((operation, status))
        if found is None:
            found = self._requests.labels(operation, str(status)), self._seconds.labels(operation)
            self._by_request[operation, status] = found
        count, duration = found
        count.inc()
        duration.observe(seconds)

    def connection_refused(self, listener: str) -> None:
        """A connection did not come as far as a request."""
        self._handshakes.labels(listener).inc()

    async def page(self, _request: Request) -> Response:
        """The text format of Prometheus."""
        return Response(generate_latest(self.registry), media_type=CONTENT_TYPE_LATEST)
