"""What the scanners are run on: a service with a dependency that is known to be vulnerable, and databases.

Real here: govulncheck, trivy and syft, trivy's own maker of databases, a registry that serves what it makes.
The databases hold one advisory, in the words in which the Go project published it: the whole ones cannot be
reached from everywhere, and change from day to day.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import shutil
import subprocess
import tarfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ci_tools import govulncheck, trivy_db, wheel_tool

VULNERABLE, FIXED = "v0.3.6", "v0.3.8"
ADVISORY_ID = "GO-2021-0113"
CVE = "CVE-2021-38561"
_MODULE = "golang.org/x/text"
# https://vuln.go.dev/ID/GO-2021-0113.json, without its prose.
_ADVISORY = {
    "schema_version": "1.3.1",
    "id": ADVISORY_ID,
    "published": "2021-10-06T17:51:21Z",
    "aliases": [CVE, "GHSA-ppp9-7jff-5vj2"],
    "summary": "Out-of-bounds read in golang.org/x/text/language",
    "details": "An incorrectly formatted language tag can cause Parse to panic.",
    "affected": [
        {
            "package": {"name": _MODULE, "ecosystem": "Go"},
            "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}, {"fixed": "0.3.7"}]}],
            "ecosystem_specific": {
                "imports": [
                    {
                        "path": f"{_MODULE}/language",
                        "symbols": ["MatchStrings", "MustParse", "Parse", "ParseAcceptLanguage"],
                    }
                ]
            },
        }
    ],
    "references": [{"type": "FIX", "url": "https://go.dev/cl/340830"}],
    "database_specific": {"url": "https://pkg.go.dev/vuln/GO-2021-0113", "review_status": "REVIEWED"},
}
_MAIN = """package main

import (
	"fmt"
	"net/http"

	"golang.org/x/text/language"
)

func main() {
	http.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		tags, _, err := language.ParseAcceptLanguage(r.Header.Get("Accept-Language"))
		fmt.Fprintln(w, tags, err)
	})
	if err := http.ListenAndServe(":8080", nil); err != nil {
		panic(err)
	}
}
"""


def write_service(root: Path, version: str) -> Path:
    """Write a service that calls the vulnerable function, with the dependency at a version."""
    root.mkdir()
    (root / "main.go").write_text(_MAIN)
    (root / "go.mod").write_text("module example.com/svc\n\ngo 1.24\n")
    require(root, version)
    return root


def require(root: Path, version: str) -> None:
    """Move the dependency to a version."""
    done = subprocess.run(
        ("go", "get", f"{_MODULE}@{version}"), cwd=root, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def lay_out_tools(place: Path) -> Path:
    """Make a directory with the scanners; skip the test where one cannot be had."""
    place.mkdir()
    for path in (govulncheck(), wheel_tool("trivy"), wheel_tool("syft")):
        (place / Path(path).name).symlink_to(path)
    return place


def write_go_database(root: Path, *, age_days: int = 0, is_known: bool = True) -> Path:
    """Write a database for govulncheck (go.dev/doc/security/vuln/database).

    is_known: False leaves out a word without which govulncheck 1.9.0 panics while it reports the entry.
    """
    day = _stamp(age_days)
    entry = {**_ADVISORY, "modified": day}
    if not is_known:
        del entry["database_specific"]
    files: dict[str, object] = {
        "index/db.json": {"modified": day},
        "index/modules.json": [
            {"path": _MODULE, "vulns": [{"id": ADVISORY_ID, "modified": day, "fixed": "0.3.7"}]}
        ],
        "index/vulns.json": [{"id": ADVISORY_ID, "modified": day, "aliases": [CVE]}],
        f"ID/{ADVISORY_ID}.json": entry,
    }
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(json.dumps(content))
    return root


def make_trivy_database(root: Path) -> Path:
    """Have trivy's own program make a database; return the directory of trivy.db and metadata.json."""
    source = root / "source/govulndb/data/osv"
    source.mkdir(parents=True)
    (source / f"{ADVISORY_ID}.json").write_text(json.dumps({**_ADVISORY, "modified": _stamp(0)}))
    options = ("--cache-dir", str(root / "source"), "--output-dir", str(root / "db"))
    done = subprocess.run(
        (trivy_db(), "build", "--only-update", "govulndb", *options),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return root / "db"


def write_trivy_layout(place: Path, database: Path, *, age_days: int = 0) -> Path:
    """Write a database as the artifact that trivy pulls, made some days ago."""
    aged = place.with_name(f"{place.name}-files")
    shutil.copytree(database, aged)
    metadata = json.loads((aged / "metadata.json").read_text())
    metadata |= {"UpdatedAt": _stamp(age_days), "NextUpdate": _stamp(age_days - 1)}
    (aged / "metadata.json").write_text(json.dumps(metadata))
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name in ("trivy.db", "metadata.json"):
            archive.add(aged / name, name)
    (place / "blobs/sha256").mkdir(parents=True)
    layer = _blob(
        place, gzip.compress(packed.getvalue(), 1), "application/vnd.aquasec.trivy.db.layer.v1.tar+gzip"
    )
    layer["annotations"] = {"org.opencontainers.image.title": "db.tar.gz"}
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": _blob(place, b"{}", "application/vnd.aquasec.trivy.config.v1+json"),
        "layers": [layer],
    }
    described = _blob(place, json.dumps(manifest).encode(), "application/vnd.oci.image.manifest.v1+json")
    (place / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [described]}))
    return place


def _blob(place: Path, data: bytes, media: str) -> dict[str, object]:
    digest = hashlib.sha256(data).hexdigest()
    (place / "blobs/sha256" / digest).write_bytes(data)
    return {"mediaType": media, "digest": f"sha256:{digest}", "size": len(data)}


def _stamp(age_days: int) -> str:
    return (datetime.now(UTC) - timedelta(days=age_days)).strftime("%Y-%m-%dT%H:%M:%SZ")


def go_modules(program: Path) -> set[str]:
    """Return the modules that ``go version -m`` lists beside the program's own, as PATH@VERSION, and Go."""
    said = subprocess.run(
        ("go", "version", "-m", str(program)), capture_output=True, text=True, check=True
    ).stdout.splitlines()
    words = [line.split() for line in said[1:]]
    found = {f"{word[1]}@{word[2]}" for word in words if word[0] == "dep"}
    return {*found, f"stdlib@{said[0].rpartition(' go')[2]}"}


def sbom_modules(document: Path) -> set[str]:
    """Return the Go modules of a CycloneDX document, as PATH@VERSION."""
    parts = json.loads(document.read_text())["components"]
    purls = [str(part["purl"]) for part in parts if str(part.get("purl", "")).startswith("pkg:golang/")]
    return {purl.removeprefix("pkg:golang/").partition("?")[0] for purl in purls}
