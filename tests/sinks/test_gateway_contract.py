"""What a Pushgateway does for us: the same for the real one and for the stand-in."""

from collections.abc import Callable, Iterator

import msgspec
import pytest
from prometheus_client.core import SummaryMetricFamily

from batchlog.errors import GatewayRefused
from batchlog.sinks.gateway import Target, forget, generation, holds_group
from batchlog.state.checkpoint import Series
from tests.gateways import StandIn
from tests.servers import Pushgateway
from tests.sinks.deliveries import STATE, deliver, metrics, target

Gateway = StandIn | Pushgateway


@pytest.fixture(params=["stand-in", pytest.param("real", marks=pytest.mark.real_server)])
def gateway(request: pytest.FixtureRequest) -> Iterator[Gateway]:
    if request.param == "stand-in":
        with StandIn() as running:
            yield running
    else:
        real: Pushgateway = request.getfixturevalue("pushgateway")
        real.wipe()
        yield real


def test_everything_that_is_pushed_can_be_scraped(gateway: Gateway) -> None:
    delivery = deliver(target(gateway.url))
    assert delivery.warning is None
    assert delivery.tries == 1
    assert [
        'batchlog_http_requests_total{instance="web1",job="batchlog",status="200"} 3',
        'batchlog_http_requests_total{instance="web1",job="batchlog",status="404"} 1',
    ] == [line.removesuffix(".0") for line in gateway.lines("batchlog_http_requests_total{")]


def test_a_histogram_arrives_with_prometheus_own_le(gateway: Gateway) -> None:
    deliver(target(gateway.url))
    name = "batchlog_http_request_duration_seconds"
    labels = 'instance="web1",job="batchlog",status="200"'
    assert [
        f'{name}_bucket{{{labels},le="0.5"}} 1',
        f'{name}_bucket{{{labels},le="1"}} 2',
        f'{name}_bucket{{{labels},le="+Inf"}} 3',
        f"{name}_sum{{{labels}}} 1.75",
        f"{name}_count{{{labels}}} 3",
    ] == [sorted_le(line.removesuffix(".0")) for line in gateway.lines(f"{name}_")]


def sorted_le(line: str) -> str:
    """Put `le` last, where the Pushgateway has it."""
    name, _, rest = line.partition("{")
    labels, _, value = rest.rpartition("}")
    pairs = sorted(labels.split(","), key=lambda pair: pair.startswith("le="))
    return f"{name}{{{','.join(pairs)}}}{value}"


def test_a_push_replaces_the_group_whole_and_no_other(gateway: Gateway) -> None:
    deliver(target(gateway.url, grouping={"instance": "web2"}))
    deliver(target(gateway.url))
    only = Series((("status", "200"),), 4, 2326, 0)
    deliver(target(gateway.url), metrics(msgspec.structs.replace(STATE, totals=(only,))))
    assert [("web1", "200", "4"), ("web2", "200", "3"), ("web2", "404", "1")] == sorted(
        (line.split('"')[1], line.split('"')[5], line.split()[-1].removesuffix(".0"))
        for line in gateway.lines("batchlog_http_requests_total{")
    )
    durations = gateway.lines("batchlog_http_request_duration_seconds_count{")
    assert ["web2"] == [line.split('"')[1] for line in durations]


def test_the_same_push_twice_changes_nothing_r80(gateway: Gateway) -> None:
    deliver(target(gateway.url))
    once = gateway.lines("batchlog_")
    deliver(target(gateway.url))
    assert once == gateway.lines("batchlog_")


@pytest.mark.parametrize("compression", ["gzip", "none"])
def test_a_push_is_understood_with_and_without_compression(
    gateway: Gateway, compression: str
) -> None:
    deliver(target(gateway.url, compression=compression))
    assert holds_group(target(gateway.url)) == "a1b2"


def test_a_slash_at_the_end_of_the_url_is_no_matter(gateway: Gateway) -> None:
    deliver(target(gateway.url + "/"))
    assert holds_group(target(gateway.url + "/")) == "a1b2"


def test_a_url_without_a_scheme_is_http(gateway: Gateway) -> None:
    deliver(target(gateway.url.removeprefix("http://")))
    assert holds_group(target(gateway.url)) == "a1b2"


@pytest.mark.parametrize(
    "grouping",
    [
        {},
        {"instance": ""},
        {"instance": "/srv/a b"},
        {"instance": "a+b%20c"},
        {"instance": 'say "hi" \\ é'},
        {"instance": "web1", "site": "x", "tier": "edge"},
    ],
)
def test_a_group_is_found_again_under_any_name(gateway: Gateway, grouping: dict[str, str]) -> None:
    where = target(gateway.url, grouping=grouping)
    assert holds_group(where) is None
    deliver(where)
    assert holds_group(where) == "a1b2"
    assert generation(where) == 7


def test_a_gateway_without_our_group_says_so_r65(gateway: Gateway) -> None:
    deliver(target(gateway.url, job="other"))
    deliver(target(gateway.url, grouping={"instance": "web1", "shard": "2"}))
    deliver(target(gateway.url, grouping={"instance": "web2"}))
    assert holds_group(target(gateway.url)) is None
    assert generation(target(gateway.url)) is None


def test_another_programs_group_of_our_name_has_no_state_id_r92(gateway: Gateway) -> None:
    foreign = [family for family in metrics() if "batchlog_http" in family.name]
    deliver(target(gateway.url), foreign)
    assert holds_group(target(gateway.url)) == ""
    assert generation(target(gateway.url)) is None


def test_a_name_that_another_group_has_as_another_type_is_refused_r93(gateway: Gateway) -> None:
    deliver(target(gateway.url, job="other"))
    name = "batchlog_http_request_duration_seconds"
    clash = [SummaryMetricFamily(name, "Another program's.", count_value=1, sum_value=1)]
    with pytest.raises(GatewayRefused) as refused:
        deliver(target(gateway.url), clash)
    assert "400 Bad Request" in str(refused.value)
    assert name in str(refused.value)
    assert "set metrics.namespace" in str(refused.value)
    assert holds_group(target(gateway.url)) is None


def test_a_forgotten_group_is_gone_r95(gateway: Gateway) -> None:
    deliver(target(gateway.url))
    deliver(target(gateway.url, grouping={"instance": "web2"}))
    forget(target(gateway.url))
    assert holds_group(target(gateway.url)) is None
    assert holds_group(target(gateway.url, grouping={"instance": "web2"})) == "a1b2"


def test_forgetting_what_is_not_there_is_no_error(gateway: Gateway) -> None:
    forget(target(gateway.url))
    assert holds_group(target(gateway.url)) is None


def test_an_empty_push_never_wipes_the_group_r94(gateway: Gateway) -> None:
    deliver(target(gateway.url))
    delivery = deliver(target(gateway.url), [])
    assert f"gateway {gateway.url}: nothing to push, nothing sent" == delivery.warning
    assert holds_group(target(gateway.url)) == "a1b2"


@pytest.mark.parametrize("ask", [forget, holds_group, deliver])
def test_a_url_that_leads_beside_the_gateway_is_named_r85(
    pushgateway: Pushgateway, ask: Callable[[Target], object]
) -> None:
    with pytest.raises(GatewayRefused, match=r"; gateway\.url must lead to a Pushgateway"):
        ask(target(pushgateway.url + "/elsewhere"))
