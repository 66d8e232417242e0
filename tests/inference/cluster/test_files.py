"""A node's cache of files: fetched once, resumed after a cut, checked, and kept up to its limit."""

from __future__ import annotations

import hashlib
import itertools
import shutil
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from pydantic import ValidationError

from inference.cluster.files import (
    FIRST_PIECE_BYTES,
    LEAST_PIECE_BYTES,
    PIECE_BYTES,
    CacheFull,
    FileCache,
    FileGone,
    FileRef,
    FileRefused,
    FileUnavailable,  # pyright: ignore[reportPrivateUsage]
    SharedStorage,
    _BotsMachine,
)

PIECE = 1000
ROOT = Path(__file__).parents[3]


def ref(data: bytes, name: str = "alice.safetensors") -> FileRef:
    return FileRef(sha256=hashlib.sha256(data).hexdigest(), size=len(data), name=name)


def content(seed: int, size: int = 3500) -> bytes:
    return hashlib.shake_128(str(seed).encode()).digest(size)


class Bot:
    """The bot's machine: the pieces of some files, and what was asked for. It breaks at the offset `cut`."""

    def __init__(self, *files: bytes, cut: int | None = None) -> None:
        self.files = {hashlib.sha256(data).hexdigest(): data for data in files}
        self.cut = cut
        self.asked: list[int] = []

    def piece(self, sha256: str, offset: int, size: int) -> bytes:
        self.asked.append(offset)
        if offset == self.cut:
            raise ConnectionResetError("the connection broke")
        if sha256 not in self.files:
            raise FileNotFoundError("the bot has no such file")
        return self.files[sha256][offset : offset + size]


def breaking_off(data: bytes) -> str:
    """Host and port of a web server that breaks every answer off in its middle."""

    class Half(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()

        def do_GET(self) -> None:
            self.do_HEAD()
            self.wfile.write(data[: len(data) // 2])

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Half)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"127.0.0.1:{server.server_address[1]}"


def cache(tmp_path: Path, pieces: Bot | None = None, limit: int = 10_000, shared: str = "") -> FileCache:
    ticks = itertools.count(1_000_000_000, 1_000_000_000)
    storage = SharedStorage(shared) if shared else None
    return FileCache(
        tmp_path / "node", limit, shared=storage, pieces=pieces, piece_bytes=PIECE, clock=lambda: next(ticks)
    )


def kept(files: FileCache) -> set[str]:
    return {path.name for path in (files.folder / "files").iterdir()}


def parts(files: FileCache) -> list[Path]:
    return list((files.folder / "parts").iterdir())


def test_a_file_comes_in_pieces_and_is_fetched_once(tmp_path: Path) -> None:
    data, bot = content(1), Bot(content(1))
    files = cache(tmp_path, bot)
    files.link(ref(data), tmp_path / "one")
    files.link(ref(data), tmp_path / "two" / "alice.safetensors")
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two" / "alice.safetensors").read_bytes() == data
    assert bot.asked == [0, 1000, 2000, 3000] and not parts(files)
    files.link(ref(data), tmp_path / "one")  # again, over the link itself
    assert {path.name for path in tmp_path.iterdir()} == {"node", "one", "two"}


def test_pieces_are_as_large_as_the_line_is_fast() -> None:
    """Ray sends a large one again and again where it does not arrive within ten seconds."""
    now, rate, sizes = 0.0, 0, list[int]()

    class Line:
        def piece(self, sha256: str, offset: int, size: int) -> bytes:
            nonlocal now
            now += size / rate
            sizes.append(size)
            return bytes(size)

    def fetched(bytes_a_second: int, size: int) -> list[int]:
        nonlocal rate
        rate = bytes_a_second
        sizes.clear()
        file = FileRef(sha256="0" * 64, size=size, name="one")
        assert sum(map(len, _BotsMachine(Line(), PIECE_BYTES, lambda: now).pieces(file, 0))) == size
        return sizes

    assert fetched(100 << 20, 100 << 20)[:5] == [1 << 20, 2 << 20, 4 << 20, 8 << 20, 8 << 20]
    slow = fetched(100_000, 4 << 20)
    assert slow[0] == FIRST_PIECE_BYTES and set(slow[2:-1]) == {1 << 18}
    assert set(fetched(1000, 1 << 21)[4:]) == {LEAST_PIECE_BYTES}


def test_whoever_asks_at_the_same_time_waits_for_one_fetch(tmp_path: Path) -> None:
    data = content(1)
    entered, go_on = threading.Event(), threading.Event()

    class Slow(Bot):
        def piece(self, sha256: str, offset: int, size: int) -> bytes:
            entered.set()
            assert go_on.wait(60)
            return super().piece(sha256, offset, size)

    bot = Slow(data)
    files, of_another_process = cache(tmp_path, bot), cache(tmp_path, bot)
    with ThreadPoolExecutor(4) as threads:
        asks = [threads.submit(one.link, ref(data), tmp_path / str(n)) for n in (0, 1) for one in (files, files)]
        asks += [threads.submit(of_another_process.link, ref(data), tmp_path / "other")]
        assert entered.wait(60)
        go_on.set()
        for ask in asks:
            ask.result(60)
    assert bot.asked == [0, 1000, 2000, 3000]


def test_a_fetch_ends_where_its_worker_is_closed_meanwhile(tmp_path: Path) -> None:
    data, worker = content(1), tmp_path / "worker"

    class Hurried(Bot):
        def piece(self, sha256: str, offset: int, size: int) -> bytes:
            shutil.rmtree(worker, ignore_errors=True)
            return super().piece(sha256, offset, size)

    bot = Hurried(data)
    files = cache(tmp_path, bot)
    with pytest.raises(FileNotFoundError):
        files.link(ref(data), worker / "one")
    files.link(ref(data), worker / "two")
    assert (worker / "two").read_bytes() == data and len(bot.asked) == 4


def test_a_fetch_goes_on_where_the_connection_broke(tmp_path: Path) -> None:
    data, bot = content(1), Bot(content(1), cut=2000)
    files = cache(tmp_path, bot)
    with pytest.raises(FileUnavailable, match="cannot be read from the bot's machine: the connection broke"):
        files.link(ref(data), tmp_path / "one")
    bot.cut, bot.asked = None, []
    files.link(ref(data), tmp_path / "one")
    assert bot.asked == [2000, 3000] and (tmp_path / "one").read_bytes() == data


KILLED = """
import os, signal, sys
from pathlib import Path
from inference.cluster.files import FileCache, FileRef

class Bot:
    def piece(self, sha256, offset, size):
        if offset == 2000:
            os.kill(os.getpid(), signal.SIGKILL)
        return Path(sys.argv[2]).read_bytes()[offset : offset + size]

files = FileCache(Path(sys.argv[1]), 10_000, pieces=Bot(), piece_bytes=1000)
files.link(FileRef.model_validate_json(sys.argv[3]), Path(sys.argv[1], "one"))
"""


def test_a_fetch_goes_on_where_its_process_was_killed(tmp_path: Path) -> None:
    data, bot = content(1), Bot(content(1))
    (tmp_path / "data").write_bytes(data)
    command = [sys.executable, "-c", KILLED, tmp_path / "node", tmp_path / "data", ref(data).model_dump_json()]
    assert subprocess.run(command, cwd=ROOT, check=False, timeout=120).returncode == -9
    files = cache(tmp_path, bot)
    files.link(ref(data), tmp_path / "one")
    assert bot.asked == [2000, 3000] and (tmp_path / "one").read_bytes() == data


def test_what_was_fetched_wrong_before_a_cut_is_fetched_anew(tmp_path: Path) -> None:
    data, bot = content(1), Bot(content(1))
    files = cache(tmp_path, bot)
    (files.folder / "parts" / f"{ref(data).sha256}-3500").write_bytes(b"?" * 1500)
    files.link(ref(data), tmp_path / "one")
    assert bot.asked == [1500, 2500, 0, 1000, 2000, 3000] and (tmp_path / "one").read_bytes() == data


def test_other_bytes_are_refused_with_the_reason_and_deleted(tmp_path: Path) -> None:
    data, bot = content(1), Bot()
    bot.files[ref(data).sha256] = content(2)
    files = cache(tmp_path, bot)
    with pytest.raises(FileRefused, match=rf"refused: its SHA-256 is {ref(content(2)).sha256} and not") as refused:
        files.link(ref(data), tmp_path / "one")
    assert "alice.safetensors of the bot's machine" in str(refused.value)
    assert not kept(files) and not parts(files) and not (tmp_path / "one").exists()


@pytest.mark.parametrize(
    ("given", "reason"), [(b"short", "it ends after 5 of 3,500 bytes"), (b"", "it ends after 0 of 3,500 bytes")]
)
def test_a_file_that_ends_early_is_refused(tmp_path: Path, given: bytes, reason: str) -> None:
    bot = Bot()
    bot.files[ref(content(1)).sha256] = given
    with pytest.raises(FileRefused, match=reason):
        cache(tmp_path, bot).link(ref(content(1)), tmp_path / "one")


def test_more_bytes_than_were_asked_for_are_refused(tmp_path: Path) -> None:
    class Generous(Bot):
        def piece(self, sha256: str, offset: int, size: int) -> bytes:
            return super().piece(sha256, offset, size + 1)

    with pytest.raises(FileRefused, match="more bytes than were asked for"):
        cache(tmp_path, Generous(content(1))).link(ref(content(1)), tmp_path / "one")


@pytest.mark.parametrize("name", ["{sha256}", "{sha256}.safetensors", "people/alice.safetensors"])
def test_shared_storage_has_a_file_by_its_hash_or_by_its_name(tmp_path: Path, name: str) -> None:
    data, bot = content(1), Bot()
    file = ref(data, "people/alice.safetensors")
    shared = tmp_path / "shared" / name.format(sha256=file.sha256)
    shared.parent.mkdir(parents=True)
    shared.write_bytes(data)
    cache(tmp_path, bot, shared=str(tmp_path / "shared")).link(file, tmp_path / "one")
    assert (tmp_path / "one").read_bytes() == data and not bot.asked


def test_shared_storage_may_be_an_address(tmp_path: Path) -> None:
    import fsspec  # pyright: ignore[reportMissingTypeStubs]

    data = content(1)
    with fsspec.open(f"memory://models/{ref(data).sha256}", "wb") as file:
        file.write(data)
    cache(tmp_path, shared="memory://models").link(ref(data), tmp_path / "one")
    assert (tmp_path / "one").read_bytes() == data


@pytest.mark.parametrize("lies", ["tampered", "of another size", "missing"])
def test_the_bots_machine_helps_where_shared_storage_has_no_right_file(tmp_path: Path, lies: str) -> None:
    data, bot = content(1), Bot(content(1))
    (tmp_path / "shared").mkdir()
    if lies != "missing":
        other = content(2) if lies == "tampered" else content(2, 5)
        (tmp_path / "shared" / "alice.safetensors").write_bytes(other)
    files = cache(tmp_path, bot, shared=str(tmp_path / "shared"))
    files.link(ref(data), tmp_path / "one")
    assert (tmp_path / "one").read_bytes() == data and bot.asked[0] == 0


def test_a_tampered_file_is_told_rather_than_that_the_other_source_is_away(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "alice.safetensors").write_bytes(content(2))
    with pytest.raises(FileRefused, match="of shared storage is refused: its SHA-256"):
        cache(tmp_path, Bot(), shared=str(tmp_path / "shared")).link(ref(content(1)), tmp_path / "one")


def test_shared_storage_that_breaks_off_is_told_without_its_secrets_and_the_bots_machine_helps(tmp_path: Path) -> None:
    data = content(1)
    address = f"http://alice:secret@{breaking_off(data)}/models"
    with pytest.raises(FileUnavailable) as problem:
        cache(tmp_path, shared=address).link(ref(data), tmp_path / "one")
    assert "shared storage: ClientPayloadError" in str(problem.value)
    bot = Bot(data)
    cache(tmp_path, bot, shared=address).link(ref(data), tmp_path / "one")
    assert (tmp_path / "one").read_bytes() == data and bot.asked


def test_an_address_of_an_unknown_kind_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileUnavailable, match="its address cannot be used: Protocol not known: nonsense"):
        cache(tmp_path, shared="nonsense://models").link(ref(content(1)), tmp_path / "one")


def test_without_a_source_the_sentence_says_so(tmp_path: Path) -> None:
    with pytest.raises(FileUnavailable, match="is not on this node, and there is no source"):
        cache(tmp_path).link(ref(content(1)), tmp_path / "one")


def test_a_copy_that_was_changed_on_the_node_is_fetched_anew(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    data, bot = content(1), Bot(content(1))
    files = cache(tmp_path, bot)
    files.link(ref(data), tmp_path / "one")
    (tmp_path / "one").chmod(0o600)
    (tmp_path / "one").write_bytes(content(2))  # the copy itself: it is a link
    files.link(ref(data), tmp_path / "two")
    assert (tmp_path / "two").read_bytes() == data and "was changed, its SHA-256 is" in caplog.text
    bot.files.clear()
    (files.folder / "files" / ref(data).sha256).chmod(0o600)
    (files.folder / "files" / ref(data).sha256).write_bytes(content(3))
    with pytest.raises(FileGone, match="the bot has no such file"):
        cache(tmp_path, bot).link(ref(data), tmp_path / "three")  # a later process
    assert not (tmp_path / "three").exists()


def test_what_is_linked_was_hashed_though_another_file_takes_its_name_meanwhile(tmp_path: Path) -> None:
    data = content(1)
    kept_at = tmp_path / "node" / "files" / ref(data).sha256

    def exchange() -> int:
        (other := tmp_path / "other").write_bytes(content(2))
        other.replace(kept_at)
        return 1

    files = FileCache(tmp_path / "node", 10_000, pieces=Bot(data), clock=exchange)
    for name in ("one", "two"):
        files.link(ref(data), tmp_path / name)
        assert (tmp_path / name).read_bytes() == data


def test_the_least_recently_used_goes_and_never_what_is_in_use(tmp_path: Path) -> None:
    contents = [content(n) for n in range(4)]
    bot = Bot(*contents)
    files = cache(tmp_path, bot, limit=10_500)  # three of them
    for n in (0, 1, 2):
        files.link(ref(contents[n]), tmp_path / str(n))
    assert files.used == 10_500
    with pytest.raises(CacheFull, match=r"no room for alice\.safetensors .* the rest of it is in use"):
        files.link(ref(contents[3]), tmp_path / "3")
    for n in (0, 1, 2):
        (tmp_path / str(n)).unlink()
    files.link(ref(contents[0]), tmp_path / "0")  # now 1 was used longest ago
    (tmp_path / "0").unlink()
    files.link(ref(contents[3]), tmp_path / "3")
    assert kept(files) == {ref(contents[n]).sha256 for n in (0, 2, 3)} and files.used == 10_500


def test_what_was_left_of_an_old_fetch_makes_room(tmp_path: Path) -> None:
    data = content(1)
    files = cache(tmp_path, Bot(data), limit=4000)
    left = files.folder / "parts" / f"{'0' * 64}-3000"
    left.write_bytes(b"part")
    assert files.used == 3000
    files.link(ref(data), tmp_path / "one")
    assert not left.exists() and files.used == 3500


def test_a_fetch_goes_on_after_the_limit_was_lowered(tmp_path: Path) -> None:
    old, data = content(1), content(2)
    bot = Bot(old, data)
    before = cache(tmp_path, bot)
    before.link(ref(old), tmp_path / "old")
    (tmp_path / "old").unlink()
    bot.cut = 2000
    with pytest.raises(FileUnavailable):
        before.link(ref(data), tmp_path / "one")
    bot.cut, bot.asked = None, []
    after = cache(tmp_path, bot, limit=3500)
    after.link(ref(data), tmp_path / "one")
    assert bot.asked == [2000, 3000] and kept(after) == {ref(data).sha256}


def test_a_file_that_is_larger_than_the_cache_is_refused(tmp_path: Path) -> None:
    bot = Bot(content(1))
    with pytest.raises(CacheFull, match="raise its limit"):
        cache(tmp_path, bot, limit=100).link(ref(content(1)), tmp_path / "one")
    assert not bot.asked


def test_a_disk_that_is_smaller_than_the_limit_makes_room_too(tmp_path: Path) -> None:
    contents = [content(n) for n in range(3)]
    files = FileCache(
        tmp_path / "node", 10**9, pieces=Bot(*contents), piece_bytes=PIECE,
        free=lambda folder: 8000 - sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()),
    )  # fmt: skip
    for n in (0, 1):
        files.link(ref(contents[n]), tmp_path / str(n))
    with pytest.raises(CacheFull, match=r"no room for alice\.safetensors .* the disk of this node is full"):
        files.link(ref(contents[2]), tmp_path / "2")
    (tmp_path / "0").unlink()
    files.link(ref(contents[2]), tmp_path / "2")
    assert kept(files) == {ref(contents[n]).sha256 for n in (1, 2)}


def test_a_fetch_ends_that_a_process_left_with_its_last_piece(tmp_path: Path) -> None:
    data, modes = content(1), list[int]()

    class Watched(Bot):
        def piece(self, sha256: str, offset: int, size: int) -> bytes:
            modes.append(left.stat().st_mode & 0o777)
            return super().piece(sha256, offset, size)

    files = cache(tmp_path, Watched(data))
    left = files.folder / "parts" / f"{ref(data).sha256}-3500"
    left.write_bytes(data[:3000])
    left.chmod(0o400)  # which every account but root could not open again
    files.link(ref(data), tmp_path / "one")
    assert modes == [0o600] and (tmp_path / "one").read_bytes() == data


FULL = """
import resource, signal, sys
from pathlib import Path
from inference.cluster.files import CacheFull, FileCache, FileRef

class Bot:
    def piece(self, sha256, offset, size):
        return bytes(size)

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
try:
    FileCache(Path(sys.argv[1]), 10_000, pieces=Bot()).link(FileRef(sha256="0" * 64, size=5000, name="a"), Path("one"))
except CacheFull as problem:
    print(problem)
"""


def test_a_disk_that_takes_no_more_is_not_blamed_on_the_source(tmp_path: Path) -> None:
    command = [sys.executable, "-c", FULL, tmp_path / "node"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.startswith("a cannot be written on this node: ")


@pytest.mark.parametrize("name", ["/etc/passwd", "../x", "a/../x", "a//b", "", ".", "a\\b", "a\nb", "x" * 256])
def test_a_name_that_leads_elsewhere_is_refused(name: str) -> None:
    with pytest.raises(ValidationError):
        FileRef(sha256="0" * 64, size=1, name=name)
