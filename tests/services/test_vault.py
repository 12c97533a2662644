"""Secrets at rest: bound to their connection, readable with an older key, and with no other."""

import stat
from pathlib import Path

import pytest

from holdfast.services.vault import KEY_FILE, KEYS_MAX, Vault, VaultError, add_key, drop_old_keys, open_vault

FIRST, SECOND = "the first key of them", "the second key of them"


def test_what_is_encrypted_is_told_to_the_same_connection_only():
    vault = Vault([FIRST])
    sealed = vault.encrypt(b"token", "1/2")
    assert b"token" not in sealed and vault.decrypt(sealed, vault.key_id, "1/2") == b"token"
    assert sealed != vault.encrypt(b"token", "1/2")
    with pytest.raises(VaultError, match="moved from another connection"):
        vault.decrypt(sealed, vault.key_id, "1/3")
    with pytest.raises(VaultError, match="was changed"):
        vault.decrypt(sealed[:-1] + bytes([sealed[-1] ^ 1]), vault.key_id, "1/2")


def test_an_older_key_still_decrypts_and_a_lost_one_is_said():
    old = Vault([FIRST])
    sealed = old.encrypt(b"token", "1/2")
    both = Vault([SECOND, FIRST])
    assert both.decrypt(sealed, old.key_id, "1/2") == b"token" and both.key_id != old.key_id
    with pytest.raises(VaultError, match="not here any more"):
        Vault([SECOND]).decrypt(sealed, old.key_id, "1/2")


def test_a_key_file_is_made_once_and_read_by_its_owner_only(tmp_path: Path):
    first, second = open_vault(None, tmp_path), open_vault(None, tmp_path)
    assert first.key_id == second.key_id
    assert stat.S_IMODE((tmp_path / KEY_FILE).stat().st_mode) == 0o600
    add_key(tmp_path)
    rotated = open_vault(None, tmp_path)
    assert rotated.key_id != first.key_id
    assert rotated.decrypt(first.encrypt(b"x", "1/1"), first.key_id, "1/1") == b"x"
    assert drop_old_keys(tmp_path) == 1
    with pytest.raises(VaultError):
        open_vault(None, tmp_path).decrypt(first.encrypt(b"x", "1/1"), first.key_id, "1/1")


def test_no_key_is_pushed_out_by_newer_ones(tmp_path: Path):
    first = open_vault(None, tmp_path)
    sealed = first.encrypt(b"x", "1/1")
    for _ in range(KEYS_MAX - 1):
        add_key(tmp_path)
    with pytest.raises(VaultError, match="16 keys already"):
        add_key(tmp_path)
    assert open_vault(None, tmp_path).decrypt(sealed, first.key_id, "1/1") == b"x"


def test_the_setting_comes_before_the_file_and_short_keys_are_refused(tmp_path: Path):
    assert open_vault(f"{FIRST}, {SECOND}", tmp_path).key_id == Vault([FIRST]).key_id
    assert not (tmp_path / KEY_FILE).exists()
    with pytest.raises(VaultError, match="at least 16"):
        open_vault("short", tmp_path)
    with pytest.raises(VaultError, match="HOLDFAST_SECRET_KEY"):
        open_vault(None, Path("/proc/nowhere"))
