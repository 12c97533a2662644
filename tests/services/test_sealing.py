"""Sealed secrets: bound to what they are about, readable with the old keys, and one key file for all processes."""

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.services.sealing import KEY_FILE, Sealing, SealingError
from holdfast.services.vault import add_key, drop_old_keys

OLD, NEW = "an old key: long and quite random", "a new key: long and quite random too"
NOWHERE = Path("/nonexistent")


def test_what_is_sealed_is_opened_and_shows_nothing() -> None:
    sealing = Sealing((OLD,), NOWHERE)
    sealed = sealing.seal(b"secret", b"about")
    assert b"secret" not in sealed and sealing.open(sealed, b"about") == b"secret"
    assert sealing.seal(b"secret", b"about") != sealed


@settings(max_examples=30)  # the key is made anew for each, and that is meant to take its time
@given(st.data())
def test_whatever_is_changed_opens_nothing(data: st.DataObject) -> None:
    sealing = Sealing((OLD,), NOWHERE)
    sealed = bytearray(sealing.seal(b"secret", b"about"))
    place = data.draw(st.integers(0, len(sealed) - 1))
    sealed[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises(SealingError):
        sealing.open(bytes(sealed), b"about")


@settings(max_examples=30)
@given(st.binary(max_size=80))
def test_no_bytes_at_all_are_opened(garbage: bytes) -> None:
    with pytest.raises(SealingError):
        Sealing((OLD,), NOWHERE).open(garbage, b"about")


def test_it_is_bound_to_what_it_is_about_and_to_its_key() -> None:
    sealed = Sealing((OLD,), NOWHERE).seal(b"secret", b"totp:1")
    with pytest.raises(SealingError):
        Sealing((OLD,), NOWHERE).open(sealed, b"totp:2")
    with pytest.raises(SealingError, match="a key that is not here any more"):
        Sealing((NEW,), NOWHERE).open(sealed, b"totp:1")


def test_keys_are_changed_without_losing_what_was_sealed() -> None:
    old, both = Sealing((OLD,), NOWHERE), Sealing((NEW, OLD), NOWHERE)
    assert both.open(old.seal(b"secret", b"x"), b"x") == b"secret"
    fresh = both.seal(b"secret", b"x")
    assert Sealing((NEW,), NOWHERE).open(fresh, b"x") == b"secret"
    with pytest.raises(SealingError):
        old.open(fresh, b"x")


def test_processes_that_start_together_make_one_key(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from holdfast.services.sealing import Sealing;"
        " sys.stdin.read(1); print(Sealing((), Path(sys.argv[1])).seal(b'secret', b'x').hex())"
    )
    started = [
        subprocess.Popen([sys.executable, "-c", program, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for _ in range(4)
    ]
    for process in started:  # all wait for this letter, past their imports
        assert process.stdin is not None
        process.stdin.write(b"x")
        process.stdin.flush()
    sealed = [bytes.fromhex(process.communicate(timeout=60)[0].decode()) for process in started]
    assert {Sealing((), tmp_path).open(one, b"x") for one in sealed} == {b"secret"}
    assert [path.name for path in tmp_path.iterdir()] == [KEY_FILE]
    assert (tmp_path / KEY_FILE).stat().st_mode & 0o777 == 0o600
    assert len((tmp_path / KEY_FILE).read_text().strip()) >= 32


def test_without_a_key_nothing_is_sealed_and_none_is_made_to_open(tmp_path: Path) -> None:
    with pytest.raises(SealingError, match="HOLDFAST_SECRET_KEY"):
        Sealing((), tmp_path).open(b"\x01", b"x")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(SealingError):
        Sealing((), tmp_path / "file").seal(b"secret", b"x")
    (tmp_path / KEY_FILE).write_bytes(b"no base64!")
    with pytest.raises(SealingError):
        Sealing((), tmp_path).open(b"\x01", b"x")


def test_a_process_seals_with_the_key_that_was_put_into_the_file_since(tmp_path: Path) -> None:
    running = Sealing((), tmp_path)
    running.seal(b"secret", b"about")
    add_key(tmp_path)
    fresh = running.seal(b"secret", b"about")
    assert drop_old_keys(tmp_path) == 1
    assert Sealing((), tmp_path).open(fresh, b"about") == b"secret"


def test_a_process_whose_key_file_is_gone_makes_no_other(tmp_path: Path) -> None:
    running = Sealing((), tmp_path)
    sealed = running.seal(b"secret", b"about")
    (tmp_path / KEY_FILE).rename(tmp_path / "elsewhere")
    with pytest.raises(SealingError, match="bring back"):
        running.seal(b"another", b"about")
    assert not (tmp_path / KEY_FILE).exists()
    (tmp_path / "elsewhere").rename(tmp_path / KEY_FILE)
    assert running.open(running.seal(b"another", b"about"), b"about") == b"another"
    assert running.open(sealed, b"about") == b"secret"
