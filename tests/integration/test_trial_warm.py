"""The third trial of an image unpacks layers that the second has kept, and sees the same."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from seatrial.errors import SeatrialError
from seatrial.model.facts import RunningFacts
from seatrial.model.trial import TrialPlan
from seatrial.observe.running import observe_running

PLAN = TrialPlan(environment=(("TRIAL_DATABASE", "/tmp/trial.db"),))


def tried(image: Path, cache: Path) -> RunningFacts:
    return observe_running(image, PLAN, search_path=os.environ.get("PATH", ""), cache=cache)


def seen(facts: RunningFacts) -> object:
    return (
        facts.listening,
        [exchange.status for exchange in facts.exchanges],
        [(probe.situation, probe.exit_code) for probe in facts.probes],
        facts.shutdown.exit_code if facts.shutdown else None,
        facts.writes,
    )


def diff_ids(image: Path) -> list[str]:
    index = json.loads((image / "index.json").read_bytes())
    manifest = json.loads(blob(image, index["manifests"][0]["digest"]).read_bytes())
    config = json.loads(blob(image, manifest["config"]["digest"]).read_bytes())
    return [str(name) for name in config["rootfs"]["diff_ids"]]


def blob(image: Path, digest: str) -> Path:
    return image / "blobs" / digest.replace(":", "/")


def top_layer(image: Path) -> Path:
    index = json.loads((image / "index.json").read_bytes())
    return blob(
        image, json.loads(blob(image, index["manifests"][0]["digest"]).read_bytes())["layers"][-1]["digest"]
    )


def test_layers_of_the_second_time_serve_the_third(trial_image: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    first = tried(trial_image, cache)
    assert not list((cache / "layers").glob("*.tar"))
    tried(trial_image, cache)
    kept = {path.stem for path in (cache / "layers").glob("*.tar")}
    assert kept == {name.removeprefix("sha256:") for name in diff_ids(trial_image)}
    assert seen(tried(trial_image, cache)) == seen(first)


def test_a_layer_that_is_not_as_promised_is_never_kept(trial_image: Path, tmp_path: Path) -> None:
    image, cache = tmp_path / "image", tmp_path / "cache"
    shutil.copytree(trial_image, image)
    layer = top_layer(image)
    content = bytearray(layer.read_bytes())
    content[len(content) // 2] ^= 1
    layer.write_bytes(content)
    for _ in range(3):
        with pytest.raises(SeatrialError):
            tried(image, cache)
    promised = diff_ids(image)[-1].removeprefix("sha256:")
    assert promised not in {path.stem for path in (cache / "layers").glob("*.tar")}
