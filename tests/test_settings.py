"""Settings: file, then variables, then flags; unknown names and wrong values are refused with a hint."""

from collections.abc import Mapping
from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest

from holdfast import settings
from holdfast.settings import Settings, SettingsError

SECRET = "a-token-that-nobody-may-see"


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {"HOME": str(tmp_path), "PATH": "/bin"}


def load(cwd: Path, environ: Mapping[str, str], **flags: object) -> Settings:
    return settings.load(flags, environ, cwd)


def source(read: Settings, name: str) -> str:
    return next(line.source for line in read.describe() if line.name == name)


def test_without_anything_every_default_holds(tmp_path: Path, environ: dict[str, str]) -> None:
    read = load(tmp_path, environ)
    assert (read.host, read.port, read.lanes, read.body_bytes_max) == ("127.0.0.1", 8765, 2, 1024 * 1024)
    assert read.database_url is None
    assert {line.source for line in read.describe()} == {"default"}


def test_flags_beat_variables_beat_the_file(tmp_path: Path, environ: dict[str, str]) -> None:
    (tmp_path / "holdfast.toml").write_text("port = 1\nlanes = 3\nhost = 'file'\n")
    environ |= {"HOLDFAST_PORT": "2", "HOLDFAST_HOST": "variable"}
    read = load(tmp_path, environ, port=3, host=None)
    assert (read.port, read.host, read.lanes) == (3, "variable", 3)
    assert [source(read, name) for name in ("port", "host", "lanes")] == [
        "--port",
        "HOLDFAST_HOST",
        "file holdfast.toml",
    ]


@pytest.mark.parametrize("by", ["flag", "variable"])
def test_the_file_can_be_named(tmp_path: Path, environ: dict[str, str], by: str) -> None:
    (tmp_path / "holdfast.toml").write_text("port = 1\n")
    (tmp_path / "other.toml").write_text("port = 2\n")
    if by == "variable":
        environ["HOLDFAST_CONFIG"] = "other.toml"
    read = load(tmp_path, environ, config="other.toml" if by == "flag" else None)
    assert read.port == 2


def test_a_named_file_that_is_missing_or_broken_is_refused(tmp_path: Path, environ: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match=r"absent\.toml does not exist"):
        load(tmp_path, environ, config="absent.toml")
    (tmp_path / "holdfast.toml").write_text("port = = 1")
    with pytest.raises(SettingsError, match="cannot be read"):
        load(tmp_path, environ)


def test_an_unknown_name_is_refused_with_the_nearest(tmp_path: Path, environ: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match=r"HOLDFAST_PROT\. Did you mean HOLDFAST_PORT\?"):
        load(tmp_path, {**environ, "HOLDFAST_PROT": "1"})
    with pytest.raises(SettingsError, match=r"--lane\. Did you mean --lanes\?"):
        load(tmp_path, environ, lane=1)
    (tmp_path / "holdfast.toml").write_text("statement_timeout = 1")
    with pytest.raises(SettingsError, match=r"in file holdfast\.toml\. Did you mean statement_timeout_s\?"):
        load(tmp_path, environ)


def test_variables_of_the_test_suite_are_left_alone(tmp_path: Path, environ: dict[str, str]) -> None:
    load(tmp_path, {**environ, "HOLDFAST_TEST_PG": "15"})


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("port", "70000", "must be between 0 and 65535, not '70000'"),
        ("port", "eighty", "must be a whole number, not 'eighty'"),
        ("port", True, "must be a whole number"),
        ("lanes", "0", "must be between 1 and 64"),
        ("lock_timeout_s", "-1", "must be between 0.1 and 3600"),
        ("lock_timeout_s", "nan", "must be a number"),
        ("log_format", "xml", "must be one of auto, console, json"),
        ("database_url", "mysql://x", "must look like postgresql://"),
        ("admin_token", "short", "at least 16 characters"),
        ("host", "a b", "must be a host name"),
    ],
)
def test_a_wrong_value_is_refused(
    tmp_path: Path, environ: dict[str, str], name: str, value: object, message: str
) -> None:
    with pytest.raises(SettingsError, match=message) as caught:
        load(tmp_path, environ, **{name: value})
    assert name in str(caught.value)
    if name in ("database_url", "admin_token"):
        assert str(value) not in str(caught.value).replace("postgresql://user", "")


def test_secrets_are_never_shown(tmp_path: Path, environ: dict[str, str]) -> None:
    url = f"postgresql://me:{SECRET}@db.example:5432/shop?password={SECRET}&sslmode=require"
    read = load(tmp_path, {**environ, "HOLDFAST_ADMIN_TOKEN": SECRET, "HOLDFAST_DATABASE_URL": url})
    assert (read.admin_token, read.database_url) == (SECRET, url)
    assert SECRET not in repr(read) + str(read.describe())
    shown = {line.name: line.value for line in read.describe()}
    assert shown["database_url"] == "postgresql://me:***@db.example:5432/shop?password=***&sslmode=require"
    assert shown["admin_token"] == "(hidden)"


def test_a_folder_is_relative_to_where_it_is_written(tmp_path: Path, environ: dict[str, str]) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "h.toml").write_text("data = 'there'")
    assert load(tmp_path, environ, config="etc/h.toml").data == tmp_path / "etc" / "there"
    assert load(tmp_path, environ, data="here").data == tmp_path / "here"
    assert load(tmp_path, environ, data="~/here").data == tmp_path / "here"


def test_the_data_folder_follows_the_platform(tmp_path: Path, environ: dict[str, str]) -> None:
    assert load(tmp_path, {**environ, "XDG_DATA_HOME": "/x"}).data == Path("/x/holdfast")
    assert load(tmp_path, environ).data.name == "holdfast"


def test_settings_do_not_change(tmp_path: Path, environ: dict[str, str]) -> None:
    with pytest.raises(FrozenInstanceError):
        load(tmp_path, environ).port = 1  # type: ignore[misc]


def test_every_setting_has_a_unit_and_a_meaning(tmp_path: Path, environ: dict[str, str]) -> None:
    for line in load(tmp_path, environ).describe():
        assert line.unit and len(line.meaning) > 10, line
        assert line.variable.startswith("HOLDFAST_") and line.flag.startswith("--")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("mail_url", "smtp://u:a-secret@mail.example.org?tls=none"),
        ("mail_url", "ftp://a-secret@mail.example.org"),
        ("mail_from", "not an address"),
        ("mail_from", "Holdfast <a@example.org>\r\nBcc: b@example.org"),
        ("public_url", "bookings.example.org"),
        ("public_url", "https://user:a-secret@example.org"),
        ("public_url", "https://example.org/?x=1"),
        ("public_url", "https://exa mple.org"),
    ],
)
def test_what_cannot_be_used_for_mail_is_refused(
    tmp_path: Path, environ: dict[str, str], name: str, value: str
) -> None:
    given = {"mail_from": "a@example.org", name: value}
    with pytest.raises(SettingsError, match=name) as refused:
        load(tmp_path, environ, **given)
    assert name == "public_url" or "a-secret" not in str(refused.value)


def test_a_mail_server_needs_to_know_whom_mails_come_from(tmp_path: Path, environ: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match="mail_from"):
        load(tmp_path, environ, mail_url="smtp://mail.example.org")
    read = load(tmp_path, environ, mail_url="smtp://u:a-secret@mail.example.org", mail_from="Corner <c@example.org>")
    told = next(line.value for line in read.describe() if line.name == "mail_url")
    assert "a-secret" not in told + repr(read) and "mail.example.org" in told


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ({}, "http://127.0.0.1:8765"),
        ({"host": "0.0.0.0", "port": 80}, "http://localhost:80"),
        ({"host": "::1"}, "http://[::1]:8765"),
        ({"public_url": "https://bookings.example.org/"}, "https://bookings.example.org"),
    ],
)
def test_links_lead_to_where_people_reach_the_server(
    tmp_path: Path, environ: dict[str, str], given: dict[str, object], address: str
) -> None:
    assert load(tmp_path, environ, **given).reached_at == address
