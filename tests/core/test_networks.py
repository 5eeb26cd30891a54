"""Networks that somebody may call from."""

import pytest

from kade.core.errors import KadeError, RequestReason
from kade.core.networks import canonical, cover


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ([], ""),
        (["10.1.2.3/8"], "10.0.0.0/8"),
        (["192.0.2.1", "192.0.2.1/32", "2001:DB8::1"], "192.0.2.1/32 2001:db8::1/128"),
        (["::ffff:10.0.0.0/104", "::ffff:192.0.2.7"], "10.0.0.0/8 192.0.2.7/32"),
        (["::/0", "::ffff:0:0/95"], "::/0 ::fffe:0:0/95"),
    ],
)
def test_networks_have_one_form(given: list[str], kept: str) -> None:
    assert canonical(given) == kept
    assert canonical(kept.split()) == kept


@pytest.mark.parametrize("text", ["", "10.0.0.0/33", "10.0.0", "example.org", "10.0.0.0/8 ::1", "\udc80"])
def test_what_is_no_network_is_refused(text: str) -> None:
    with pytest.raises(KadeError) as refused:
        canonical(["::1", text])
    assert refused.value.reason is RequestReason.BAD_VALUE


@pytest.mark.parametrize(
    ("networks", "inside", "outside"),
    [
        ("", ["10.0.0.1", "::1", "", "local"], []),
        ("10.0.0.0/8", ["10.0.0.0", "10.255.255.255", "::ffff:10.1.2.3"], ["11.0.0.0", "::10.1.2.3", "::1"]),
        ("2001:db8::/32 192.0.2.1/32", ["2001:db8::5", "192.0.2.1"], ["2001:db9::", "192.0.2.2"]),
        ("0.0.0.0/0", ["192.0.2.1", "::ffff:192.0.2.1"], ["2001:db8::1"]),
        ("fe80::/10", ["fe80::1", "fe80::1%eth0"], ["::ffff:10.0.0.1"]),
        ("0.0.0.0/0 ::/0", ["192.0.2.1", "::1"], ["", "local", "example.org", "1"]),
    ],
)
def test_an_address_lies_inside_or_outside(networks: str, inside: list[str], outside: list[str]) -> None:
    assert all(cover(networks, each) for each in inside)
    assert not any(cover(networks, each) for each in outside)
