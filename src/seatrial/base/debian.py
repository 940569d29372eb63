"""A base from signed Debian packages: pinned, cached by its pins, the same bytes on any day."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, assert_never

import isal

from seatrial.base.recipe import ARCHITECTURES, RECIPES, DebianSettings, Recipe, Shape
from seatrial.errors import ConfigError, OutputError
from seatrial.formats.jsonvalue import as_list, as_table, text_at
from seatrial.formats.layer_memo import recall_layer, remember_layer
from seatrial.model.image import Base, Layer, Package

if TYPE_CHECKING:
    from seatrial.base.archive import Archive
    from seatrial.base.pins import Pins

# Raised when the layout or the writer gives other bytes for the same packages.
ASSEMBLER_VERSION: Final = "1"


def resolve(
    name: str,
    *,
    architecture: str,
    settings: DebianSettings,
    cache: Path,
    lock: Mapping[str, object] | None,
    now: datetime,
    progress: Callable[[str], None],
) -> Base:
    """Return an assembled base, ready as a layer on disk below ``cache``.

    name: "debian-13", "debian-12" or "scratch". architecture: as OCI names it (GOARCH).
    lock: the ``lock`` of an earlier Base, which gives the same bytes again and, when the cache has
    the layer or the packages, asks no network; None takes what the suite has now.
    now: the time, aware of its zone. progress: told one line at a time what is slow.
    Raises ConfigError (unknown name or architecture, a lock that does not fit), NetworkError,
    UntrustedInput, OutputError (the cache).
    """
    recipe = RECIPES.get(name)
    if recipe is None:
        raise ConfigError(f"no assembled base is called {name!r}", hint=f"one of: {', '.join(RECIPES)}")
    debian_architecture = ARCHITECTURES.get(architecture)
    if debian_architecture is None:
        raise ConfigError(
            f"no assembled base for the architecture {architecture!r}",
            hint=f"one of: {', '.join(ARCHITECTURES)}",
        )
    place = cache / "base"
    context = (recipe.name, debian_architecture, ASSEMBLER_VERSION, isal.__version__)
    try:
        layer = None if lock is None else recall_layer(_layer_path(place, lock, context))
        if lock is None or layer is None:
            # Libraries that take longer to import than all of a warm build's work.
            from seatrial.base.archive import Archive, remove_leftovers  # noqa: PLC0415 - start-up time
            from seatrial.base.pins import decode_pins  # noqa: PLC0415 - start-up time
            from seatrial.host.download import Fetcher  # noqa: PLC0415 - start-up time

            remove_leftovers(place, now)
            archive = Archive(settings=settings, cache=place, fetcher=Fetcher(), progress=progress)
            if lock is None:
                pins = archive.pin(recipe, debian_architecture, now)
            else:
                pins = decode_pins(
                    lock, base=recipe.name, architecture=debian_architecture, names=recipe.packages
                )
            lock = pins.encode()
            path = _layer_path(place, lock, context)
            layer = recall_layer(path) or _assemble(recipe, pins, archive, path)
    except OSError as error:
        raise OutputError(f"the cache cannot be used: {error.strerror}", where=str(place)) from error
    return Base(
        name=recipe.name,
        layers=(layer,),
        packages=tuple(_package(item, recipe.distro) for item in as_list(lock["packages"])),
        lock=dict(lock),
        warnings=_warnings(recipe, now),
    )


def _layer_path(place: Path, lock: Mapping[str, object], context: tuple[str, ...]) -> Path:
    """Return where the layer of a lock is kept.

    The name stands for the whole lock and for all else that decides the bytes, the encoder's version
    among it. So a layer that is there under this name was made of this very lock, and the lock was
    read in full then.
    """
    try:
        text = json.dumps([dict(lock), context], sort_keys=True, separators=(",", ":"))
    except (TypeError, ValueError):
        text = ""
    return place / "layers" / f"{hashlib.sha256(text.encode()).hexdigest()}.tar.gz"


def _package(item: object, distro: str) -> Package:
    fields = as_table(item)
    name, version, architecture = (text_at(fields, key) for key in ("name", "version", "architecture"))
    return Package(
        name=name,
        version=version,
        architecture=architecture,
        purl=f"pkg:deb/debian/{_percent_encoded(name)}@{_percent_encoded(version)}"
        f"?arch={architecture}&distro={distro}",
    )


def _assemble(recipe: Recipe, pins: Pins, archive: Archive, path: Path) -> Layer:
    from seatrial.base.layout import assemble_static  # noqa: PLC0415 - start-up time
    from seatrial.base.scratch import assemble_scratch  # noqa: PLC0415 - start-up time
    from seatrial.formats.tarball import write_layer  # noqa: PLC0415 - start-up time

    debs = archive.load(pins)
    if recipe.shape is Shape.STATIC:
        entries = assemble_static(debs, pins.release_date)
    elif recipe.shape is Shape.SCRATCH:
        entries = assemble_scratch(debs, pins.release_date)
    else:
        assert_never(recipe.shape)
    path.parent.mkdir(parents=True, exist_ok=True)
    layer = write_layer(entries, path, comment=f"base {recipe.name}")
    remember_layer(layer)
    return layer


def _warnings(recipe: Recipe, now: datetime) -> tuple[str, ...]:
    if now.date() <= recipe.supported_until:
        return ()
    ended = f"{recipe.name} ({recipe.suite}) is past its regular support, which ended on"
    return (f"{ended} {recipe.supported_until}: use debian-13 unless something holds you back",)


def _percent_encoded(text: str) -> str:
    """Encode a package-url component; ASCII only, which Debian's names and versions are."""
    return "".join(char if char.isalnum() or char in "-._~:" else f"%{ord(char):02X}" for char in text)
