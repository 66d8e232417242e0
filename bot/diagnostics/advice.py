"""What to do about each trouble with a graphics card, its driver or the container around it."""

from __future__ import annotations

import shlex
import sys

from bot.diagnostics.nvidia_smi import DriverTrouble
from bot.file_access import Account
from inference.processes.tested_torch import REQUIREMENTS

SELECTOR = (
    "choose your system and CUDA at pytorch.org/get-started, and run its command in Easel's "
    "environment. Or let `uv tool install --torch-backend auto` find the build"
)
SELECTOR_OF_ROCM = SELECTOR.replace("CUDA", "ROCm")
TESTED_BUILD = (
    "install the tested version with "
    f"`uv pip install --python {shlex.quote(sys.executable)} --torch-backend auto {' '.join(REQUIREMENTS)}`"
)
CONTAINER = (
    "install the NVIDIA Container Toolkit on the host, restart Docker there, and start the container with `--gpus all` "
    "(Podman: `--device nvidia.com/gpu=all`; in a compose file: deploy.resources.reservations.devices with driver "
    "nvidia and capabilities [gpu])"
)
INSTALL_DRIVER = "install NVIDIA's driver for it and restart the computer, until `nvidia-smi` shows the card"

FALLEN = (
    "a card no longer responds: switch the computer off and on. If it happens again, check the "
    "card's seat, power cables and temperature; on a rented machine, choose another one"
)
IN_WINDOWS = (
    "this is Linux inside Windows (WSL), which uses the driver of Windows: install NVIDIA's "
    "newest driver in Windows, not here. Then run `wsl --update` and `wsl --shutdown` in Windows"
)
NO_KFD = (
    "AMD's driver is not loaded (there is no /dev/kfd): install the driver of ROCm and restart the computer, until "
    "`rocminfo` shows the card"
)
NO_KFD_INSIDE = (
    "this container sees no AMD card: start it with `--device /dev/kfd --device /dev/dri --group-add video --group-add "
    "render`"
)

# What to do about what nvidia-smi complains of.
TROUBLES = {
    DriverTrouble.NOT_LOADED: (
        "NVIDIA's driver is not loaded: restart the computer. If that does not help, reinstall the "
        "driver. With Secure Boot, sign its module or switch Secure Boot off"
    ),
    DriverTrouble.MISMATCH: (
        "NVIDIA's driver was updated while an older one is loaded: restart the computer (a "
        "container: restart it, or rebuild it without a driver)"
    ),
    DriverTrouble.NO_DEVICES: (
        "NVIDIA's driver is loaded but finds no card: check the card's seat and power, and whether a "
        "virtual machine uses it"
    ),
    DriverTrouble.NO_PERMISSION: (
        f"this account has no permission for the card: add it to the groups video and render "
        f"(`sudo usermod -aG video,render {Account.own().name}`), and log in again or restart the service. In a "
        "container, start it with `--group-add video --group-add render`"
    ),
    DriverTrouble.NO_LIBRARY: f"a part of NVIDIA's driver is missing: {INSTALL_DRIVER}",
    DriverTrouble.LOST: FALLEN,
    DriverTrouble.NO_HANDLE: FALLEN,
    DriverTrouble.BLOCKED: "the system blocks access to the card: update NVIDIA's driver and restart the computer",
    DriverTrouble.UNKNOWN: (
        "NVIDIA's driver does not work: restart the computer. A container loses its card when systemd is reloaded on "
        "the host: restart the container"
    ),
    DriverTrouble.SILENT: "NVIDIA's driver does not respond: restart the computer. The card may be failing",
    DriverTrouble.OTHER: f"NVIDIA's driver does not work: run `nvidia-smi` to see why, or {INSTALL_DRIVER}",
}
