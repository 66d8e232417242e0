"""The files of a release: `python -m tools.release` builds them from the last commit into dist/.

    easel_bot-VERSION-py3-none-any.whl   the wheel
    easel_bot-VERSION.tar.gz             the source distribution
    easel-VERSION-install.tar.gz         the wheel with everything else that an operator needs, also to build the image
    SHA256SUMS                           their checksums

The same commit gives the same bytes, wherever and whenever it is built with the same tools.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import shutil
import subprocess
import sys
import tarfile
import tomllib
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parents[1]
CHECKSUMS = "SHA256SUMS"
INSTALL = ("Containerfile", ".dockerignore", "compose.yaml", "constraints.txt", "config.example.toml", "deploy/*",
           "README.md", "docs/*.md", "CHANGELOG.md", "LICENSE")  # fmt: skip


def build(source: Path, dist: Path, epoch: int) -> None:
    """Build the release of a source tree into an empty folder. `epoch` is the time of every file in seconds."""
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", dist, source]
    subprocess.run(command, check=True, env={**os.environ, "SOURCE_DATE_EPOCH": str(epoch)})  # noqa: S603
    (wheel,), (sdist,) = dist.glob("*.whl"), dist.glob("*.tar.gz")
    _pack(sdist, _unpacked(sdist), epoch)  # setuptools writes the time of the build into it

    version = tomllib.loads((source / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    files = {f"dist/{wheel.name}": wheel.read_bytes()}
    for pattern in INSTALL:
        files |= {file.relative_to(source).as_posix(): file.read_bytes() for file in source.glob(pattern)}
    top = f"easel-{version}"
    _pack(dist / f"{top}-install.tar.gz", {f"{top}/{name}": content for name, content in files.items()}, epoch)

    sums = {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in dist.iterdir()}
    (dist / CHECKSUMS).write_text("".join(f"{sums[name]}  {name}\n" for name in sorted(sums)), "ascii")


def _unpacked(archive: Path) -> dict[str, bytes]:
    with tarfile.open(archive) as opened:
        return {member.name: content.read() for member in opened if (content := opened.extractfile(member))}


def _pack(archive: Path, files: Mapping[str, bytes], epoch: int) -> None:
    """Write an archive whose bytes depend only on the arguments."""
    with (
        archive.open("wb") as raw,
        gzip.GzipFile("", "wb", fileobj=raw, mtime=epoch) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as opened,
    ):
        for name in sorted(files):
            member = tarfile.TarInfo(name)
            member.size, member.mtime = len(files[name]), epoch
            opened.addfile(member, io.BytesIO(files[name]))


def main() -> None:
    """Build the release of the last commit into dist/."""
    with TemporaryDirectory() as folder:
        source, dist = Path(folder, "source"), Path(folder, "dist")
        with tarfile.open(fileobj=io.BytesIO(_git("archive", "HEAD"))) as committed:
            committed.extractall(source, filter="data")
        build(source, dist, int(_git("log", "-1", "--format=%ct")))
        shutil.rmtree(ROOT / "dist", ignore_errors=True)
        shutil.copytree(dist, ROOT / "dist")
    print((ROOT / "dist" / CHECKSUMS).read_text("ascii"), end="")
    if _git("status", "--porcelain"):
        print("dist/ contains the last commit, without your uncommitted changes.")


def _git(*arguments: str) -> bytes:
    return subprocess.run(["git", *arguments], cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout  # noqa: S603, S607


if __name__ == "__main__":
    main()
