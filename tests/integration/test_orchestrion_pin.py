"""``orchestrion pin -validate``, Orchestrion's own check of aspects, on what ``init`` wrote.

It validates the files that ``orchestrion.tool.go`` leads to, and only after it has put its vendor's own
integrations into go.mod: so it runs on a copy, in which an empty module stands for them. The service's own
``orchestrion.yml`` is read by a build and not by this check; a package that extends it leads there.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from builds import MAIN, ORDERS, Seatrial, commit_all, write_service
from ci_tools import checked

pytestmark = pytest.mark.go

_ORCHESTRION = "github.com/DataDog/orchestrion"
_TRACER = "github.com/DataDog/dd-trace-go/v2"
_INTEGRATIONS = "github.com/DataDog/dd-trace-go/orchestrion/all/v2"
_OWN = "settings_of_the_root"


def validate(root: Path, scratch: Path) -> subprocess.CompletedProcess[str]:
    """Run the check on a copy of a service, with Orchestrion as the service pins it."""
    copy = scratch / "copy"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(root, copy, ignore=shutil.ignore_patterns(".git", "bin"))
    pin = ("-modfile=tools.mod",) if (copy / "tools.mod").exists() else ()
    program = scratch / "orchestrion"
    if not program.exists():
        checked("go", "build", *pin, "-o", str(program), _ORCHESTRION, cwd=copy)
    version = checked("go", "list", *pin, "-m", "-f", "{{.Version}}", _TRACER, cwd=copy).strip()
    write_service(copy / "integrations", {"all.go": "package all\n"}, module=_INTEGRATIONS)
    module = checked("go", "list", "-m", cwd=copy).strip()
    own = copy / _OWN
    own.mkdir()
    (own / "own.go").write_text("package own\n")
    (own / "orchestrion.yml").write_text(
        "meta: {name: own, description: own}\nextends: [../orchestrion.yml]\n"
    )
    tools = copy / "orchestrion.tool.go"
    text = tools.read_text()
    tools.write_text(text.replace("package tools\n", f'package tools\n\nimport _ "{module}/{_OWN}"\n', 1))
    edits = (f"-require={_TRACER}@{version}", f"-require={_INTEGRATIONS}@{version}")
    checked("go", "mod", "edit", *edits, f"-replace={_INTEGRATIONS}=./integrations", cwd=copy)
    # Without -prune=false it would take out the import of what it did not find to be an integration.
    argv = (str(program), "pin", "-validate", "-generate=false", "-prune=false")
    return subprocess.run(argv, cwd=copy, capture_output=True, text=True, check=False, timeout=600)


@pytest.fixture(params=["tools.mod", "go.mod"])
def service(request: pytest.FixtureRequest, tmp_path: Path, seatrial: Seatrial) -> Path:
    """A small service after init, with either pin."""
    root = write_service(tmp_path / "svc", {"main.go": MAIN})
    commit_all(root)
    done = seatrial("init", str(root), "--tool-pin", request.param)
    assert done.code == 0, done.stderr
    assert (root / "tools.mod").exists() is (request.param == "tools.mod")
    return root


def test_orchestrion_validates_what_init_wrote_and_does_look(service: Path, tmp_path: Path) -> None:
    done = validate(service, tmp_path)
    assert done.returncode == 0, done.stderr
    # It looked at both: an import without aspects would be named here, as the vendor's is.
    assert "seatrial.dev/weave" not in done.stdout
    assert _OWN not in done.stdout
    assert f'"{_INTEGRATIONS}": there is no orchestrion.yml' in done.stdout
    for name, right, wrong, said in (
        ("third_party/weave/sql/orchestrion.yml", "join-point:", "join-points:", "join-points"),
        ("third_party/weave/orchestrion.yml", "./http/", "./https/", "https"),
        ("orchestrion.yml", "extends:", "extend:", "extend"),
    ):
        theirs = (service / name).read_text()
        assert right in theirs
        (service / name).write_text(theirs.replace(right, wrong, 1))
        broken = validate(service, tmp_path)
        assert broken.returncode != 0, name
        assert said in broken.stderr
        (service / name).write_text(theirs)


def test_orchestrion_validates_the_demo_service(tmp_path: Path, seatrial: Seatrial) -> None:
    root = tmp_path / "orders"
    shutil.copytree(ORDERS, root, ignore=shutil.ignore_patterns("bin", "seatrial.lock"))
    commit_all(root)
    done = seatrial("init", str(root))
    assert done.code == 0, done.stderr
    checked_by_orchestrion = validate(root, tmp_path)
    assert checked_by_orchestrion.returncode == 0, checked_by_orchestrion.stderr
    assert "seatrial.dev/weave" not in checked_by_orchestrion.stdout
