"""Holds the program against the oracle on random worlds: ``python compare.py --seed N --worlds M``."""

import argparse
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import oracle
import oracle_contact
import time_machine
import worlds
import worlds_mapping
from oracle import World

Json = dict[str, Any]
Rows = dict[tuple[str, str | None, int], Json]
SHOWN = ("start", "decision", "reason", "contact_type")


def write(world: World, directory: Path) -> Path:
    """Write a world as a directory of FHIR JSON with its settings; give the settings file."""
    data = directory / "fhir"
    data.mkdir()
    worlds_mapping.write(directory / "mappings")
    if world.layout == "bundle":
        urls = {f"{one['resourceType']}/{one['id']}": one for one in world.resources}
        entries = [{"fullUrl": world.full_urls[name], "resource": one} for name, one in urls.items()]
        _dump(data / "bundle.json", {"resourceType": "Bundle", "type": "collection", "entry": entries})
    elif world.layout == "ndjson":
        for kind in {one["resourceType"] for one in world.resources}:
            lines = [json.dumps(one, ensure_ascii=False) for one in world.resources if one["resourceType"] == kind]
            (data / f"{kind}.ndjson").write_text("\n".join(lines) + "\n", encoding="utf-8")
    else:
        for one in world.resources:
            _dump(data / f"{one['resourceType']}-{one['id']}.json", one)
    settings: Json = {
        **{name: table for name, table in world.settings.items() if table},
        "fhir": {"base_url": "file:fhir", "version": world.version},
        "mappings": {"directory": "mappings"},
        "sms": {"provider": "outbox", "sender": "RegionVB", "outbox": {"path": "outbox.jsonl"}},
        "ledger": {"url": "sqlite:///ledger.db"},
    }
    config = directory / "fhirnotify.toml"
    config.write_text("\n".join(_toml(settings)) + "\n", encoding="utf-8")
    return config


def _dump(path: Path, value: Json) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")


def _toml(table: Json, path: str = "") -> list[str]:
    lines = [f"[{path}]"] if path else []
    lines += [
        f"{name} = {json.dumps(value, ensure_ascii=False)}"
        for name, value in table.items()
        if not isinstance(value, dict)
    ]
    for name, value in table.items():
        if isinstance(value, dict):
            lines += _toml(value, f"{path}.{name}".lstrip("."))
    return lines


def program(world: World, command: str) -> tuple[Rows, Json, str]:
    """Run the program on a world; give its rows, its summary, and what it said on stderr with its exit code."""
    from typer.testing import CliRunner

    from fhirnotify.cli.main import app

    with tempfile.TemporaryDirectory() as name:
        config = write(world, Path(name))
        if command == "run":
            CliRunner().invoke(app, ["ledger", "migrate", "--config", str(config)])
        # `plan` with a clock that stands still, so that its edges can be met to the second; `run` waits by the clock.
        clock = time_machine.travel(datetime.now(UTC), tick=False) if command == "plan" else nullcontext()
        with clock:
            result = CliRunner().invoke(app, [command, "--json", "--config", str(config), "--now", world.now])
        lines = [json.loads(line) for line in result.stdout.splitlines() if line.startswith("{")]
        outbox = config.parent / "outbox.jsonl"
        sent = [json.loads(line) for line in outbox.read_text(encoding="utf-8").splitlines()] if outbox.exists() else []
    summary: Json = next((line["summary"] for line in lines if "summary" in line), {})
    summary["outbox"] = sorted((one["to"], one["sender"], one["text"]) for one in sent)
    return (
        _keyed([line for line in lines if "summary" not in line]),
        summary,
        f"exit {result.exit_code} {result.stderr}",
    )


def _keyed(rows: list[Json]) -> Rows:
    """Key rows by appointment and patient; patients that are null are counted."""
    found: Rows = {}
    for row in rows:
        at = 0
        while (row["appointment"], row["patient"], at) in found:
            at += 1
        found[row["appointment"], row["patient"], at] = row
    return found


def mapping() -> oracle_contact.Mapping:
    """Load the mapping of the random worlds, as the program does, from its files."""
    with tempfile.TemporaryDirectory() as name:
        worlds_mapping.write(Path(name))
        return oracle_contact.load(Path(name))


MAPPING = mapping()


def answers(world: World) -> Rows:
    """Give the oracle's rows."""
    return _keyed([asdict(row) for row in oracle.rows(world, MAPPING)])


def plan_differences(world: World) -> list[str]:
    """Tell where ``plan`` and the oracle differ."""
    got, summary, said = program(world, "plan")
    wanted = answers(world)
    found = _row_differences(got, wanted, SHOWN)
    skipped = [row for row in got.values() if row["decision"] == "skip"]
    counts = {"considered": len(got), "skipped": len(skipped), "pending": len(got) - len(skipped), "complete": True}
    counts |= {
        "already": 0,
        "sent": 0,
        "uncertain": 0,
        "failed": 0,
        "reasons": dict(Counter(row["reason"] for row in skipped)),
    }
    found += [
        f"summary {name}: {summary.get(name)} for {value}"
        for name, value in counts.items()
        if summary.get(name) != value
    ]
    return [*found, said] if found or not said.startswith("exit 0") else []


def run_differences(world: World) -> list[str]:
    """Tell where ``run``, with its outbox, and the oracle differ. The clock ticks on, so an answer may be a little later."""
    got, summary, said = program(world, "run")
    attempts = []
    for seconds in (0, 5):
        moment = datetime.fromisoformat(world.now) + timedelta(seconds=seconds)
        wanted = answers(replace(world, now=moment.isoformat()))
        sent = [row for row in wanted.values() if row["outcome"] == "accepted"]
        found = _row_differences(got, wanted, (*SHOWN, "outcome", "segments"))
        texts = sorted((row["to"], "RegionVB", row["text"]) for row in sent)
        if summary["outbox"] != texts:
            lost, extra = (
                [one for one in texts if one not in summary["outbox"]],
                [one for one in summary["outbox"] if one not in texts],
            )
            found.append(f"outbox: the program alone {extra}, the oracle alone {lost}")
        attempts.append([*found, said] if found or not said.startswith("exit 0") else [])
    return min(attempts, key=len)


def _row_differences(got: Rows, wanted: Rows, fields: tuple[str, ...]) -> list[str]:
    found = []
    for key in sorted(got.keys() | wanted.keys(), key=str):
        ours, theirs = (
            {name: row.get(name) for name in fields} if row else None for row in (wanted.get(key), got.get(key))
        )
        if ours != theirs:
            found.append(f"{key[0]} of {key[1]}: the program {_brief(theirs)}, the oracle {_brief(ours)}")
    return found


def _brief(row: Json | None) -> str:
    return "has no row" if row is None else " ".join(f"{name}={value}" for name, value in row.items())


def minimise(world: World, differs: Callable[[World], bool]) -> World:
    """Drop resources, then elements of resources, while the difference remains."""
    at = 0
    while at < len(world.resources):
        fewer = replace(world, resources=[*world.resources[:at], *world.resources[at + 1 :]])
        world, at = (fewer, at) if differs(fewer) else (world, at + 1)
    for place, resource in enumerate(world.resources):
        for name in [name for name in resource if name not in ("resourceType", "id")]:
            less = {key: value for key, value in world.resources[place].items() if key != name}
            fewer = replace(world, resources=[*world.resources[:place], less, *world.resources[place + 1 :]])
            if differs(fewer):
                world = fewer
    return world


def kind_of(difference: str) -> str:
    """Give what a difference is about, without ids, to tell classes of differences apart."""
    parts = dict(part.split("=", 1) for part in difference.split(", the oracle ", maxsplit=1)[0].split() if "=" in part)
    other = dict(
        part.split("=", 1) for part in difference.rsplit(", the oracle ", maxsplit=1)[-1].split() if "=" in part
    )
    if not parts or not other:
        return "row missing" if "has no row" in difference else difference.split(":", maxsplit=1)[0]
    return " ".join(f"{name}: {parts[name]} / {other[name]}" for name in parts if parts[name] != other.get(name))


def main() -> int:
    """Compare worlds, print each new kind of difference minimised, and give 1 when there was any."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="the first seed")
    parser.add_argument("--worlds", type=int, default=200, help="how many worlds")
    parser.add_argument("--plan-only", action="store_true", help="do not run `fhirnotify run`")
    parser.add_argument("--each", type=int, default=2, help="how many of each kind of difference to minimise")
    asked = parser.parse_args()
    checks = [plan_differences] if asked.plan_only else [plan_differences, run_differences]
    kinds: Counter[str] = Counter()
    for seed in range(asked.seed, asked.seed + asked.worlds):
        world = worlds.make(seed)
        for check in checks:
            found = check(world)
            if not found:
                continue
            kind = kind_of(found[0])
            kinds[kind] += 1
            if kinds[kind] <= asked.each:
                _show(
                    seed, minimise(world, lambda one, check=check, kind=kind: kind in map(kind_of, check(one))), check
                )
            break
    sys.stdout.write(f"{asked.worlds} worlds, {sum(kinds.values())} differ\n")
    sys.stdout.writelines(f"{count:6} {kind}\n" for kind, count in kinds.most_common())
    return 1 if kinds else 0


def _show(seed: int, world: World, check: Callable[[World], list[str]]) -> None:
    lines = [
        f"== seed {seed} {check.__name__} {world.version} {world.layout} now {world.now} {json.dumps(world.settings)}",
        *check(world),
    ]
    lines += [f"  {json.dumps(one, ensure_ascii=False)}" for one in world.resources]
    if world.full_urls:
        names = [f"{one['resourceType']}/{one['id']}" for one in world.resources]
        lines.append(f"  fullUrl: {[world.full_urls[name] for name in names]}")
    sys.stdout.write("\n".join(lines) + "\n\n")


if __name__ == "__main__":
    sys.exit(main())
