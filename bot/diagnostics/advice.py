"""What to do about each trouble with a graphics card, its driver or the container around it."""

from __future__ import annotations

from bot.diagnostics.nvidia_smi import DriverTrouble

SELECTOR = (
    "choose your system and CUDA at pytorch.org/get-started and run the command that it shows in Easel's environment, "
    "or let `uv tool install --torch-backend auto` find the build"
)
SELECTOR_OF_ROCM = SELECTOR.replace("CUDA", "ROCm")
CONTAINER = (
    "install the NVIDIA Container Toolkit on the host, restart Docker there, and start the container with `--gpus all` "
    "(Podman: `--device nvidia.com/gpu=all`; in a compose file: deploy.resources.reservations.devices with driver "
    "nvidia and capabilities [gpu])"
)
INSTALL_DRIVER = "install NVIDIA's driver for it and restart the computer, until `nvidia-smi` shows the card"

FALLEN = (
    "a card does not answer any more: switch the computer off and on. If it happens again, see to the card's seat, its "
    "power cables and its temperature; on a rented machine take another one"
)
IN_WINDOWS = (
    "this is Linux inside Windows (WSL), which paints with the driver of Windows: install NVIDIA's newest driver "
    "there, and none here, then run `wsl --update` and `wsl --shutdown` in Windows"
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
        "nvidia-smi cannot reach NVIDIA's driver, which is not loaded: restart the computer. If that does not help, "
        "install the driver anew; with Secure Boot its module has to be signed, or Secure Boot switched off"
    ),
    DriverTrouble.MISMATCH: (
        "NVIDIA's driver was updated while an older one is loaded: restart the computer (a container: restart it, or "
        "build it anew without a driver of its own)"
    ),
    DriverTrouble.NO_DEVICES: (
        "NVIDIA's driver is loaded and finds no card: see whether the card sits and has power, and whether it is given "
        "to a virtual machine"
    ),
    DriverTrouble.NO_PERMISSION: (
        "this account may not use the card: add it to the groups video and render, and log in again"
    ),
    DriverTrouble.NO_LIBRARY: f"a part of NVIDIA's driver is missing: {INSTALL_DRIVER}",
    DriverTrouble.LOST: FALLEN,
    DriverTrouble.NO_HANDLE: FALLEN,
    DriverTrouble.BLOCKED: "the system keeps programs from the card: update NVIDIA's driver and restart the computer",
    DriverTrouble.UNKNOWN: (
        "NVIDIA's driver does not work: restart the computer. A container loses its card when systemd is reloaded on "
        "the host: restart the container"
    ),
    DriverTrouble.SILENT: "NVIDIA's driver does not answer: restart the computer; a card that fails may be why",
    DriverTrouble.OTHER: f"NVIDIA's driver does not work: run `nvidia-smi` to see why; else {INSTALL_DRIVER}",
}
