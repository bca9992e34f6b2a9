"""Measure this commit with asv, keep its figures, and publish the history of all commits as HTML.

``python -m benchmarks.asv_run`` in the environment that fastcond is installed in. Figures go to
bench_results/asv/ when no file differs from the commit, without a path of this machine in them; pages go to
target/asv/. With ``--quick`` each benchmark runs once, and nothing is kept.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks import machine
from benchmarks.targets import ROOT, WORK

KEPT = ROOT / "bench_results" / "asv"
PAGES = ROOT / "target" / "asv"
ENVIRONMENT = "existing-python"
"""What the environment is called in what is kept, in place of a path."""


def main() -> int:
    """Run, keep, publish; 1 when a benchmark failed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="run each benchmark once and keep nothing")
    quick: bool = parser.parse_args().quick
    commit = machine.commit(ROOT)
    is_kept = not quick and not commit.endswith("-dirty")
    if not quick and not is_kept:
        print("files differ from the commit, so the figures are shown and not kept", file=sys.stderr)
    WORK.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="asv-", dir=WORK) as folder:
        results, name, here = Path(folder, "results"), machine_name(), machine.describe(ROOT)
        config = _config(Path(folder), results)
        # All of it given: asked for nothing, asv would write the host's name.
        known = {"machine": name, "cpu": here.cpu, "num_cpu": here.cores, "os": f"Linux {here.kernel}"}
        known |= {"arch": platform.machine(), "ram": f"{here.memory_mib} MiB"}
        _asv(config, "machine", *(f"--{key}={value}" for key, value in known.items()))
        words = ["--python=same", f"--machine={name}", f"--set-commit-hash={commit.removesuffix('-dirty')}"]
        code = _asv(config, "run", "--show-stderr", *words, *(["--quick"] if quick else []), check=False)
        if is_kept and code == 0:
            keep(results, KEPT)
    if KEPT.is_dir():
        _asv(ROOT / "asv.conf.json", "publish", "--no-pull", f"--html-dir={PAGES}")
        print(f"written: {PAGES.relative_to(ROOT)}/index.html")
    return 0 if code == 0 else 1


def machine_name() -> str:
    """Name this machine by what decides its figures, and not by its host name."""
    found = machine.describe(ROOT)
    return re.sub(r"[^a-z0-9]+", "-", f"{found.cores}-cores-{found.cpu}".lower()).strip("-")


def keep(results: Path, kept: Path) -> None:
    """Copy what asv wrote, with the interpreter's path replaced by what is the same everywhere."""
    for path in sorted(results.rglob("*.json")):
        text, name = path.read_text(), path.name
        found = json.loads(text)
        if environment := found.get("env_name"):
            version = f"{sys.version_info.major}.{sys.version_info.minor}"
            text = text.replace(environment, ENVIRONMENT).replace(found["python"], version)
            name = name.replace(environment, ENVIRONMENT)
        target = kept / path.relative_to(results).with_name(name)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)


def _config(folder: Path, results: Path) -> Path:
    """Write the configuration with the results elsewhere: they name paths until they are kept."""
    config = json.loads((ROOT / "asv.conf.json").read_text())
    config |= {
        "repo": str(ROOT),
        "benchmark_dir": str(ROOT / config["benchmark_dir"]),
        "results_dir": str(results),
    }
    path = folder / "asv.conf.json"
    path.write_text(json.dumps(config))
    return path


def _asv(config: Path, command: str, *words: str, check: bool = True) -> int:
    program = shutil.which("asv", path=f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}")
    if program is None:
        raise SystemExit("asv is not installed: make build")
    # asv keeps what it knows of the machine in the home folder, which is not ours.
    home = WORK / "asv"
    home.mkdir(parents=True, exist_ok=True)
    run = [program, command, f"--config={config}", *words]
    return subprocess.run(run, cwd=ROOT, check=check, env={**os.environ, "HOME": str(home)}).returncode


if __name__ == "__main__":
    sys.exit(main())
