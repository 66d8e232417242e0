"""Advice if the system refuses a file or folder: the account of Easel, and the command that gives access."""

from __future__ import annotations

import errno
import getpass
import os
import shlex
import stat
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path

from bot.program import COMMAND, program

_HOMES = {Path("/home"), Path("/root"), Path("/run/user")}  # which ProtectHome= of a unit hides


class Need(Enum):
    """What Easel does with a path."""

    READ = auto()  # LoRAs, checkpoints, settings: other users may read them too
    SECRET = auto()  # a token or key, which no other user may read
    WRITE = auto()  # a file
    FOLDER = auto()  # a folder with Easel's files
    SOCKET = auto()  # of the driver process, which systemd makes


@dataclass(frozen=True)
class Account:
    """The user that this process runs as; on Windows without ids.

    `unit` is the systemd service that this process is. `container`: it runs in a container.
    """

    name: str
    uid: int | None = None
    groups: frozenset[int] = frozenset()
    unit: str | None = None
    container: bool = False

    @classmethod
    def own(cls) -> Account:
        """The account of this process."""
        if sys.platform == "win32":
            return cls(getpass.getuser())
        uid, container = os.geteuid(), in_container()
        groups = frozenset({os.getegid(), *os.getgroups()})
        return cls(_name(uid), uid, groups, None if container else _unit(), container)


def in_container() -> bool:
    """Docker and Podman leave a file, others and Kubernetes a variable."""
    files, variables = ("/.dockerenv", "/run/.containerenv"), ("container", "KUBERNETES_SERVICE_HOST")
    return any(map(os.path.exists, files)) or any(name in os.environ for name in variables)


def why(problem: OSError, path: Path, need: Need) -> str:
    """Return the system's reason; if access is missing, also the user that lacks it, and what to do. No full stop."""
    reason = problem.strerror or str(problem)
    if problem.errno == errno.EROFS:
        return f"{reason}. {_writable_mount(path, Account.own())}"
    if problem.errno != errno.EACCES:
        return reason
    return f"{reason}. {advice(path, need, Account.own())}"


def why_unwritable_database(path: Path) -> str:
    """Return advice if SQLite cannot write `path`. SQLite gives no reason."""
    place = path if _status(path) is not None and not os.access(path, os.W_OK) else path.parent
    if os.access(place, os.W_OK) or _status(place) is None:
        return "check that its folder is writable"
    read_only = sys.platform != "win32" and os.statvfs(place).f_flag & os.ST_RDONLY
    code = errno.EROFS if read_only else errno.EACCES
    return why(OSError(code, os.strerror(code)), path, Need.WRITE)


def who_and_whose(path: Path, account: Account | None = None) -> str:
    """Name the account of Easel, and the owner of `path` or of the nearest visible folder above it. A clause."""
    account = account or Account.own()
    if account.uid is None:
        return f"Easel runs as the user {account.name}"
    who = f"Easel runs as the user {account.name} (uid {account.uid})"
    place = _nearest(path.absolute())
    status = place.stat()
    return f"{who}, and {place} belongs to {_name(status.st_uid)} (mode {stat.S_IMODE(status.st_mode):o})"


def _nearest(path: Path) -> Path:
    """The path, or the nearest folder above it that can be seen."""
    return next(each for each in (path, *path.parents) if _status(each) is not None)


def other_owner(folder: Path) -> str | None:
    """The user whose folder this is, if root runs this program: files that root makes there are not that user's."""
    status = _status(folder)
    if sys.platform == "win32" or os.geteuid() or status is None or not status.st_uid:
        return None
    return _name(status.st_uid)


def advice(path: Path, need: Need, account: Account) -> str:
    """Return who lacks access to what, and the command that gives it. `path` is what Easel wanted to use."""
    if account.uid is None:
        return _on_windows(path, need, account)
    path = path.absolute()
    status = _status(path)
    if need is Need.WRITE and (status is None or _may(status, account, stat.S_IWOTH)):
        path, need = path.parent, Need.FOLDER  # which has to take a new file
    place = _nearest(path)
    return f"{who_and_whose(path, account)}. {_remedy(path, place, place.stat(), need, account)}"


def _remedy(path: Path, place: Path, status: os.stat_result, need: Need, account: Account) -> str:
    """Advise about `place`: `path` itself, or the nearest visible folder above it."""
    own, there = status.st_uid == account.uid, shlex.quote(str(place))
    user = str(account.uid) if account.container else account.name
    make = f"install --directory --owner={user}"
    if account.unit and place in _HOMES:
        return f"If {account.unit} has `ProtectHome=`, remove it with `sudo systemctl edit --full {account.unit}`"
    if place != path and not _may(status, account, stat.S_IXOTH):
        entering = f"chmod {'u' if own else 'o'}+x {there}"
        return f"Move {path.name} to a folder that this user can enter, or run {_typed(entering, account, own=own)}"
    if need is Need.SOCKET:
        return f"Set `SocketUser={account.name}` in easel-driver.socket, and restart that unit"
    if own:
        return f"Run {_typed(f'chmod u+rwX {there}', account, own=True)}"
    if need is Need.FOLDER and place != path:
        return f"Run {_typed(f'{make} {shlex.quote(str(path))}', account)}"
    if need is Need.FOLDER:  # others may use it too
        return f"Choose a folder of its own: {_typed(f'{make} {shlex.quote(str(place / COMMAND))}', account)}"
    deep = "-R " if stat.S_ISDIR(status.st_mode) else ""
    command = f"chmod {deep}o+rX {there}" if need is Need.READ else f"chown {user} {there}"
    if need is Need.WRITE and status.st_uid and not (account.unit or account.container):
        owner = _name(status.st_uid)  # Easel's own user, if it was somebody else who typed a command
        return f"Run Easel as {owner}: `sudo -u {owner} {program()} …`. Or run {_typed(command, account)}"
    return f"Run {_typed(command, account)}"


def _on_windows(path: Path, need: Need, account: Account) -> str:
    rights = {Need.READ: "(RX)", Need.SECRET: "(R)", Need.FOLDER: "(OI)(CI)(M)"}.get(need, "(M)")
    grant = f'icacls "{path}" /grant "{account.name}:{rights}"'
    return f"Easel runs as the user {account.name}. Close other programs that use {path}, or run `{grant}`"


def _may(status: os.stat_result, account: Account, bit: int) -> bool:
    """Whether a mode gives the account a right, named by its bit for others."""
    if status.st_uid == account.uid:
        return bool(status.st_mode & bit << 6)
    return bool(status.st_mode & (bit << 3 if status.st_gid in account.groups else bit))


def _typed(command: str, account: Account, *, own: bool = False) -> str:
    """The command as the operator has to type it."""
    if account.container:
        return f"`sudo {command}` on the host, with the path that is mounted there"
    typed = command if own else f"sudo {command}"
    return f"`{typed}`, then `sudo systemctl restart {account.unit}`" if account.unit else f"`{typed}`"


def _writable_mount(path: Path, account: Account) -> str:
    if account.unit:
        return f"Write `ReadWritePaths={path}` into {account.unit}, or mount the disk writable"
    if account.container:
        return "Choose a folder in the volume /data, or mount this one without `:ro`"
    return f"Mount the disk of {path} writable, or choose another folder"


def _status(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except OSError:
        return None


def _unit() -> str | None:
    """The systemd service that started this process; None in a terminal."""
    try:
        lines: Iterable[str] = Path("/proc/self/cgroup").read_text("ascii", "replace").splitlines()
    except OSError:
        return None
    names = (Path(line.rpartition(":")[2]).name for line in lines)
    return next((name for name in names if name.endswith(".service") and not name.startswith("user@")), None)


if sys.platform == "win32":

    def _name(uid: int) -> str:
        return str(uid)

else:
    import pwd

    def _name(uid: int) -> str:
        try:
            return pwd.getpwuid(uid).pw_name
        except KeyError:
            return str(uid)
