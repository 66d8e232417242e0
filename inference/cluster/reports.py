"""Leaves what the driver process knows of a node where `easel cluster status` finds it: in the head's memory."""

from __future__ import annotations

from typing import Any, cast

from ray.experimental import internal_kv  # pyright: ignore

from inference.cluster.views import REPORT_PREFIX, STORE_NAMESPACE, NodeReport

# Ray has no public way to this; its own commands take the same.
_put = cast("Any", internal_kv)._internal_kv_put  # noqa: SLF001


def publish(report: NodeReport) -> None:
    """Replace what was said of this node. It blocks; raises Ray's errors. Only after `ray.init`."""
    data = report.model_dump_json().encode()
    _put(REPORT_PREFIX + report.node_id.encode(), data, overwrite=True, namespace=STORE_NAMESPACE)
