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
DRIVER_NOT_LOADED = "Failed to initialize NVML: Driver Not Loaded\n"
BLOCKED = (
    "Failed to initialize NVML: GPU access blocked by the operating system\n"
    "Failed to properly shut down NVML: GPU access blocked by the operating system\n"
)
LOST = (
    "Unable to determine the device handle for GPU 0000:01:00.0: GPU is lost.  Reboot the system to recover this GPU\n"
)
NO_HANDLE = "Unable to determine the device handle for GPU0: 0000:01:00.0: Unknown Error\nNo devices were found\n"
SILENT = "nvidia-smi failed: Command '['/usr/bin/nvidia-smi']' timed out after 30.0 seconds"
EMPTY_MIG = """\
+---------------------------------------------------------------------------------------+
| NVIDIA-SMI 535.129.03             Driver Version: 535.129.03   CUDA Version: 12.2     |
|-----------------------------------------+----------------------+----------------------+
|   0  NVIDIA A100-SXM4-80GB          On  | 00000000:07:00.0 Off |                   On |
| N/A   31C    P0              44W / 400W |      0MiB / 81920MiB |     N/A      Default |
|                                         |                      |              Enabled |
+-----------------------------------------+----------------------+----------------------+

+---------------------------------------------------------------------------------------+
| MIG devices:                                                                          |
+------------------+--------------------------------+-----------+-----------------------+
| GPU  GI  CI  MIG |                   Memory-Usage |        Vol|      Shared           |
|==================+================================+===========+=======================|
|  No MIG devices found                                                                 |
+---------------------------------------------------------------------------------------+
"""
NO_FABRIC = (
    "Unexpected error from cudaGetDeviceCount(). Did you run some cuda functions before calling NumCudaDevices() that "
    "might have already set an error? Error 802: system not yet initialized"
)

RTX_3060 = "NVIDIA GeForce RTX 3060, 12288, 11700, 8.6\n"
RTX_5090 = "NVIDIA GeForce RTX 5090, 32607, 31900, 12.0\n"
GTX_1060 = "NVIDIA GeForce GTX 1060 6GB, 6144, 5900, 6.1\n"
GTX_1080_OF_AN_OLD_DRIVER = "NVIDIA GeForce GTX 1080, 8119, 7600\n"  # which does not know compute_cap
A100 = "NVIDIA A100-SXM4-80GB, 81920, 81049, 8.0\n"
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


def torch_for_rocm(*cards: CardReport) -> TorchReport:
    """A build for AMD's cards that sees these."""
    return TorchReport(version="2.6.0+rocm6.2", hip="6.2", architectures=("gfx1030",), cards=cards, product_flops=4e11)


TORCH_FOR_CPU = TorchReport(version="2.13.0+cpu", product_flops=1e11)
