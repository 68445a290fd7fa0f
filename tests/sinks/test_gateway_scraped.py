"""What Prometheus itself makes of a push."""

from collections.abc import Callable

import msgspec

from batchlog.state.checkpoint import Series
from tests.servers import Prometheus, Pushgateway, eventually
from tests.sinks.deliveries import STATE, deliver, metrics, target


def test_prometheus_sees_the_totals_as_they_were_pushed(
    pushgateway: Pushgateway, prometheus: Callable[..., Prometheus]
) -> None:
    pushgateway.wipe()
    deliver(target(pushgateway.url))
    server = prometheus(pushgateway.url.removeprefix("http://"))
    query = 'batchlog_http_requests_total{job="batchlog",instance="web1"}'
    first = {"200": 3.0, "404": 1.0}
    assert first == eventually(lambda: server.values(query, "status"), first)

    grown = (Series((("status", "200"),), 10**9 + 1, 2**40 + 1, 0),)
    deliver(target(pushgateway.url), metrics(msgspec.structs.replace(STATE, totals=grown)))
    second = {"200": 10.0**9 + 1}
    assert second == eventually(lambda: server.values(query, "status"), second)
    assert server.value("batchlog_http_response_bytes_total") == 2.0**40 + 1
    assert server.query("resets(batchlog_http_requests_total[1m]) > 0") == []
