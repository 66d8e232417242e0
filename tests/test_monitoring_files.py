"""The dashboard and the alert rules ask only for metrics, labels and values that Easel exports."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml

from bot import metrics
from bot.database.jobs.jobs import JobState
from bot.diagnostics.finding import FindingGrade
from bot.diagnostics.watch import FOLDERS
from bot.versions import build_info

DEPLOY = Path(__file__).parents[1] / "deploy"
ALERTS, DASHBOARD = DEPLOY / "prometheus-alerts.yml", DEPLOY / "grafana-dashboard.json"
FROM_PROMETHEUS = {"instance", "job"}  # labels that Prometheus adds to every sample
DURATION = re.compile(r"(\d+(ms|[smhdwy]))+")
BOUNDED = {
    "state": {state.value for state in JobState if state.final},
    "grade": {grade.value for grade in FindingGrade},
    "way": set(metrics.DELIVERY_WAYS),
    "folder": set(FOLDERS),
    "outcome": {"hit", "miss"},
    "job": {"easel"},
}


def exported() -> dict[str, set[str]]:
    """The labels of each sample that Easel exports, by its name."""
    found: dict[str, set[str]] = {"up": set()}  # which Prometheus adds
    for collector in metrics.REGISTRY._collector_to_names:
        wrapper = hasattr(collector, "_labelnames")
        for family in [collector] if wrapper else collector.collect():
            kind, name = (family._type, family._name) if wrapper else (family.type, family.name)
            labels = set(getattr(family, "_labelnames", ()))
            match kind:
                case "counter":
                    found[f"{name}_total"] = labels
                case "info":
                    found[f"{name}_info"] = labels | set(build_info())
                case "histogram":
                    found |= {f"{name}_sum": labels, f"{name}_count": labels, f"{name}_bucket": labels | {"le"}}
                case _:
                    found[name] = labels
    return found


EXPORTED = exported()


def problems(expression: str, legend: str = "") -> list[str]:
    """What an expression asks for that Easel does not export. Raises ValueError if it is not PromQL."""
    tree = promql_parser.parse(re.sub(r"\$__(rate_interval|range|interval)", "5m", expression))
    selectors, modifiers = list[Any](), list[Any]()

    def collect(node: Any) -> None:
        if isinstance(node, promql_parser.VectorSelector):
            selectors.append(node)
        if isinstance(node, promql_parser.AggregateExpr) and node.modifier is not None:
            modifiers.extend(node.modifier.labels)

    promql_parser.walk(tree, collect)
    found = [f"no metric {each.name}" for each in selectors if each.name not in EXPORTED]
    labels = FROM_PROMETHEUS.union(*(EXPORTED.get(each.name, set()) for each in selectors))
    for selector in selectors:
        own = FROM_PROMETHEUS | EXPORTED.get(selector.name, set())
        for matcher in selector.matchers.matchers:
            if matcher.name not in own:
                found.append(f"{selector.name} has no label {matcher.name}")
            elif matcher.value != "$instance" and matcher.value not in BOUNDED[matcher.name]:
                found.append(f"{matcher.name} is never {matcher.value}")
    found += [f"no label {label}" for label in modifiers if label not in labels]
    found += [
        f"no label {label} in the legend" for label in re.findall(r"\{\{(\w+)\}\}", legend) if label not in labels
    ]
    return [*found, *([] if selectors else ["it asks for no metric"])]


def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load(ALERTS.read_text("utf-8"))["groups"]
    assert all(set(group) <= {"name", "rules", "interval"} for group in groups)
    return [rule for group in groups for rule in group["rules"]]


def panels() -> list[dict[str, Any]]:
    return json.loads(DASHBOARD.read_text("utf-8"))["panels"]


def targets() -> Iterator[tuple[str, str]]:
    for panel in panels():
        yield from ((target["expr"], target["legendFormat"]) for target in panel["targets"])


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_an_alert_is_complete_and_asks_for_what_there_is(rule: dict[str, Any]) -> None:
    assert set(rule) == {"alert", "expr", "for", "labels", "annotations"}
    assert problems(rule["expr"]) == []
    assert DURATION.fullmatch(rule["for"])
    assert rule["labels"]["severity"] in {"critical", "warning"}
    assert set(rule["annotations"]) == {"summary", "description"}
    tree = promql_parser.parse(rule["expr"])
    assert isinstance(tree, promql_parser.BinaryExpr), "an expression without a comparison always fires"


def test_a_template_of_an_alert_names_a_label_that_its_result_has() -> None:
    for rule in rules():
        used = set(re.findall(r"\$labels\.(\w+)", "".join(rule["annotations"].values())))
        grouped = re.search(r"\bby \(([^)]*)\)", rule["expr"])
        names = re.findall(r"\b(?:easel_\w+|up)\b", rule["expr"])
        has = set(re.findall(r"\w+", grouped[1])) if grouped else FROM_PROMETHEUS.union(*(EXPORTED[n] for n in names))
        assert used <= has, rule["alert"]


def test_each_alert_has_a_name_of_its_own() -> None:
    names = [rule["alert"] for rule in rules()]
    assert len(set(names)) == len(names) > 10


@pytest.mark.parametrize(("expression", "legend"), list(targets()))
def test_a_panel_asks_for_what_there_is(expression: str, legend: str) -> None:
    assert problems(expression, legend) == []
    assert 'instance=~"$instance"' in expression, "the choice of the instance holds for every panel"


def test_no_two_panels_of_the_dashboard_share_their_place() -> None:
    assert len({panel["id"] for panel in panels()}) == len(panels())
    taken = set[tuple[int, int]]()
    for place in (panel["gridPos"] for panel in panels()):
        columns, rows = (range(place[at], place[at] + place[length]) for at, length in (("x", "w"), ("y", "h")))
        cells = set(product(columns, rows))
        assert columns.stop <= 24 and not taken & cells
        taken |= cells


def test_the_dashboard_shows_every_metric() -> None:
    asked = " ".join(expression for expression, _ in targets())
    hidden = {"process_virtual_memory_bytes", "process_open_fds", "process_max_fds", "easel_folder_size_bytes", "up"}
    shown = {re.sub(r"_(bucket|sum|count)$", "", name) for name in EXPORTED} - hidden
    assert [name for name in shown if name not in asked] == []


@pytest.mark.parametrize(
    ("expression", "told"),
    [
        ("easel_jobs_waiting > 3", []),
        ("easel_jobs_wating > 3", ["no metric easel_jobs_wating"]),
        ("easel_jobs_ended > 3", ["no metric easel_jobs_ended"]),
        ('easel_jobs_ended_total{status="failed"}', ["easel_jobs_ended_total has no label status"]),
        ('easel_jobs_ended_total{state="broken"}', ["state is never broken"]),
        ("sum by (device) (easel_jobs_waiting)", ["no label device"]),
        ("vector(1)", ["it asks for no metric"]),
    ],
)
def test_a_mistake_is_found(expression: str, told: list[str]) -> None:
    assert problems(expression) == told


@pytest.mark.parametrize("expression", ["easel_jobs_waiting >", "rate(easel_jobs_ended_total)", "sum by easel_finding"])
def test_what_is_not_promql_is_refused(expression: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        problems(expression)


def test_the_documents_name_every_alert() -> None:
    page = (DEPLOY.parent / "docs" / "operate.md").read_text("utf-8").partition("### Alerts\n")[2]
    assert re.findall(r"`(Easel\w+)`", page.partition("\n\nIf ")[0]) == [rule["alert"] for rule in rules()]
