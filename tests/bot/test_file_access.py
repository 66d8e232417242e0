"""What Easel advises where the system refuses a path: for a user, a service, a container and Windows."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from bot.file_access import Account, Need, advice, why

pytestmark = pytest.mark.skipif(os.name != "posix", reason="modes and owners")

EASEL = Account("easel", 4711)
SERVICE = Account("easel", 4711, unit="easel.service")
CONTAINER = Account("easel", 1000, container=True)
OWN = Account("me", os.getuid() if os.name == "posix" else 0)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One that others may enter and not write."""
    for each in (tmp_path, *tmp_path.parents[:2]):
        each.chmod(0o755)
    made = tmp_path / "my models"
    made.mkdir()
    made.chmod(0o755)
    return made


@pytest.mark.parametrize("place", ["my models", "/usr", "/var/log", "/var/backups"])
@pytest.mark.parametrize("account", [EASEL, SERVICE, CONTAINER], ids=["user", "service", "container"])
def test_a_folder_of_others_is_not_taken_from_them(folder: Path, place: str, account: Account) -> None:
    there = folder if place == folder.name else Path(place)
    says = advice(there, Need.FOLDER, account)
    assert says.startswith(f"Easel runs as the user easel (uid {account.uid}), and {there} belongs to ")
    assert "install --directory --owner=" in says and f"{there}/easel" in says and "chown" not in says


@pytest.mark.skipif(os.name != "posix" or os.getuid() != 0, reason="only root gives folders away")
def test_who_types_a_command_about_another_users_file_is_told_whose_it_is(folder: Path) -> None:
    file = folder / "easel.sqlite3"
    file.touch(mode=0o600)
    os.chown(file, 4712, 4712)
    says = advice(file, Need.WRITE, EASEL)
    assert says.endswith(f"Run Easel as 4712: `sudo -u 4712 easel …`. Or run `sudo chown easel '{file}'`")
    assert "sudo -u" not in advice(file, Need.WRITE, SERVICE)


def test_a_folder_that_is_not_there_is_made_for_easel(folder: Path) -> None:
    new = folder / "a" / "data"
    assert advice(new, Need.FOLDER, EASEL).endswith(f"Run `sudo install --directory --owner=easel '{new}'`")
    assert advice(new / "easel.sqlite3", Need.WRITE, EASEL).endswith(f"--owner=easel '{new}'`"), "and not the file"


def test_a_file_is_given_to_easel_or_its_folder_if_the_file_is_fine(folder: Path) -> None:
    file = folder / "easel.sqlite3"
    file.touch()
    file.chmod(0o644)
    assert advice(file, Need.WRITE, EASEL).endswith(f"`sudo chown easel '{file}'`")
    file.chmod(0o666)
    assert "easel'`" in advice(file, Need.WRITE, EASEL), "SQLite writes beside it, so the folder is the problem"


def test_models_are_made_readable_and_a_secret_never_is(folder: Path) -> None:
    file = folder / "file"
    file.touch(mode=0o600)
    assert advice(file, Need.READ, EASEL).endswith(f"`sudo chmod o+rX '{file}'`")
    assert advice(folder, Need.READ, EASEL).endswith(f"`sudo chmod -R o+rX '{folder}'`")
    assert advice(file, Need.SECRET, EASEL).endswith(f"`sudo chown easel '{file}'`")
    assert f"`sudo chown easel '{file}'`" in advice(file, Need.SECRET, SERVICE)


def test_a_file_in_a_closed_folder_is_not_blamed_for_it(folder: Path) -> None:
    file = folder / "model.safetensors"
    folder.chmod(0o750)  # a home, say; this test may enter it, so the file must not be there
    says = advice(file, Need.READ, EASEL)
    assert f"{folder} belongs to" in says and says.endswith(f"or run `sudo chmod o+x '{folder}'`")
    member = Account("easel", 4711, groups=frozenset({folder.stat().st_gid}))
    assert "chmod o+x" not in advice(file, Need.READ, member)


def test_the_owner_needs_no_sudo(folder: Path) -> None:
    folder.chmod(0o500)
    assert advice(folder, Need.FOLDER, OWN).endswith(f"Run `chmod u+rwX '{folder}'`")


def test_a_service_is_restarted_and_a_container_is_helped_on_its_host(folder: Path) -> None:
    new = folder / "data"
    assert advice(new, Need.FOLDER, SERVICE).endswith(
        f"`sudo install --directory --owner=easel '{new}'`, then `sudo systemctl restart easel.service`"
    )
    assert advice(new, Need.FOLDER, CONTAINER).endswith(
        f"`sudo install --directory --owner=1000 '{new}'` on the host, with the path that is mounted there"
    )
    assert "`ProtectHome=`" in advice(Path("/root"), Need.FOLDER, SERVICE)


def test_a_socket_is_for_the_user_whom_its_unit_names(folder: Path) -> None:
    (folder / "socket").touch(mode=0o600)
    assert "`SocketUser=easel` in easel-driver.socket" in advice(folder / "socket", Need.SOCKET, EASEL)


def test_windows_has_a_command_of_its_own() -> None:
    says = advice(Path("C:/data"), Need.FOLDER, Account("ada"))
    assert 'icacls "C:/data" /grant "ada:(OI)(CI)(M)"' in says


def test_only_missing_access_gets_advice(folder: Path) -> None:
    full = OSError(errno.ENOSPC, "No space left on device")
    assert why(full, folder, Need.FOLDER) == "No space left on device"
    denied = why(PermissionError(errno.EACCES, "Permission denied"), folder, Need.FOLDER)
    assert denied.startswith("Permission denied. Easel runs as the user ")
    assert "mount" in why(OSError(errno.EROFS, "Read-only file system"), folder, Need.FOLDER).lower()
