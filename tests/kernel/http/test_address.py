import pytest
from hypothesis import given
from hypothesis import strategies as st

from masterlinc.errors import StartupError
from masterlinc.http.address import client_address, networks

OURS = networks(["10.0.0.0/8", "fd00::/8"])


def scope(peer, *forwarded):
    headers = [(b"x-forwarded-for", value.encode()) for value in forwarded]
    return {"client": (peer, 5000) if peer else None, "headers": headers, "state": {}}


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("203.0.113.7", (), "203.0.113.7"),
        ("203.0.113.7", ("198.51.100.1",), "203.0.113.7"),  # nobody of ours says so
        ("10.0.0.2", ("198.51.100.1",), "198.51.100.1"),
        ("10.0.0.2", ("6.6.6.6, 198.51.100.1",), "198.51.100.1"),  # the client wrote the first itself
        ("10.0.0.2", ("6.6.6.6", "198.51.100.1, 10.1.1.1"), "198.51.100.1"),
        ("10.0.0.2", ("198.51.100.1, nonsense",), "10.0.0.2"),
        ("10.0.0.2", ("10.0.0.9",), "10.0.0.9"),
        ("10.0.0.2", (), "10.0.0.2"),
        ("fd00::1", ("2001:db8::5",), "2001:db8::5"),
        ("::ffff:10.0.0.2", ("198.51.100.1",), "198.51.100.1"),
        ("", ("198.51.100.1",), ""),
        ("fe80::1%eth0", (), "fe80::1"),
        ("10.0.0.2", ("fe80::1%" + "x" * 99,), "fe80::1"),  # no column of an address holds it
        ("testclient", ("198.51.100.1",), ""),
    ],
)
def test_only_proxies_of_ours_are_believed(peer, forwarded, address):
    assert client_address(scope(peer, *forwarded), OURS) == address


def test_without_proxies_the_header_is_nothing():
    assert client_address(scope("10.0.0.2", "198.51.100.1"), ()) == "10.0.0.2"


@given(st.lists(st.text(max_size=40), max_size=40))
def test_a_client_never_chooses_its_address(written):
    """Whatever a client writes stands before the hop that our proxy adds."""
    header = ", ".join([*written, "198.51.100.1"]).encode("utf-8", "replace")
    sent = {"client": ("10.0.0.2", 1), "headers": [(b"x-forwarded-for", header)], "state": {}}
    assert client_address(sent, OURS) == "198.51.100.1"


def test_it_is_found_once():
    one = scope("10.0.0.2", "198.51.100.1")
    client_address(one, OURS)
    one["headers"] = []
    assert client_address(one, OURS) == "198.51.100.1"


def test_a_network_that_is_none_stops_the_start():
    with pytest.raises(StartupError, match="trusted_proxies"):
        networks(["10.0.0.1/8"])
