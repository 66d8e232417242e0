"""What nvidia-smi prints, in the forms that drivers of several years have, and what torch reports."""

from __future__ import annotations

from inference.hardware import CardReport, TorchReport

GIB = 2**30

# Drivers until 590: "Driver Version" and "CUDA Version".
TABLE = """\
Thu Nov 12 20:15:43 2026
+-----------------------------------------------------------------------------------------+
| NVIDIA-SMI {driver:<23} Driver Version: {driver:<14} CUDA Version: {cuda:<8} |
|-----------------------------------------+------------------------+----------------------+
| GPU  Name                 Persistence-M | Bus-Id          Disp.A | Volatile Uncorr. ECC |
| Fan  Temp   Perf          Pwr:Usage/Cap |           Memory-Usage | GPU-Util  Compute M. |
|                                         |                        |               MIG M. |
|=========================================+========================+======================|
|   0  NVIDIA GeForce RTX 3060        Off |   00000000:01:00.0  On |                  N/A |
|  0%   41C    P8             14W /  170W |     412MiB /  12288MiB |      2%      Default |
|                                         |                        |                  N/A |
+-----------------------------------------+------------------------+----------------------+
"""
# Later ones name the parts of the driver that have a version each.
TABLE_WITH_PARTS = """\
Sun Nov 15 05:53:32 2026
+-----------------------------------------------------------------------------------------+
| NVIDIA-SMI 616.56                 KMD Version: 616.56         CUDA UMD Version: 13.4     |
|-----------------------------------------+------------------------+----------------------+
"""
NOT_LOADED = (
    "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver. Make sure that the latest NVIDIA "
    "driver is installed and running.\n\n"
)
MISMATCH = "Failed to initialize NVML: Driver/library version mismatch\nNVML library version: 580.173\n"
NO_DEVICES = "No devices were found\n"
NO_PERMISSION = "Failed to initialize NVML: Insufficient Permissions\n"
NO_LIBRARY = (
    "NVIDIA-SMI couldn't find libnvidia-ml.so library in your system. Please make sure that the NVIDIA Display Driver "
    "is properly installed and present in your system.\n"
)
UNKNOWN_ERROR = "Failed to initialize NVML: Unknown Error\n"

RTX_3060 = "NVIDIA GeForce RTX 3060, 12288, 11700, 8.6\n"
RTX_5090 = "NVIDIA GeForce RTX 5090, 32607, 31900, 12.0\n"
GTX_1060 = "NVIDIA GeForce GTX 1060 6GB, 6144, 5900, 6.1\n"
GTX_1080_OF_AN_OLD_DRIVER = "NVIDIA GeForce GTX 1080, 8119, 7600\n"  # which does not know compute_cap
GRACE = "NVIDIA GB10, [N/A], [N/A], 12.1\n"  # shares the host's memory

CUDA_124 = ("sm_50", "sm_60", "sm_70", "sm_75", "sm_80", "sm_86", "sm_90")
CUDA_130 = ("sm_75", "sm_80", "sm_86", "sm_90", "sm_100", "sm_120")


def table(driver: str = "550.54.14", cuda: str = "12.4") -> str:
    """nvidia-smi's table with a card, of this driver."""
    return TABLE.format(driver=driver, cuda=cuda)


def card(name: str, capability: tuple[int, int], gib: float, used: float = 0.5) -> CardReport:
    """A card of so much memory, of which a desktop uses some."""
    return CardReport(name=name, capability=capability, total=int(gib * GIB), free=int((gib - used) * GIB))


CARD_3060 = card("NVIDIA GeForce RTX 3060", (8, 6), 12)


def torch_for_cuda(
    *cards: CardReport, cuda: str = "12.4", architectures: tuple[str, ...] = CUDA_124, problem: str | None = None
) -> TorchReport:
    """A build for CUDA that sees these cards."""
    version = f"2.6.0+cu{cuda.replace('.', '')}"
    return TorchReport(
        version=version, cuda=cuda, architectures=architectures, cards=cards, problem=problem, product_flops=4e11
    )


TORCH_FOR_CPU = TorchReport(version="2.13.0+cpu", product_flops=1e11)
