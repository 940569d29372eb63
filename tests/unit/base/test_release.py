"""Debian's keys as shipped are the pinned ones, and only sound signatures count."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pysequoia
import pytest

from seatrial.base.recipe import KEY_FILES, RECIPES
from seatrial.base.release import load_signers, verify_release
from seatrial.errors import UntrustedInput

RELEASE = b"Origin: Debian\nDate: Sat, 21 Nov 2026 09:15:44 UTC\nSHA256:\n " + b"ab" * 32 + b" 1 main/x\n"


@pytest.mark.parametrize("name", RECIPES)
def test_shipped_keys_have_the_pinned_fingerprints(name: str) -> None:
    signers = load_signers(RECIPES[name], None)
    assert {signer.fingerprint for signer in signers} == RECIPES[name].signers
    for signer in signers:
        assert "debian.org" in str(signer.user_ids[0])
        assert not signer.is_revoked


def test_every_key_file_is_used_and_none_is_of_the_security_archive() -> None:
    used = {fingerprint for recipe in RECIPES.values() for fingerprint in recipe.signers}
    assert used == KEY_FILES.keys()
    assert not [name for name in KEY_FILES.values() if "security" in name]


def test_one_of_several_signatures_is_enough_when_it_is_pinned() -> None:
    ours, other = (pysequoia.Tsk.generate(user_id=f"{name} <k@b.invalid>") for name in ("ours", "other"))
    signed = pysequoia.sign(ours.signer(), RELEASE, mode=pysequoia.SignatureMode.CLEAR)
    certificates = (other.extract_certificate(), ours.extract_certificate())
    assert verify_release(signed, certificates, where="InRelease").origin == "Debian"
    with pytest.raises(UntrustedInput):
        verify_release(signed, certificates[:1], where="InRelease")


def test_no_signer_is_no_trust() -> None:
    key = pysequoia.Tsk.generate(user_id="ours <k@b.invalid>")
    signed = pysequoia.sign(key.signer(), RELEASE, mode=pysequoia.SignatureMode.CLEAR)
    with pytest.raises(UntrustedInput):
        verify_release(signed, (), where="InRelease")


def test_inline_message_is_not_a_clear_signed_one() -> None:
    key = pysequoia.Tsk.generate(user_id="ours <k@b.invalid>")
    signed = pysequoia.sign(key.signer(), RELEASE)
    with pytest.raises(UntrustedInput, match="not exactly one signed message"):
        verify_release(signed, (key.extract_certificate(),), where="InRelease")


@pytest.mark.skipif(shutil.which("gpg") is None, reason="no gpg")
@pytest.mark.parametrize(("digest", "holds"), [("SHA256", True), ("SHA1", False)])
def test_sha1_signature_is_refused(tmp_path: Path, digest: str, holds: bool) -> None:
    def gpg(*arguments: str) -> bytes:
        argv = ["gpg", "--homedir", str(home), "--batch", "--quiet", "--allow-weak-digest-algos", *arguments]
        return subprocess.run(argv, input=RELEASE, check=True, capture_output=True).stdout

    home = tmp_path / "gnupg"
    home.mkdir(mode=0o700)
    gpg("--passphrase", "", "--quick-generate-key", "a@b.invalid", "rsa2048", "sign", "never")
    signed = gpg("--digest-algo", digest, "--clear-sign")
    assert f"Hash: {digest}".encode() in signed
    certificates = tuple(pysequoia.Cert.split_bytes(gpg("--export")))
    # Making a key started an agent, which would outlive the test.
    subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], check=True)
    if holds:
        assert verify_release(signed, certificates, where="InRelease").origin == "Debian"
    else:
        with pytest.raises(UntrustedInput, match="InRelease: the signature does not hold"):
            verify_release(signed, certificates, where="InRelease")
