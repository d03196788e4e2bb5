import hashlib
import socket

import pytest

from foretaste.errors import UnreadableInput, UnsafeInput
from foretaste.origin.fetching import Bounds, fetched, is_public

HERE = Bounds(private=True)


def test_what_stands_at_an_address_is_fetched_also_over_redirects(site):
    site.pages = {"/a": b"hello", "/b": "/a"}
    assert fetched(site.at("/a"), HERE).content == b"hello"
    assert fetched(site.at("/b"), HERE).sha256 == hashlib.sha256(b"hello").hexdigest()
    site.pages["/c%20d?x=%C3%A9%20y"] = b"quoted"
    assert fetched(site.at("/c d?x=é y"), HERE).content == b"quoted"


def test_files_and_other_file_systems_are_read_where_private_ones_are_allowed(tmp_path):
    (tmp_path / "a").write_bytes(b"hi")
    assert fetched(f"file://{tmp_path}/a", HERE).content == b"hi"
    with pytest.raises(UnsafeInput, match="file of this machine"):
        fetched(f"file://{tmp_path}/a", Bounds())
    with pytest.raises(UnsafeInput):
        fetched("/etc/hostname", Bounds())


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1/", "http://localhost/", "http://[::1]/", "http://169.254.169.254/"]
)
def test_private_addresses_are_not_asked(url):
    with pytest.raises(UnsafeInput, match="private"):
        fetched(url, Bounds())


def test_a_redirect_to_a_private_address_or_a_file_is_not_followed(site, monkeypatch):
    real = socket.getaddrinfo
    monkeypatch.setattr("foretaste.origin.fetching.is_public", lambda one: one == "127.0.0.1")
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda host, *more, **rest: real("127.0.0.2" if host == "inside" else host, *more, **rest),
    )
    site.pages = {"/a": "http://inside/secret", "/b": "file:///etc/hostname"}
    for path in site.pages:
        with pytest.raises(UnsafeInput):
            fetched(site.at(path), Bounds())


def test_a_name_is_looked_up_once_so_that_it_cannot_change_its_meaning(site, monkeypatch):
    """DNS rebinding: public when it is looked at, private when it is connected to."""
    site.pages, asked, real = {"/": b"secret"}, [], socket.getaddrinfo

    def rebinding(host, port, *more, **rest):
        asked.append(host)
        return real("127.0.0.1", port, *more, **rest)

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    monkeypatch.setattr("foretaste.origin.fetching.is_public", lambda one: True)
    port = site.server.server_port
    fetched(f"http://evil.example:{port}/", Bounds())
    assert [one for one in asked if one == "evil.example"] == ["evil.example"]


def test_what_is_larger_slower_or_farther_round_than_allowed_is_given_up(site):
    site.pages = {"/large": b"x" * 5_000, "/slow": site.dripping, "/round": "/round"}
    with pytest.raises(UnsafeInput, match="more than 1,000 bytes"):
        fetched(site.at("/large"), Bounds(bytes=1_000, private=True))
    with pytest.raises(UnsafeInput, match="longer than"):
        fetched(site.at("/slow"), Bounds(seconds=0.3, private=True))
    with pytest.raises(UnsafeInput, match="redirects"):
        fetched(site.at("/round"), Bounds(redirects=3, private=True))
    assert site.asked.count("/round") == 4


def test_a_file_that_is_cut_off_has_no_digest(site):
    site.pages = {"/cut": site.cut_off}
    with pytest.raises(UnreadableInput, match="cut off"):
        fetched(site.at("/cut"), HERE)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:1/", "http://", "http://[oops/", "http://no.such.host.invalid/",
        "http://127.0.0.1:99999/", "https://a\n.example/", "", "memory://none", "ftp://\0",
    ],
)  # fmt: skip
def test_whatever_cannot_be_had_is_said(url):
    with pytest.raises((UnreadableInput, UnsafeInput)):
        fetched(url, Bounds(seconds=5, private=True))


def test_a_server_that_answers_something_else_is_said(site):
    site.pages = {"/gone": 410}
    with pytest.raises(UnreadableInput, match="410"):
        fetched(site.at("/gone"), HERE)


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.216.34", True), ("10.1.2.3", False), ("192.168.0.1", False), ("0.0.0.0", False),
        ("100.64.0.1", False), ("224.0.0.1", False), ("fe80::1%eth0", False), ("fd00::1", False),
        ("::ffff:127.0.0.1", False), ("64:ff9b::a00:1", False), ("2002:7f00:1::", False),
        ("2606:4700::1111", True),
    ],
)  # fmt: skip
def test_which_addresses_are_everybodys(address, public):
    assert is_public(address) is public
