"""``seatrial init`` and ``sync`` as a user runs them: on real repositories, and where there is trouble."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from builds import MAIN, NO_NAMESPACES, SERVER, Seatrial, commit_all, git, own_cache, snapshot, write_service
from ci_tools import checked, python_tool, refused
from seatrial.formats.jsonvalue import as_table
from seatrial.scaffold.make import TARGETS

pytestmark = pytest.mark.go


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A committed service of one file, whose settings leave Orchestrion out: its module is not asked for."""
    root = write_service(
        tmp_path / "svc", {"main.go": MAIN, "seatrial.toml": '[instrument]\nwith = "none"\n'}
    )
    commit_all(root)
    return root


@pytest.fixture
def woven(tmp_path: Path) -> Path:
    """The same, with tracing."""
    root = write_service(tmp_path / "svc", {"main.go": MAIN})
    commit_all(root)
    return root


def paths(root: Path) -> set[str]:
    return {line[3:] for line in git(root, "status", "--porcelain", "-uall").splitlines()}


def without_commits(found: dict[str, tuple[int, int, bytes]]) -> dict[str, tuple[int, int, bytes]]:
    return {path: state for path, state in found.items() if not path.startswith(".git/")}


def test_dry_run_prints_a_diff_that_git_takes_and_changes_nothing(woven: Path, seatrial: Seatrial) -> None:
    before = snapshot(woven)
    shown = seatrial("init", str(woven), "--dry-run")
    assert shown.code == 0, shown.stderr
    assert snapshot(woven) == before
    patch = woven.parent / "patch"
    patch.write_text(shown.stdout)
    git(woven, "apply", str(patch))
    applied = {path: content for path, (_, _, content) in without_commits(snapshot(woven)).items()}
    git(woven, "checkout", "-q", ".")
    git(woven, "clean", "-fdq")
    assert seatrial("init", str(woven)).code == 0
    written = {path: content for path, (_, _, content) in without_commits(snapshot(woven)).items()}
    assert applied == written


def test_second_init_and_sync_change_nothing(woven: Path, seatrial: Seatrial) -> None:
    assert seatrial("init", str(woven)).code == 0
    before = snapshot(woven)
    again = seatrial("init", str(woven))
    assert "nothing to change" in again.stdout
    assert "compiling" not in again.stderr  # what init wrote knows the flag, and nobody need ask the program
    assert seatrial("sync", str(woven)).code == 0
    assert seatrial("sync", str(woven), "--check").code == 0
    assert without_commits(snapshot(woven)) == without_commits(before)
    assert {"Dockerfile", "Makefile", "tools.mod", "orchestrion.tool.go"} <= set(paths(woven))


def test_go_and_orchestrion_accept_the_files(woven: Path, seatrial: Seatrial) -> None:
    """Tidying keeps what init wrote, and each file of aspects follows Orchestrion's own schema.

    Orchestrion's own check is run in test_orchestrion_pin.py.
    """
    assert seatrial("init", str(woven)).code == 0
    checked("go", "mod", "tidy", "-diff", cwd=woven)
    checked("go", "vet", "./...", cwd=woven)
    assert checked("gofmt", "-l", ".", cwd=woven) == ""
    module = "github.com/DataDog/orchestrion"
    place = checked("go", "list", "-modfile=tools.mod", "-m", "-f", "{{.Dir}}", module, cwd=woven).strip()
    files = [str(path) for path in woven.rglob("orchestrion.yml")]
    assert len(files) > 5
    schema = Path(place, "internal/injector/config/schema.json").read_text()
    # Python's patterns know no classes of Unicode; ours are a subset.
    schema = schema.replace(r"\\p{L}", "a-zA-Z").replace(r"\\p{Nd}", "0-9")
    (woven.parent / "schema.json").write_text(schema)
    words = ("--schemafile", str(woven.parent / "schema.json"))
    checked(python_tool("check-jsonschema"), *words, *files, cwd=woven)
    (woven / "orchestrion.yml").write_text("meta:\n  name: x\n")
    refused(python_tool("check-jsonschema"), *words, str(woven / "orchestrion.yml"), cwd=woven)


def test_pin_in_go_mod_when_asked(woven: Path, seatrial: Seatrial) -> None:
    """go.mod's go line moves to what Orchestrion needs, which is said."""
    done = seatrial("init", str(woven), "--tool-pin", "go.mod")
    assert done.code == 0, done.stderr
    assert re.search(r"go 1\.24 => 1\.2\d", done.stderr)
    mod = (woven / "go.mod").read_text()
    assert "tool github.com/DataDog/orchestrion" in mod
    assert not (woven / "tools.mod").exists()
    assert "go build -mod=readonly -o $(ORCHESTRION)" in (woven / "Makefile").read_text()
    assert "-o /usr/local/bin/orchestrion github.com" in (woven / "Dockerfile").read_text()
    assert "nothing to change" in seatrial("init", str(woven)).stdout


def test_users_own_dockerfile_and_makefile_stay(repository: Path, seatrial: Seatrial) -> None:
    (repository / "Dockerfile").write_text("FROM scratch\nEXPOSE 9000\n")
    (repository / "Makefile").write_text("VERSION := mine\nbuild:\n\ttouch built\ntest: build\n")
    commit_all(repository)
    done = seatrial("init", str(repository))
    assert done.code == 0, done.stderr
    assert "build is seatrial-build, test is seatrial-test" in done.stderr
    assert (repository / "Dockerfile").read_text() == "FROM scratch\nEXPOSE 9000\n"
    assert (repository / "Makefile").read_text().startswith("VERSION := mine\nbuild:\n\ttouch built\n")
    assert "EXPOSE 9000/tcp" in (repository / "seatrial.Dockerfile").read_text()
    assert (repository / "seatrial.Dockerfile.dockerignore").exists()
    made = subprocess.run(("make",), cwd=repository, capture_output=True, text=True, check=True)
    assert "touch built" in made.stdout
    assert "warning" not in made.stderr
    planned = subprocess.run(
        ("make", "-n", "seatrial-build"), cwd=repository, capture_output=True, text=True, check=True
    )
    assert "go build" in planned.stdout
    # Theirs names no tag of ours, also where it is empty: git does.
    image = subprocess.run(
        ("make", "-n", "docker-build"), cwd=repository, capture_output=True, text=True, check=True
    )
    assert 'VERSION="mine"' not in image.stdout
    assert not re.search(r'VERSION=""|:" ', image.stdout)
    assert "nothing to change" in seatrial("init", str(repository)).stdout


THEIRS = """FROM golang AS build
WORKDIR /src
COPY . .
RUN go build -tags "loud" -o /app .
FROM alpine
WORKDIR /app
COPY --from=build /app ./svc
COPY templates templates
COPY .env /app/.env
EXPOSE 3000
CMD ["./svc", "serve"]
"""


def test_what_the_users_dockerfile_has_is_in_ours_and_in_the_settings(
    woven: Path, seatrial: Seatrial
) -> None:
    """A program that wants a command, and reads files, would be an image that only prints its usage."""
    for name, text in {"Dockerfile": THEIRS, "templates/a.html": "a", ".env": "PASSWORD=x\n"}.items():
        (woven / name).parent.mkdir(exist_ok=True)
        (woven / name).write_text(text)
    commit_all(woven)
    assert seatrial("init", str(woven)).code == 0
    recipe = (woven / "seatrial.Dockerfile").read_text()
    assert 'CMD ["serve"]\n' in recipe
    assert "COPY templates /templates\n" in recipe
    assert ".env" not in recipe
    settings = (woven / "seatrial.toml").read_text()
    assert 'arguments = ["serve"]' in settings
    assert 'tags = ["loud"]' in settings
    assert "-tags=loud" in recipe
    assert 'files = {"/templates" = "templates"}' in settings
    assert 'ports = ["3000/tcp"]' in settings
    before = snapshot(woven)
    assert "nothing to change" in seatrial("init", str(woven)).stdout
    assert seatrial("sync", str(woven), "--check").code == 0
    assert without_commits(snapshot(woven)) == without_commits(before)
    plan = seatrial("build", str(woven), "--plan").json
    assert as_table(plan["image"])["arguments"] == ["serve"]


@pytest.mark.parametrize("name", ["makefile", "GNUmakefile"])
def test_makefile_of_another_name_gets_the_targets(name: str, repository: Path, seatrial: Seatrial) -> None:
    """make would not look at a Makefile beside it, and some file systems take the two for one."""
    own = "build:\n\techo theirs\n"
    (repository / name).write_text(own)
    commit_all(repository)
    done = seatrial("init", str(repository))
    assert done.code == 0, done.stderr
    assert not (repository / "Makefile").exists()
    assert (repository / name).read_text().startswith(own)
    assert "include seatrial.mk\n" in (repository / name).read_text()
    assert "build is seatrial-build" in done.stderr
    subprocess.run(("make", "-C", str(repository), "seatrial-build"), check=True)
    assert (repository / "bin/server").is_file()
    again = seatrial("init", str(repository))
    assert "nothing to change" in again.stdout
    assert seatrial("sync", str(repository), "--check").code == 0


def test_pipeline_of_the_user_stays_and_what_would_run_ours_is_said(
    repository: Path, seatrial: Seatrial
) -> None:
    theirs = "stages: [test]\nunit:\n  script: [go test ./...]\n"
    (repository / ".gitlab-ci.yml").write_text(theirs)
    commit_all(repository)
    done = seatrial("init", str(repository))
    assert done.code == 0, done.stderr
    line = "include: {local: /.gitlab/seatrial.gitlab-ci.yml}"
    assert f"to run ours, too: {line}, and among your stages" in done.stderr
    assert (repository / ".gitlab-ci.yml").read_text() == theirs
    assert (repository / ".gitlab/seatrial.gitlab-ci.yml").exists()
    (repository / ".gitlab-ci.yml").write_text(f"{line}\n{theirs}")
    assert "to run ours" not in seatrial("init", str(repository)).stderr


def test_port_of_the_users_dockerfile_may_stand_in_a_variable(repository: Path, seatrial: Seatrial) -> None:
    (repository / "Dockerfile").write_text(
        "FROM scratch\nARG DEBUG=6060\nENV PORT 9000\nEXPOSE ${PORT} $DEBUG/udp $UNSET\n"
    )
    commit_all(repository)
    assert seatrial("init", str(repository)).code == 0
    assert "\nEXPOSE 9000/tcp 6060/udp\n" in (repository / "seatrial.Dockerfile").read_text()


def test_tests_of_other_build_tags_are_not_sent_to_the_builder(repository: Path, seatrial: Seatrial) -> None:
    """Go lists them among the files that it ignores; they were let through as parts of the program."""
    (repository / "db_test.go").write_text("//go:build integration\n\npackage main\n")
    commit_all(repository)
    assert seatrial("init", str(repository)).code == 0
    assert "db_test.go" not in (repository / ".dockerignore").read_text()


@pytest.mark.parametrize("makefile", ["Makefile", "seatrial.mk"])
def test_makefile_expands_nothing_that_is_not_set(makefile: str, woven: Path, seatrial: Seatrial) -> None:
    if makefile == "seatrial.mk":
        (woven / "Makefile").write_text("all: build-instrumented\n")
        commit_all(woven)
    assert seatrial("init", str(woven)).code == 0
    text = (woven / makefile).read_text()
    names = re.findall(r"^([a-z-]+):.*## ", text, re.MULTILINE)
    assert set(TARGETS) == set(names)
    argv = ("make", "-n", "--warn-undefined-variables", *names)
    done = subprocess.run(argv, cwd=woven, capture_output=True, text=True, check=True)
    assert not done.stderr
    (woven / makefile).write_text(text.replace("-o $(", "-o $(NOT_", 1))
    done = subprocess.run(argv, cwd=woven, capture_output=True, text=True, check=True)
    assert re.search(r"warning: undefined variable 'NOT_\w+'", done.stderr)


def test_what_make_writes_is_nothing_new_to_git(repository: Path, seatrial: Seatrial) -> None:
    """A file that git does not know would make each version "-dirty"."""
    (repository / ".gitignore").write_text("*.db\n")
    commit_all(repository)
    assert seatrial("init", str(repository)).code == 0
    assert (repository / ".gitignore").read_text().startswith("*.db\n\n# seatrial:begin")
    git(repository, "add", "-A")
    git(repository, "commit", "-qm", "init")
    checked("make", "build", cwd=repository)
    assert not git(repository, "status", "--porcelain")
    assert "nothing to change" in seatrial("init", str(repository)).stdout


def test_ignored_outputs_need_no_second_line(repository: Path, seatrial: Seatrial) -> None:
    (repository / ".gitignore").write_text("bin\ncoverage.*\n")
    commit_all(repository)
    assert seatrial("init", str(repository)).code == 0
    assert (repository / ".gitignore").read_text() == "bin\ncoverage.*\n"


def test_uncommitted_changes_are_respected(repository: Path, seatrial: Seatrial) -> None:
    makefile = repository / "Makefile"
    makefile.write_text("all:\n\ttrue\n")
    before = snapshot(repository)
    refused = seatrial("init", str(repository))
    assert refused.code == 2
    assert "changes that git does not have: Makefile" in refused.stderr
    assert without_commits(snapshot(repository)) == without_commits(before)
    assert seatrial("init", str(repository), "--allow-uncommitted").code == 0
    assert makefile.read_text().startswith("all:\n\ttrue\n")


def test_newer_pins_reach_the_files_and_hand_edits_around_them_stay(
    repository: Path, seatrial: Seatrial
) -> None:
    assert seatrial("init", str(repository)).code == 0
    lock = repository / "seatrial.lock"
    digest = "sha256:" + "ab" * 32
    table = json.loads(lock.read_text())
    table["images"]["static"] = f"example.com/static:nonroot@{digest}"
    lock.write_text(json.dumps(table, indent=2, sort_keys=True) + "\n")
    with open(repository / "Dockerfile", "a") as stream:
        stream.write("LABEL mine=yes\n")
    check = seatrial("sync", str(repository), "--check")
    assert check.code == 1
    assert f"+FROM example.com/static:nonroot@{digest}" in check.stdout
    git(repository, "add", "-A")
    git(repository, "commit", "-qm", "pins")
    assert seatrial("sync", str(repository)).code == 0
    text = (repository / "Dockerfile").read_text()
    assert digest in text
    assert text.endswith("LABEL mine=yes\n")
    assert seatrial("sync", str(repository), "--check").code == 0


def test_hand_edit_inside_is_shown_and_nothing_is_written(repository: Path, seatrial: Seatrial) -> None:
    assert seatrial("init", str(repository)).code == 0
    dockerfile = repository / "Dockerfile"
    dockerfile.write_text(dockerfile.read_text().replace("WORKDIR /src", "WORKDIR /mine"))
    (repository / ".dockerignore").unlink()
    before = snapshot(repository)
    done = seatrial("sync", str(repository))
    assert done.code == 1
    assert "-WORKDIR /mine" in done.stdout
    assert "yours alone" in done.stderr
    assert without_commits(snapshot(repository)) == without_commits(before)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("markers", "marker lines"),
        ("link", "symbolic link"),
        ("read-only", "read-only"),
        ("lock", "not a lock file"),
        ("digest", "not pinned by a digest"),
        ("commit", "not pinned by a commit"),
    ],
)
def test_trouble_is_named_and_nothing_is_half_written(
    repository: Path, seatrial: Seatrial, change: str, words: str
) -> None:
    assert seatrial("init", str(repository)).code == 0
    dockerfile, lock = repository / "Dockerfile", repository / "seatrial.lock"
    (repository / ".dockerignore").unlink()
    if change == "markers":
        dockerfile.write_text(dockerfile.read_text().replace("# seatrial:end", "# the end"))
    elif change == "link":
        dockerfile.rename(repository / "real")
        dockerfile.symlink_to("real")
    elif change == "read-only":
        lock.write_text(lock.read_text().replace("nonroot@sha256:1", "nonroot@sha256:2"))
        dockerfile.chmod(0o444)
    elif change == "lock":
        lock.write_text("{")
    elif change == "digest":
        lock.write_text(re.sub(r"nonroot@sha256:\w+", "nonroot", lock.read_text()))
    else:
        lock.write_text(re.sub(r'"[0-9a-f]{40} ', '"main ', lock.read_text()))
    before = snapshot(repository)
    done = seatrial("sync", str(repository))
    assert done.code == 2, done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert without_commits(snapshot(repository)) == without_commits(before)


def test_link_in_place_of_a_dockerfile_is_left_alone(repository: Path, seatrial: Seatrial) -> None:
    (repository / "docker").mkdir()
    (repository / "docker/Dockerfile").write_text("FROM scratch\n")
    (repository / "Dockerfile").symlink_to("docker/Dockerfile")
    commit_all(repository)
    assert seatrial("init", str(repository)).code == 0
    assert (repository / "docker/Dockerfile").read_text() == "FROM scratch\n"
    assert (repository / "seatrial.Dockerfile").exists()


@pytest.mark.parametrize("theirs", [".dockerignore", "docker/Dockerfile", "build/api.Dockerfile"])
def test_other_builds_keep_their_context(theirs: str, repository: Path, seatrial: Seatrial) -> None:
    """What is left out for our image (Makefile, tests, .git) may be what theirs is made with."""
    (repository / theirs).parent.mkdir(exist_ok=True)
    (repository / theirs).write_text("# theirs\n")
    (repository / "vendor/x").mkdir(parents=True)
    (repository / "vendor/x/Dockerfile").write_text("FROM scratch\n")
    commit_all(repository)
    assert seatrial("init", str(repository)).code == 0
    assert "**/*_test.go\n" in (repository / "Dockerfile.dockerignore").read_text()
    assert (repository / theirs).read_text() == "# theirs\n"
    assert (repository / ".dockerignore").exists() == (theirs == ".dockerignore")
    assert "nothing to change" in seatrial("init", str(repository)).stdout


def test_windows_line_ends_stay(repository: Path, seatrial: Seatrial) -> None:
    (repository / ".gitignore").write_bytes(b"mine\r\n")
    commit_all(repository)
    assert seatrial("init", str(repository)).code == 0
    content = (repository / ".gitignore").read_bytes()
    assert content.startswith(b"mine\r\n\r\n# seatrial:begin")
    assert content.count(b"\n") == content.count(b"\r\n")
    assert "nothing to change" in seatrial("init", str(repository)).stdout


def test_settings_of_the_user_get_the_one_line_and_are_theirs(repository: Path, seatrial: Seatrial) -> None:
    """Then ``seatrial build`` makes the Dockerfile's bytes; who takes the line away again has decided."""
    settings = repository / "seatrial.toml"
    theirs = b'# ours\r\n[instrument]\r\nwith = "none" # for now\r\n\r\n[build]\r\ntags = []\r\n'
    settings.write_bytes(theirs)
    uncommitted = seatrial("init", str(repository), "--dry-run")
    assert "vcs = false, [build] in seatrial.toml" in uncommitted.stderr
    assert "+++ b/seatrial.toml" not in uncommitted.stdout
    commit_all(repository)
    shown = seatrial("init", str(repository), "--dry-run")
    assert re.search(r"^\+vcs = false # .*$", shown.stdout, re.MULTILINE), shown.stdout
    assert settings.read_bytes() == theirs
    done = seatrial("init", str(repository))
    assert done.code == 0, done.stderr
    assert re.search(r"update +seatrial.toml", done.stderr)
    assert "vcs = false" not in done.stderr
    found = settings.read_bytes()
    assert found.startswith(theirs + b"vcs = false # ")
    assert found.count(b"\n") == found.count(b"\r\n") == theirs.count(b"\n") + 1
    assert "nothing to change" in seatrial("init", str(repository)).stdout
    settings.write_bytes(theirs)
    assert seatrial("sync", str(repository), "--check").code == 0
    again = seatrial("init", str(repository))
    assert "nothing to change" in again.stdout
    assert "vcs = false, [build] in seatrial.toml" in again.stderr
    assert settings.read_bytes() == theirs


def test_settings_that_say_otherwise_stay(repository: Path, seatrial: Seatrial) -> None:
    settings = repository / "seatrial.toml"
    theirs = '[instrument]\nwith = "none"\n[build]\nvcs = true # the program says its commit\n'
    settings.write_text(theirs)
    commit_all(repository)
    done = seatrial("init", str(repository))
    assert done.code == 0, done.stderr
    assert settings.read_text() == theirs
    assert "vcs = false, [build] in seatrial.toml" in done.stderr


def test_settings_behind_a_link_are_only_noted(repository: Path, seatrial: Seatrial) -> None:
    settings = repository / "seatrial.toml"
    settings.rename(repository / "real.toml")
    settings.symlink_to("real.toml")
    commit_all(repository)
    theirs = (repository / "real.toml").read_bytes()
    done = seatrial("init", str(repository))
    assert done.code == 0, done.stderr
    assert (repository / "real.toml").read_bytes() == theirs
    assert "vcs = false, [build] in seatrial.toml" in done.stderr


def test_settings_in_a_pyproject_are_not_hidden_by_a_file_of_ours(tmp_path: Path, seatrial: Seatrial) -> None:
    settings = '[tool.black]\nline-length = 99\n\n[tool.seatrial.instrument]\nwith = "none"\n'
    root = write_service(tmp_path / "svc", {"main.go": MAIN, "pyproject.toml": settings})
    commit_all(root)
    done = seatrial("init", str(root))
    assert done.code == 0, done.stderr
    found = (root / "pyproject.toml").read_text()
    assert found.startswith(settings + "\n[tool.seatrial.build]\nvcs = false # ")
    assert not (root / "seatrial.toml").exists()
    assert not (root / "orchestrion.yml").exists()
    assert seatrial("sync", str(root), "--check").code == 0


def test_main_package_that_init_was_told_is_kept_for_sync(tmp_path: Path, seatrial: Seatrial) -> None:
    files = {"cmd/a/main.go": MAIN, "cmd/b/main.go": MAIN, "seatrial.toml": '[instrument]\nwith = "none"\n'}
    root = write_service(tmp_path / "svc", files)
    commit_all(root)
    assert seatrial("init", str(root), "--main", "./cmd/b").code == 0
    assert '\n[service]\nmain = "./cmd/b"\n' in (root / "seatrial.toml").read_text()
    check = seatrial("sync", str(root), "--check")
    assert check.code == 0, check.stderr


def test_directory_that_is_no_service(tmp_path: Path, seatrial: Seatrial) -> None:
    (tmp_path / "package.json").write_text("{}")
    done = seatrial("init", str(tmp_path))
    assert done.code == 2
    assert "go.mod" in done.stderr
    assert os.listdir(tmp_path) == ["package.json"]


def test_sync_before_init(repository: Path, seatrial: Seatrial) -> None:
    done = seatrial("sync", str(repository))
    assert done.code == 2
    assert "seatrial init" in done.stderr


@pytest.mark.sandbox
def test_what_a_pipeline_checks_out_is_in_order(tmp_path: Path, seatrial: Seatrial) -> None:
    """No default branch, a fork's address, no way to ask a program: the lock knows what init knew."""
    if shutil.which("unshare") is None:
        pytest.skip("needs unshare (apt-get install util-linux)")
    settings = '[instrument]\nwith = "none"\n[build]\nvcs = false\n'
    upstream = write_service(tmp_path / "svc", {"main.go": SERVER, "seatrial.toml": settings})
    commit_all(upstream)
    git(upstream, "branch", "-M", "develop")
    git(tmp_path, "clone", "-q", upstream.as_uri(), "mine")
    mine = tmp_path / "mine"
    git(mine, "remote", "set-url", "origin", "git@example.com:acme/svc.git")
    assert seatrial("init", str(mine), "--ci", "github").code == 0
    commit_all(mine)
    assert 'branches: ["develop"]' in (mine / ".github/workflows/image.yml").read_text()
    assert "HEALTHCHECK" in (mine / "Dockerfile").read_text()
    assert 'source="https://example.com/acme/svc"' in (mine / "Dockerfile").read_text()

    checkout = tmp_path / "checkout"
    checkout.mkdir()
    git(checkout, "init", "-q", "-b", "main")
    git(checkout, "fetch", "-q", "--depth", "1", mine.as_uri(), "develop")
    git(checkout, "checkout", "-q", "--detach", "FETCH_HEAD")
    git(checkout, "remote", "add", "origin", "https://token@example.com/fork/svc")
    pipeline = own_cache(tmp_path / "cache")
    done = subprocess.run(
        (*NO_NAMESPACES, *pipeline.argv("sync", str(checkout), "--check")),
        env=pipeline.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "the program cannot be run here, seatrial.lock knows its flag" in done.stderr


@pytest.mark.parametrize("state", ["no git", "no commit", "detached", "shallow"])
def test_any_state_of_git_will_do(tmp_path: Path, seatrial: Seatrial, state: str) -> None:
    files = {"main.go": MAIN, "seatrial.toml": '[instrument]\nwith = "none"\n'}
    root = write_service(tmp_path / "svc", files)
    if state == "no commit":
        git(root, "init", "-q")
    elif state != "no git":
        commit_all(root)
        git(root, "tag", "v1.0.0")
        git(root, "commit", "-q", "--allow-empty", "-m", "two")
    if state == "detached":
        git(root, "checkout", "-q", "--detach")
    if state == "shallow":
        git(tmp_path, "clone", "-q", "--depth", "1", "--no-tags", root.as_uri(), "shallow")
        root = tmp_path / "shallow"
    done = seatrial("init", str(root))
    assert done.code == 0, done.stderr
    version = subprocess.run(
        ("make", "-n", "docker-build"), cwd=root, capture_output=True, text=True, check=True
    ).stdout
    assert re.search(r'--tag "svc:[\w.-]+"', version), version


def test_pipeline_is_written_where_its_host_reads_it(tmp_path: Path, seatrial: Seatrial) -> None:
    settings = '[instrument]\nwith = "none"\n'
    root = write_service(tmp_path / "repo/backend", {"main.go": MAIN, "seatrial.toml": settings})
    commit_all(tmp_path / "repo")
    done = seatrial("init", str(root), "--ci", "github", "--ci", "gitlab")
    assert done.code == 0, done.stderr
    assert "no pipeline is written" in done.stderr
    assert {"backend/Dockerfile", "backend/Makefile"} <= paths(tmp_path / "repo")
    assert not any(".github" in path or "gitlab-ci" in path for path in paths(tmp_path / "repo"))
    assert "nothing to change" in seatrial("init", str(root)).stdout


def test_module_below_the_workspace_has_its_files_where_docker_finds_them(
    tmp_path: Path, seatrial: Seatrial
) -> None:
    root = tmp_path / "repo"
    write_service(root / "services/api", {"main.go": MAIN}, module="example.com/api")
    write_service(root / "lib", {"lib.go": "package lib\n"}, module="example.com/lib")
    (root / "go.work").write_text("go 1.24\n\nuse (\n\t./lib\n\t./services/api\n)\n")
    commit_all(root)
    done = seatrial("init", str(root))
    assert done.code == 0, done.stderr
    assert "\nWORKDIR /src/services/api\n" in (root / "Dockerfile").read_text()
    assert "\tcd services/api && " in (root / "Makefile").read_text()
    assert (root / "services/api/orchestrion.tool.go").exists()
    assert (root / "services/api/third_party/weave/go.mod").exists()
    assert not (root / "orchestrion.tool.go").exists()
    subprocess.run(("go", "build", "./..."), cwd=root / "services/api", check=True)
    assert "nothing to change" in seatrial("init", str(root)).stdout


def test_service_with_generated_sources_has_its_files_in_its_own_tree(
    tmp_path: Path, seatrial: Seatrial
) -> None:
    embedded = "//go:embed made.txt\nvar made string\n\nfunc main() { println(made) }\n"
    main = f'package main\n\nimport _ "embed"\n\n{embedded}'
    settings = '[build]\nvcs = false\nprepare = ["echo made > svc/made.txt"]\n'
    root = write_service(
        tmp_path / "made", {"svc/main.go": main, "seatrial.toml": settings, ".gitignore": "made.txt\n"}
    )
    commit_all(root)
    before = paths(root)
    done = seatrial("init", str(root), "--ci", "gitlab")
    assert done.code == 0, done.stderr
    assert {"Dockerfile", "Makefile", "orchestrion.tool.go", "third_party/weave/go.mod"} <= paths(
        root
    ) - before
    assert "echo made > svc/made.txt" in (root / "Dockerfile").read_text()
    assert "svc/made.txt" not in paths(root)
    commit_all(root)
    assert seatrial("sync", "--check", str(root)).code == 0


def test_vendored_service_stays_one_that_go_takes(tmp_path: Path, seatrial: Seatrial) -> None:
    """What was put into vendor/ by hand is what ``go mod vendor`` puts there."""
    main = MAIN.replace('import "fmt"', 'import "fmt"\nimport _ "example.com/lib"')
    root = write_service(tmp_path / "svc", {"main.go": main, "lib/lib.go": "package lib\n"})
    (root / "lib/go.mod").write_text("module example.com/lib\n\ngo 1.24\n")
    with open(root / "go.mod", "a") as stream:
        stream.write("require example.com/lib v0.0.0\nreplace example.com/lib => ./lib\n")
    checked("go", "mod", "vendor", cwd=root)
    commit_all(root)
    done = seatrial("init", str(root))
    assert done.code == 0, done.stderr
    checked("go", "build", "-o", "/dev/null", ".", cwd=root)
    assert checked("gofmt", "-l", ".", cwd=root) == ""
    git(root, "add", "-A")
    git(root, "commit", "-qm", "init")
    checked("go", "mod", "vendor", cwd=root)
    assert not git(root, "status", "--porcelain")
    assert "nothing to change" in seatrial("init", str(root)).stdout
    # Where Orchestrion cannot be made nothing is built: a plain program would look like a woven one.
    (root / "tools.sum").write_text("")
    said = refused("make", "build-instrumented", cwd=root)
    assert "missing go.sum entry" in said
    assert not (root / "bin/server").exists()
    pinned = seatrial("init", str(root), "--tool-pin", "go.mod")
    assert (pinned.code, "vendor/" in pinned.stderr) == (2, True)


def test_tidy_leaves_the_line_for_the_aspects_where_it_is(tmp_path: Path, seatrial: Seatrial) -> None:
    """A module of today has its indirect requirements in a block of their own, the last one."""
    main = 'package main\n\nimport "example.com/near"\n\nfunc main() { near.Say() }\n'
    near = 'package near\n\nimport "example.com/far"\n\nfunc Say() { far.Say() }\n'
    mods = {"near": "require example.com/far v0.0.0\n\nreplace example.com/far => ../far\n", "far": ""}
    root = write_service(tmp_path / "tidy", {"main.go": main})
    for name, code in (("near", near), ("far", "package far\n\nfunc Say() {}\n")):
        write_service(root / name, {f"{name}.go": code}, module=f"example.com/{name}")
        with (root / name / "go.mod").open("a") as stream:
            stream.write(mods[name])
    with (root / "go.mod").open("a") as stream:
        stream.write(
            "\nrequire example.com/near v0.0.0\n\nrequire (\n\texample.com/far v0.0.0 // indirect\n)\n\n"
        )
        stream.write("replace example.com/near => ./near\n\nreplace example.com/far => ./far\n")
    commit_all(root)
    done = seatrial("init", str(root), "--tool-pin", "tools.mod")
    assert done.code == 0, done.stderr
    written = (root / "go.mod").read_text()
    assert "\nrequire seatrial.dev/weave v0.0.0\n" in written
    offline = {**os.environ, "GOPROXY": "off", "GOFLAGS": "-mod=mod", "GOWORK": "off"}
    subprocess.run(("go", "mod", "tidy"), cwd=root, env=offline, check=True)
    assert (root / "go.mod").read_text() == written


def test_replacement_outside_of_the_context_is_refused(tmp_path: Path, seatrial: Seatrial) -> None:
    write_service(tmp_path / "lib", {"lib.go": "package lib\n"}, module="example.com/lib")
    root = write_service(
        tmp_path / "svc",
        {"main.go": MAIN.replace('import "fmt"', 'import "fmt"\nimport _ "example.com/lib"')},
    )
    with open(root / "go.mod", "a") as stream:
        stream.write("require example.com/lib v0.0.0\nreplace example.com/lib => ../lib\n")
    done = seatrial("init", str(root))
    assert done.code == 2
    assert "cannot see" in done.stderr


@pytest.mark.parametrize(
    ("version", "golang", "words"),
    [
        ("v0.18.0", "golang:1.22-bookworm", ("v0.18.0", "Go 1.24")),
        ("v1.15.0", "golang:1.22-bookworm", ("needs Go 1.26", "Go 1.24")),
        ("v1.15.0", "golang:1.25-bookworm", ("needs Go 1.26, not 1.25",)),
    ],
)
def test_versions_that_cannot_be_together_are_refused_with_those_that_can(
    woven: Path, seatrial: Seatrial, version: str, golang: str, words: tuple[str, ...]
) -> None:
    """The brief's own three: a release that never was, a Go without tool lines, a file that nobody reads."""
    image = f"{golang}@sha256:{'ab' * 32}"
    (woven / "seatrial.lock").write_text(json.dumps({"version": 1, "images": {"golang": image}}))
    (woven / "seatrial.toml").write_text(f'[instrument]\nversion = "{version}"\n')
    (woven / ".orchestrion.yml").write_text("meta: {}\n")
    done = seatrial("init", str(woven))
    assert done.code == 2
    for word in words:
        assert word in done.stderr
    assert "Orchestrion v1.15.0 with Go 1.26" in done.stderr
    assert not (woven / "Dockerfile").exists()


def test_file_that_orchestrion_never_reads_is_named(woven: Path, seatrial: Seatrial) -> None:
    (woven / ".orchestrion.yml").write_text("meta: {}\n")
    done = seatrial("init", str(woven))
    assert done.code == 0, done.stderr
    assert "Orchestrion never reads this name" in done.stderr


def test_json_is_one_object(repository: Path, seatrial: Seatrial) -> None:
    shown = seatrial("init", str(repository), "--dry-run", "--json")
    assert shown.at("is_written") is False
    assert "+++ b/Dockerfile" in str(shown.at("diff"))
    written = seatrial("init", str(repository), "--json")
    assert written.at("is_written") is True
    assert written.at("has_drift") is True
    assert seatrial("sync", str(repository), "--check", "--json").at("has_drift") is False


def test_killed_run_is_undone_by_the_next(repository: Path, seatrial: Seatrial) -> None:
    """A real SIGKILL, from the first file on: --check says so and writes nothing, init puts all back."""
    running = seatrial.popen("init", str(repository), cwd=repository)
    end = time.monotonic() + 120
    while running.poll() is None and time.monotonic() < end:
        if (repository / ".seatrial-undo").exists():
            break
    running.kill()
    running.wait()
    # Killed in its last step or after it, it has all files: the moment is then made by hand.
    if not (repository / ".seatrial-undo").exists():
        (repository / ".seatrial-undo").write_text('{"version": 1, "files": [], "directories": []}')
    before = snapshot(repository)
    for words in (("init", "--dry-run"), ("sync", "--check")):
        shown = seatrial(words[0], str(repository), *words[1:])
        assert shown.code == 2
        assert "did not come to its end" in shown.stderr
    assert snapshot(repository) == before
    done = seatrial("init", str(repository))
    assert done.code == 0, done.stderr
    assert "was undone first" in done.stderr
    assert not list(repository.rglob(".seatrial-*"))
    assert seatrial("sync", str(repository), "--check").code == 0


def test_program_for_another_machine_is_woven_by_this_one(woven: Path, seatrial: Seatrial) -> None:
    """Orchestrion runs here, whatever GOARCH says of the program."""
    assert seatrial("init", str(woven), "--ci", "github").code == 0
    env = {**os.environ, "GOARCH": "arm64"}
    made = subprocess.run(
        ("make", "build-instrumented", "verify-binary"),
        cwd=woven,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stdout + made.stderr
    assert "static, and woven" in made.stdout
    # ELF's e_machine: 183 is aarch64.
    assert (woven / "bin/server").read_bytes()[18] == 183
