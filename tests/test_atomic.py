"""Files are written whole or not at all, and a file that is there is replaced only when that is asked for."""

from __future__ import annotations

import os
import resource
import stat
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import immunoode as imo
from immunoode.atomic import whole_file, write_together, write_whole
from immunoode.errors import FileError

pytestmark = pytest.mark.skipif(os.name != "posix", reason="permissions and limits are those of POSIX")

WRITERS: dict[str, Callable[[Path], object]] = {
    "save_model": lambda path: imo.save_model(imo.load_model("claret2009"), path, overwrite=False),
    "write_sbml": lambda path: imo.io.write_sbml(imo.load_model("claret2009"), path),
    "write_code": lambda path: imo.io.write_code(imo.load_model("claret2009"), "python", path),
    "write_records": lambda path: imo.io.write_records(
        {1: imo.Regimen().dose("drug", "2 mg").schedule({"drug": "mg"}, {})}, time_unit="day", path=path
    ),
    "write_nonmem": lambda path: imo.io.write_nonmem(imo.load_example(), time_unit="day", path=path),
}
"""What writes a file, called so that a file that is there is kept."""


def test_a_file_is_written_as_it_is_given(tmp_path: Path) -> None:
    assert write_whole(tmp_path / "a.txt", "tumour: µ\r\n") == tmp_path / "a.txt"
    assert (tmp_path / "a.txt").read_bytes() == "tumour: µ\r\n".encode()
    assert os.listdir(tmp_path) == ["a.txt"]


def test_a_new_file_has_the_permissions_that_the_user_gives_new_files(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_whole(tmp_path / "a.txt", "")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a.txt").stat().st_mode) == 0o640


def test_a_file_that_is_replaced_keeps_its_permissions(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    path.chmod(0o600)
    write_whole(path, "new", overwrite=True)
    assert path.read_text() == "new" and stat.S_IMODE(path.stat().st_mode) == 0o600


def test_through_a_link_the_file_is_replaced_and_the_link_stays(tmp_path: Path) -> None:
    (tmp_path / "real.txt").write_text("old")
    (tmp_path / "link.txt").symlink_to(tmp_path / "real.txt")
    write_whole(tmp_path / "link.txt", "new", overwrite=True)
    assert (tmp_path / "link.txt").is_symlink() and (tmp_path / "real.txt").read_text() == "new"


@pytest.mark.parametrize("error", [ValueError("no"), KeyboardInterrupt(), OSError(28, "No space left on device")])
def test_what_stops_the_writer_leaves_the_old_file(tmp_path: Path, error: BaseException) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(FileError if isinstance(error, OSError) else type(error)):  # noqa: SIM117
        with whole_file(path, overwrite=True) as part:
            part.write_text("half of the n")
            raise error
    assert path.read_text() == "old" and os.listdir(tmp_path) == ["a.txt"]


@pytest.mark.parametrize("name", WRITERS)
def test_a_file_that_is_there_is_kept(tmp_path: Path, name: str) -> None:
    path = tmp_path / "kept"
    path.write_text("old")
    with pytest.raises(FileError, match="already exists; overwrite=True"):
        WRITERS[name](path)
    assert path.read_text() == "old" and os.listdir(tmp_path) == ["kept"]


@pytest.mark.parametrize("name", WRITERS)
def test_what_is_written_to_a_file_is_what_is_returned(tmp_path: Path, name: str) -> None:
    made, path = WRITERS[name](tmp_path / "new"), tmp_path / "new"
    if isinstance(made, str):
        assert path.read_text(encoding="utf-8") == made
    assert path.stat().st_size > 20 and os.listdir(tmp_path) == ["new"]


def test_event_records_are_read_again_from_their_file(tmp_path: Path) -> None:
    data = imo.load_example()
    imo.io.write_nonmem(data, time_unit="day", path=tmp_path / "trial.csv")
    again = imo.io.read_nonmem(tmp_path / "trial.csv", time_unit="day")
    assert again.frame["value"].tolist() == data.frame["value"].tolist()


@pytest.mark.parametrize(
    ("path", "said"),
    [("absent/a.txt", "folder that does not exist"), (".", "is a folder"), ("pipe", "not a regular file"), ("\x00", "null")],
)
def test_places_where_no_file_can_be(tmp_path: Path, path: str, said: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(FileError, match=said):
        write_whole(tmp_path / path, "text", overwrite=True)


def test_of_two_writers_of_a_new_file_one_succeeds(tmp_path: Path) -> None:
    def write(k: int) -> bool:
        try:
            write_whole(tmp_path / "a.txt", str(k) * 10_000)
        except FileError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(write, range(8)))
    assert sum(done) == 1 and (tmp_path / "a.txt").read_text() == str(done.index(True)) * 10_000


def test_two_writers_that_replace_a_file_do_not_mix(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda k: write_whole(tmp_path / "a.txt", str(k) * 10_000, overwrite=True), range(8)))
    assert (tmp_path / "a.txt").read_text() in {str(k) * 10_000 for k in range(8)}
    assert os.listdir(tmp_path) == ["a.txt"]


FULL = """
import resource, sys
import immunoode as imo
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    imo.io.write_sbml(imo.load_model("claret2009"), sys.argv[1], overwrite=True)
except imo.errors.FileError as error:
    print(error)
"""


@pytest.mark.slow
def test_a_disk_that_has_no_room_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "model.xml"
    path.write_text("old")
    done = subprocess.run([sys.executable, "-c", FULL, path], capture_output=True, text=True, timeout=300)
    assert "model.xml: cannot be written (File too large)" in done.stdout, done.stderr
    assert path.read_text() == "old" and os.listdir(tmp_path) == ["model.xml"]


def test_files_that_belong_together(tmp_path: Path) -> None:
    old, new = ({"a.tsv": f"{k}", "problem.yaml": f"{k}"} for k in ("old", "new"))
    assert write_together(tmp_path / "out", old) == tmp_path / "out" / "problem.yaml"
    with pytest.raises(FileError, match="a.tsv: already exists"):
        write_together(tmp_path / "out", new)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2, limits[1]))
    try:
        with pytest.raises(FileError, match="cannot be written"):
            write_together(tmp_path / "out", new, overwrite=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert {p.name: p.read_text() for p in (tmp_path / "out").iterdir()} == old
    write_together(tmp_path / "out", new, overwrite=True)
    assert {p.name: p.read_text() for p in (tmp_path / "out").iterdir()} == new
