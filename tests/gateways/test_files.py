"""Other people's files: read in every usual form, replaced in one step or not at all."""

import json
import os
import threading
from pathlib import Path

import pytest

from holdfast.gateways.files import RowFile
from holdfast.gateways.outside import OutsideBusy, OutsideError, Rewrite
from holdfast.gateways.replacing import BACKUP_SUFFIX

ROWS = [{"id": 1, "status": "a"}, {"id": 2, "status": "b"}]


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


FORMS = {
    "array": (json.dumps(ROWS), None),
    "indented": (json.dumps(ROWS, indent=4), None),
    "object": (json.dumps({"version": 3, "rooms": ROWS}), None),
    "path": (json.dumps({"rooms": ROWS, "other": []}), "rooms"),
    "deep": (json.dumps([{"cafe": {"systems": ROWS[:1]}}, {"cafe": {"systems": ROWS[1:]}}]), "cafe.systems"),
    "lines": ("\n".join(map(json.dumps, ROWS)) + "\n", None),
    "lines with a path": ("\n".join(json.dumps({"s": [row]}) for row in ROWS), "s"),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_usual_form_is_read_and_rewritten_in_place(form: str, tmp_path: Path):
    text, inside = FORMS[form]
    path = write(tmp_path, "rooms.json", text)
    path.chmod(0o640)
    file = RowFile(path, inside)
    assert [row.values for row in file.rows()] == ROWS
    file.rewrite([Rewrite(2, 2, "status", "b", "free")], ())
    assert path.read_text() == text.replace('"b"', '"free"')
    assert path.stat().st_mode & 0o777 == 0o640
    assert (tmp_path / f"rooms.json{BACKUP_SUFFIX}").read_text() == text
    assert {each.name for each in tmp_path.iterdir()} == {"rooms.json", f"rooms.json{BACKUP_SUFFIX}"}


def test_a_csv_is_read_and_never_written(tmp_path: Path):
    file = RowFile(write(tmp_path, "rooms.csv", 'id;status\n1;"a"\n2;b;c\n'))
    rows = list(file.rows())
    assert rows[0].values == {"id": "1", "status": "a"} and "3 cells" in (rows[1].problem or "")
    with pytest.raises(OutsideError, match="only looked at"):
        file.rewrite([Rewrite(1, 1, "status", "a", "b")], ())


def test_a_file_that_has_changed_meanwhile_is_not_written_to(tmp_path: Path):
    path, other = write(tmp_path, "rooms.json", json.dumps(ROWS)), write(tmp_path, "bookings.json", "[]")
    for changed in (path, other):
        file, beside = RowFile(path), RowFile(other)
        told = changed.stat()
        changed.write_text(changed.read_text() + " ")
        with pytest.raises(OutsideBusy, match="has changed"):
            file.rewrite([Rewrite(1, 1, "status", "a", "b")], (beside.seen,))
        # the same length and the same time, but other bytes
        changed.write_text(changed.read_text()[:-1])
        os.utime(changed, ns=(told.st_atime_ns, told.st_mtime_ns))
        file = RowFile(path)
        changed.write_text(changed.read_text()[:-1] + "}" if changed is path else "{}")
        os.utime(changed, ns=(told.st_atime_ns, told.st_mtime_ns))
        with pytest.raises(OutsideBusy, match="has changed"):
            file.rewrite([Rewrite(1, 1, "status", "a", "b")], (beside.seen,))
        path.write_text(json.dumps(ROWS))
        other.write_text("[]")
    assert {each.name for each in tmp_path.iterdir()} == {"rooms.json", "bookings.json"}


def test_whoever_reads_meanwhile_sees_the_old_or_the_new_file_and_never_a_part(tmp_path: Path):
    rows = [{"id": n, "status": "a"} for n in range(2_000)]
    path = write(tmp_path, "rooms.json", json.dumps(rows))
    done = threading.Event()
    seen: list[set[str]] = []

    def reader() -> None:
        while not done.is_set():
            seen.append({row["status"] for row in json.loads(path.read_text())})

    thread = threading.Thread(target=reader)
    thread.start()
    try:
        for before, after in (("a", "b"), ("b", "a")) * 10:
            RowFile(path).rewrite([Rewrite(n + 1, n, "status", before, after) for n in range(2_000)], ())
    finally:
        done.set()
        thread.join(10)
    assert seen and all(statuses in ({"a"}, {"b"}) for statuses in seen)


def test_the_file_behind_a_link_is_written_and_the_link_stays(tmp_path: Path):
    path = write(tmp_path, "rooms.json", json.dumps(ROWS))
    link = tmp_path / "link.json"
    link.symlink_to(path)
    RowFile(link).rewrite([Rewrite(1, 1, "status", "a", "b")], ())
    assert link.is_symlink() and json.loads(path.read_text())[0]["status"] == "b"


def test_a_number_stays_a_number_and_a_nested_field_is_found(tmp_path: Path):
    path = write(tmp_path, "rooms.json", '[{"now": {"status": 1}}, {"now": {"status": "1"}}]')
    wishes = [Rewrite(1, 1, "now.status", 1, "0"), Rewrite(2, 2, "now.status", "1", "0")]
    RowFile(path).rewrite(wishes, ())
    assert path.read_text() == '[{"now": {"status": 0}}, {"now": {"status": "0"}}]'


BROKEN = {
    "": "no JSON",
    "[1, 2": "truncated",
    '{\n"a": }': "line 2",
    '{"a": 1}': "no array",
    '{"a": [], "b": []}': "several arrays: a, b",
    "hello": "no JSON",
}


@pytest.mark.parametrize("text", BROKEN)
def test_a_broken_file_is_one_clear_error(text: str, tmp_path: Path):
    with pytest.raises(OutsideError, match=BROKEN[text]):
        RowFile(write(tmp_path, "rooms.json", text))


def test_a_way_that_leads_nowhere_names_what_there_is(tmp_path: Path):
    with pytest.raises(OutsideError, match="Did you mean 'systems'"):
        RowFile(write(tmp_path, "cafe.json", '{"systems": []}'), "sytems")
    with pytest.raises(OutsideError, match="no file"):
        RowFile(tmp_path / "nowhere.json")


def test_a_file_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("holdfast.gateways.replacing.FILE_BYTES_MAX", 10)
    with pytest.raises(OutsideError, match="larger than"):
        RowFile(write(tmp_path, "rooms.json", json.dumps(ROWS)))
