"""Packages are verified, bounded and never run."""

import hashlib
import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from foretaste.datasets import packages
from foretaste.datasets.packages import Package, member, members
from foretaste.errors import NotAvailable, UnsafeInput


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FORETASTE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("FORETASTE_DATA", str(tmp_path / "given"))
    (tmp_path / "given").mkdir()
    return tmp_path


def wheel(path: Path, **content: str) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in content.items():
            archive.writestr(f"p/{name}.csv", text)
    return path


def pinned(path: Path, client: str = "") -> Package:
    return Package(client, "p", "1", path.name, hashlib.sha256(path.read_bytes()).hexdigest())


def test_a_file_the_user_has_is_used(folders: Path):
    path = wheel(folders / "given" / "p.whl", one="1")
    assert pinned(path).get() == path


def test_a_changed_file_is_refused(folders: Path):
    path = wheel(folders / "given" / "p.whl", one="1")
    package = pinned(path)
    wheel(path, one="2")
    with pytest.raises(UnsafeInput, match="SHA-256"):
        package.get()


def test_a_file_in_no_registry_says_where_to_put_it():
    with pytest.raises(NotAvailable, match="FORETASTE_DATA"):
        Package("", "", "", "rows.parquet", "0" * 64).get()


def test_a_client_that_fails_says_why(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(packages.CLIENTS, "pip", ("false", "{name}=={version}"))
    with pytest.raises(NotAvailable, match="false failed"):
        Package("pip", "p", "1", "p.whl", "0" * 64).get()


def test_a_client_that_is_not_there_says_so(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(packages.CLIENTS, "npm", ("no-such-client",))
    with pytest.raises(NotAvailable, match="not installed"):
        Package("npm", "p", "1", "p.tgz", "0" * 64).get()


def test_what_is_fetched_is_kept(folders: Path, monkeypatch: pytest.MonkeyPatch):
    path = wheel(folders / "p.whl", one="1")
    monkeypatch.setitem(packages.CLIENTS, "pip", ("cp", str(path), "."))
    package = pinned(path, "pip")
    kept = package.get()
    monkeypatch.setitem(packages.CLIENTS, "pip", ("false",))
    assert package.get() == kept == folders / "cache" / "packages" / "p.whl"


def test_what_is_fetched_but_not_the_pinned_file_is_not_kept(
    folders: Path, monkeypatch: pytest.MonkeyPatch
):
    path = wheel(folders / "p.whl", one="1")
    monkeypatch.setitem(packages.CLIENTS, "pip", ("cp", str(path), "."))
    with pytest.raises(UnsafeInput):
        Package("pip", "p", "1", "p.whl", "0" * 64).get()
    assert list((folders / "cache" / "packages").iterdir()) == []


def test_members_of_wheels_tarballs_and_debs_are_read_alike(folders: Path):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        info = tarfile.TarInfo("./p/one.csv")
        info.size = 3
        tar.addfile(info, io.BytesIO(b"abc"))
    tarball = folders / "p.tgz"
    tarball.write_bytes(buffer.getvalue())
    size = str(len(buffer.getvalue())).encode().ljust(10)
    head = b"data.tar.gz".ljust(48) + size + b"`\n"
    deb = folders / "p.deb"
    deb.write_bytes(
        b"!<arch>\n" + b"control".ljust(48) + b"1         `\nx\n" + head + buffer.getvalue()
    )
    for path in (wheel(folders / "p.whl", one="abc"), tarball, deb):
        assert list(members(path, "p/")) == [("p/one.csv", b"abc")]


def test_a_member_that_unpacks_too_far_is_refused(folders: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(packages, "MEMBER_LIMIT", 10)
    path = wheel(folders / "p.whl", one="0" * 11)
    with pytest.raises(UnsafeInput, match="11 bytes"):
        member(path, "p/one.csv")
