"""The files of a release: complete, nothing besides, the same each time; `easel demo` paints from the wheel alone."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import site
import subprocess
import sys
import tarfile
import venv
import zipfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from playground.control import Control
from tools.release import build

ROOT = Path(__file__).parents[1]
TOPS = ("bot", "inference", "playground")
MAX_WAIT = 300.0  # seconds
ONLY_IN_THE_SOURCE = {"MANIFEST.in", "pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "constraints.txt",
                      "config.example.toml"}  # fmt: skip
EPOCH = 1_750_000_000  # the time of the files, in seconds
INSTALLED_FROM = {"Containerfile", ".dockerignore", "compose.yaml", "constraints.txt", "config.example.toml", "LICENSE",
                  "README.md", "CHANGELOG.md"}  # fmt: skip
INSTALLED_FROM |= {f"docs/{page.name}" for page in (ROOT / "docs").glob("*.md")}


def tracked() -> set[str]:
    """The files of the project, as git knows them."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return {name for name in listed.split("\0") if name and (ROOT / name).exists()}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the release of the working tree."""
    return release(tmp_path_factory.mktemp("package"))


def release(folder: Path) -> Path:
    source = folder / "source"  # what setuptools leaves beside the source would come along the next time
    for name in tracked():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, source / name)
    build(source, folder / "dist", EPOCH)
    return folder / "dist"


def test_the_wheel_holds_the_packages_and_nothing_else(built: Path) -> None:
    with zipfile.ZipFile(*built.glob("*.whl")) as wheel:
        names = {name for name in wheel.namelist() if not name.endswith("/")}
    shipped = {name for name in names if ".dist-info/" not in name}
    assert shipped == {name for name in tracked() if name.startswith(tuple(f"{top}/" for top in TOPS))}
    assert {name.partition("/")[2] for name in names - shipped} == {
        "METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE", "top_level.txt",
    }  # fmt: skip


def archived(archive: Path) -> dict[str, bytes]:
    with tarfile.open(archive) as opened:
        return {member.name: content.read() for member in opened if (content := opened.extractfile(member))}


def test_the_archive_for_operators_holds_the_wheel_and_all_that_installs_it(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    files = archived(*built.glob("*-install.tar.gz"))
    tops, names = zip(*(name.split("/", 1) for name in files), strict=True)
    assert set(tops) == {"easel-0.1.0"}
    deployed = {name for name in tracked() if name.startswith("deploy/")}
    assert set(names) == INSTALLED_FROM | deployed | {f"dist/{wheel.name}"}
    assert files[f"easel-0.1.0/dist/{wheel.name}"] == wheel.read_bytes()


def test_the_checksums_are_those_of_all_files(built: Path) -> None:
    subprocess.run(["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=built, check=True)
    listed = {line.split()[1] for line in (built / "SHA256SUMS").read_text("ascii").splitlines()}
    assert listed == {file.name for file in built.iterdir()} - {"SHA256SUMS"} and len(listed) == 3


def test_the_same_source_gives_the_same_bytes(built: Path, tmp_path: Path) -> None:
    assert (release(tmp_path) / "SHA256SUMS").read_text("ascii") == (built / "SHA256SUMS").read_text("ascii")


def test_the_source_distribution_holds_what_the_wheel_is_built_from(built: Path) -> None:
    names = {name.partition("/")[2] for name in archived(*built.glob("easel_bot-*.tar.gz"))}
    made = {name for name in names if name.startswith("easel_bot.egg-info/") or name in ("PKG-INFO", "setup.cfg")}
    assert names - made == ONLY_IN_THE_SOURCE | {
        name for name in tracked() if name.startswith(tuple(f"{top}/" for top in TOPS))
    }


@pytest.fixture(scope="module")
def easel(built: Path) -> Path:
    """`easel` of the wheel, in an environment of its own that sees what Easel depends on, and not Easel itself."""
    folder = built.parent / "venv"
    venv.create(folder, symlinks=True)
    python = folder / "bin" / "python"
    packages = Path(
        subprocess.run(
            [python, "-c", "import site; print(site.getsitepackages()[0])"], capture_output=True, text=True, check=True
        ).stdout.strip()
    )
    # The lines of .pth files in these folders, by which a project is installed to be edited, are not followed.
    here = [entry for entry in sys.path if Path(entry).name in ("site-packages", "dist-packages")]
    (packages / "dependencies.pth").write_text("\n".join(here or site.getsitepackages()), "utf-8")
    (wheel,) = built.glob("*.whl")
    command = [sys.executable, "-m", "pip", f"--python={python}", "install", "--quiet", "--no-deps", "--no-index",
               "--ignore-installed", "--no-compile", wheel]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=MAX_WAIT)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "bin" / "easel"


def test_the_installed_program_names_the_wheel_of_the_archive_for_an_extra(easel: Path, built: Path) -> None:
    script = "from inference.processes.extras import installing; print(installing('faces'))"
    command = [easel.with_name("python"), "-P", "-c", script]
    said = subprocess.run(command, cwd=built, capture_output=True, text=True, check=True).stdout
    (wheel,) = built.glob("*.whl")
    assert re.search(rf"'dist/{re.escape(wheel.name)}\[(\w+,)*faces(,\w+)*\]'", said)
    assert f"easel-0.1.0/dist/{wheel.name}" in archived(*built.glob("*-install.tar.gz"))


@asynccontextmanager
async def demo(easel: Path, folder: Path) -> AsyncGenerator[str]:
    """The address of the page of `easel demo`, which knows neither git nor make nor this checkout."""
    kept = {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE", "HOME": str(folder), "PATH": str(easel.parent)}
    command = (easel, "demo", "--port", "0", "--no-browser", "--data", "data")
    process = await asyncio.create_subprocess_exec(*command, cwd=folder, env=kept, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    try:
        async with asyncio.timeout(MAX_WAIT):
            line = (await process.stdout.readline()).decode()
        found = re.search(r"http://\S+", line)
        assert found, line
        yield found[0]
    finally:
        process.send_signal(signal.SIGINT)
        async with asyncio.timeout(MAX_WAIT):
            await process.wait()


@pytest.mark.skipif(os.name != "posix", reason="the folders of a Windows environment have other names")
async def test_the_demo_paints_from_the_wheel_alone(easel: Path, tmp_path: Path) -> None:
    for top in TOPS:  # somebody else's packages of the same names, in the folder where the command is given
        (tmp_path / top).mkdir()
        (tmp_path / top / "__init__.py").write_text("raise SystemExit('not ours')", "utf-8")
    async with demo(easel, tmp_path) as page, Control.connect(page) as control:
        sent = await control.person("Ada").slash("imagine", prompt="a red circle", lora1="Komori")
        message = await sent.reply()
        message = await control.wait_message(message.id, lambda seen: "Again" in seen.buttons, MAX_WAIT)
        assert message.attachments, message.text
