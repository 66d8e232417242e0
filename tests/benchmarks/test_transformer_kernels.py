"""LoRAs of four requests add at most two kernels to a layer of a real diffusion transformer, however many they are."""

from __future__ import annotations

from benchmarks._transformer_kernels import MOST_PER_LINEAR, NETWORKS, counted


def test_three_loras_each_for_four_requests_add_two_kernels_to_a_layer() -> None:
    found = counted(NETWORKS["z_image"], quick=True)
    assert found["linears"] == 270
    assert 0 < found["extra_kernels"] <= MOST_PER_LINEAR * found["linears"]
