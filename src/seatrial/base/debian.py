"""A base from signed Debian packages: pinned, cached by its pins, the same bytes on any day."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, assert_never

import isal

from seatrial.base.pins import Pins, decode_pins
from seatrial.base.recipe import ARCHITECTURES, RECIPES, DebianSettings, Recipe, Shape
from seatrial.errors import ConfigError, OutputError
from seatrial.formats.layer_memo import recall_layer, remember_layer
from seatrial.model.image import Base, Layer, Package

if TYPE_CHECKING:
    from seatrial.base.archive import Archive

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
    try:
        if lock is not None:
            pins = decode_pins(
                lock, base=recipe.name, architecture=debian_architecture, names=recipe.packages
            )
            layer = recall_layer(_layer_path(pins, place))
            if layer is not None:
                return _base(recipe, pins, layer, now)
        # What follows needs libraries that take longer to import than a warm build may take.
        from seatrial.base.archive import Archive, remove_leftovers  # noqa: PLC0415 - start-up time
        from seatrial.host.download import Fetcher  # noqa: PLC0415 - start-up time

        archive = Archive(settings=settings, cache=place, fetcher=Fetcher(), progress=progress)
        remove_leftovers(place, now)
        if lock is None:
            pins = archive.pin(recipe, debian_architecture, now)
        path = _layer_path(pins, place)
        layer = recall_layer(path) or _assemble(recipe, pins, archive, path)
    except OSError as error:
        raise OutputError(f"the cache cannot be used: {error.strerror}", where=str(place)) from error
    return _base(recipe, pins, layer, now)


def _base(recipe: Recipe, pins: Pins, layer: Layer, now: datetime) -> Base:
    return Base(
        name=recipe.name,
        layers=(layer,),
        packages=tuple(
            Package(
                name=package.name,
                version=package.version,
                architecture=package.architecture,
                purl=f"pkg:deb/debian/{_percent_encoded(package.name)}@{_percent_encoded(package.version)}"
                f"?arch={package.architecture}&distro={recipe.distro}",
            )
            for package in pins.packages
        ),
        lock=pins.encode(),
        warnings=_warnings(recipe, now),
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


def _layer_path(pins: Pins, place: Path) -> Path:
    # The encoder's version belongs to the key: another one may give another digest.
    return place / "layers" / f"{pins.digest(ASSEMBLER_VERSION, isal.__version__)}.tar.gz"


def _warnings(recipe: Recipe, now: datetime) -> tuple[str, ...]:
    if now.date() <= recipe.supported_until:
        return ()
    ended = f"{recipe.name} ({recipe.suite}) is past its regular support, which ended on"
    return (f"{ended} {recipe.supported_until}: use debian-13 unless something holds you back",)


def _percent_encoded(text: str) -> str:
    """Encode a package-url component; ASCII only, which Debian's names and versions are."""
    return "".join(char if char.isalnum() or char in "-._~:" else f"%{ord(char):02X}" for char in text)
