"""Secrets by shape: found where they lie, also under another layer, and nothing that only looks like one."""

from __future__ import annotations

import base64
import random
import string
from pathlib import Path

import pytest

from seatrial.model.facts import PathFact, StaticFacts
from seatrial.observe.secret_shapes import is_secret_setting, token_kinds
from seatrial.observe.secrets import secrets_in_command, secrets_in_config, secrets_in_file
from seatrial.observe.static import observe_static
from stranger_images import put_image, tar_of

RANDOM = random.Random(7)


def letters(count: int, alphabet: str = string.ascii_letters + string.digits) -> str:
    """Return random text; every secret of this file is made here and opens nothing."""
    return "".join(RANDOM.choices(alphabet, k=count))


def pem(label: str) -> str:
    body = base64.encodebytes(RANDOM.randbytes(300)).decode()
    return f"-----BEGIN {label}-----\n{body}-----END {label}-----\n"


def observe(root: Path) -> StaticFacts:
    return observe_static(root, scratch=root.parent)


def fact(path: str, content: str | bytes) -> PathFact:
    return PathFact(
        path=path, kind="file", mode=0o644, uid=0, gid=0, size_bytes=len(content), link_target="", layer=0
    )


def kinds(path: str, content: str | bytes) -> list[str]:
    raw = content.encode() if isinstance(content, str) else content
    return list(secrets_in_file(fact(path, raw), raw))


BASE32 = string.ascii_uppercase + "234567"
KEY = pem("PRIVATE KEY")


@pytest.mark.parametrize(
    ("path", "content", "kind"),
    [
        ("etc/ssl/private/server.key", KEY, "private key"),
        ("app/id_rsa", pem("OPENSSH PRIVATE KEY"), "private key"),
        ("app/ec.pem", pem("EC PRIVATE KEY"), "private key"),
        (
            "app/old.pem",
            pem("RSA PRIVATE KEY").replace("-----\n", "-----\nDEK-Info: AES,01\n\n", 1),
            "private key",
        ),
        ("app/pgp.asc", pem("PGP PRIVATE KEY BLOCK"), "private key"),
        ("app/settings.py", 'KEY = "' + KEY.replace("\n", "\\n") + '"', "private key"),
        (
            "app/account.json",
            '{"type": "service_account", "private_key": "' + KEY.replace("\n", "\\n") + '"}',
            "GCP service account key",
        ),
        ("app/a.conf", f"id = AKIA{letters(16, BASE32)}", "AWS access key"),
        ("app/a.yaml", f"aws_secret_access_key: {letters(40)}", "AWS secret key"),
        ("app/a.txt", f"ghp_{letters(36)}", "GitHub token"),
        ("app/a.txt", f"github_pat_{letters(82)}", "GitHub token"),
        ("app/a.txt", f"glpat-{letters(20)}", "GitLab token"),
        ("app/a.txt", f"xoxb-{letters(12, string.digits)}-{letters(24)}", "Slack token"),
        (
            "app/a.txt",
            "hooks.slack.com/services/T" + letters(9, BASE32) + "/B" + letters(9, BASE32) + "/" + letters(24),
            "Slack webhook",
        ),
        ("app/a.js", f'stripe("sk_live_{letters(24)}")', "Stripe key"),
        (".env", "PORT=8080\nDB_PASSWORD=hunter2\n", "dotenv file"),
        ("app/prod.env", "export API_KEY='k3y-of-ours'\n", "dotenv file"),
        ("app/.env", "DATABASE_URL=postgres://app:s3cr3t@db/app\n", "dotenv file"),
        ("root/.netrc", "machine git.example login me password s3cr3t", "netrc password"),
        ("root/.npmrc", f"//registry/:_authToken={letters(30)}", "npm credentials"),
        ("root/.pypirc", "[pypi]\nusername = me\npassword = s3cr3t", "PyPI credentials"),
        ("root/.docker/config.json", '{"auths":{"r":{"auth":"bWU6czNjcjN0"}}}', "registry credentials"),
        ("root/.kube/config", f"users:\n- user:\n    token: {letters(40)}", "Kubernetes credentials"),
        ("root/.git-credentials", "https://me:s3cr3t@git.internal", "git credentials"),
        ("app/.git/config", "url = https://x-access-token:s3cr3t@git.internal/a", "git credentials"),
        ("root/.aws/credentials", f"[default]\naws_secret_access_key = {letters(38)}", "AWS secret key"),
        ("app/terraform.tfstate", '{"version": 4, "terraform_version": "1.9.0"}', "Terraform state"),
        ("root/.pgpass", "db:5432:app:app:s3cr3t", "PostgreSQL password"),
        ("etc/shadow", "root:$y$j9T$abcdefghij$klmnopqrstuvwxyz:19000:0:99999:7:::", "password hash"),
    ],
)
def test_secret_is_found(path: str, content: str, kind: str) -> None:
    assert kinds(path, content) == [kind]


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("etc/ssl/certs/ca-certificates.crt", pem("CERTIFICATE")),
        ("etc/ssl/cert.pem", pem("CERTIFICATE")),
        ("app/id_rsa.pub", f"ssh-ed25519 {letters(68)} me@host"),
        ("app/public.pem", pem("PUBLIC KEY")),
        ("usr/lib/python3/ssl.py", 'if line == "-----BEGIN PRIVATE KEY-----":\n    pass\n'),
        ("app/pem.go", '"-----BEGIN RSA PRIVATE KEY-----\\n" + body + "-----END RSA PRIVATE KEY-----"'),
        ("go/pkg/mod/x@v1/testdata/key.pem", KEY),
        ("go/pkg/mod/x@v1/tls_test.go", KEY),
        ("usr/share/doc/openssl/key.pem", KEY),
        ("usr/lib/libcrypto", b"\x7fELF" + KEY.encode()),
        ("app/aws.md", "AKIAIOSFODNN7EXAMPLE"),
        ("app/aws.conf", "id = AKIAIOSFODNN7EXAMPLE"),
        ("app/aws.conf", "aws_secret_access_key=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
        ("app/a.txt", "ghp_" + "x" * 36),
        ("app/a.txt", "prefix_ghp_" + letters(36)),
        ("app/.env", "PORT=8080\nLOG_LEVEL=debug\nTOKEN=\nDB_PASSWORD=${DB_PASSWORD}\n"),
        (".env.example", "DB_PASSWORD=hunter2"),
        ("root/.npmrc", "registry=https://registry.npmjs.org\n//r/:_authToken=${NPM_TOKEN}\n"),
        ("root/.docker/config.json", '{"auths":{"r":{}},"credsStore":"pass"}'),
        ("app/.git/config", "url = https://git.internal/a"),
        ("etc/shadow", "root:*:19000:0:99999:7:::\nbin:!:19000::::::\n"),
    ],
)
def test_what_only_looks_like_a_secret_is_left_alone(path: str, content: str | bytes) -> None:
    assert kinds(path, content) == []


@pytest.mark.parametrize(
    ("name", "value", "is_secret"),
    [
        ("DB_PASSWORD", "hunter2", True),
        ("dbPassword", "hunter2", True),
        ("SECRET_KEY", "f3a9c1d2", True),
        ("GITHUB_TOKEN", "abcdef123456", True),
        ("REDIS", "redis://:hunter2@cache:6379", True),
        ("DB_PASSWORD_FILE", "/run/secrets/db", False),
        ("DB_PASSWORD", "/run/secrets/db", False),
        ("GPG_KEY", "A035C8C19219BA821ECEA86B64E628F8D684696D", False),
        ("MYSQL_ALLOW_EMPTY_PASSWORD", "yes", False),
        ("MAX_TOKENS", "4096", False),
        ("TOKENIZERS_PARALLELISM", "false", False),
        ("SECRET_KEY_BASE_DUMMY", "1", False),
        ("PWD", "/srv/app", False),
        ("API_KEY", "changeme", False),
        ("TOKEN", "<your token>", False),
        ("DATABASE_URL", "postgres://db/app", False),
        ("DATABASE_URL", "postgres://app:$PASSWORD@db/app", False),
        ("PYTHON_SHA256", "0123456789abcdef", False),
    ],
)
def test_setting_is_a_secret_by_name_and_value(name: str, value: str, *, is_secret: bool) -> None:
    assert is_secret_setting(name, value) is is_secret


@pytest.mark.parametrize(
    ("command", "is_found"),
    [
        ("RUN |1 NPM_TOKEN=abc123def /bin/sh -c npm ci # buildkit", True),
        ("/bin/sh -c #(nop)  ENV DB_PASSWORD=hunter2", True),
        ("ARG PASSWORD=hunter2", True),
        ("/server --db-password=hunter2", True),
        ("/bin/sh -c git clone https://me:hunter2@git.internal/x", True),
        ("ARG NPM_TOKEN", False),
        ("RUN --mount=type=secret,id=npm_token npm ci", False),
        ('RUN TOKEN="$(cat /run/secrets/t)" npm ci', False),
        ("RUN npm config set token $NPM_TOKEN --password-stdin", False),
        ("/bin/sh -c apt-get install -y passwd", False),
        ("COPY file:0123456789abcdef in /", False),
    ],
)
def test_secret_on_a_command_line(command: str, *, is_found: bool) -> None:
    assert bool(secrets_in_command(command)) is is_found


def test_configuration_gives_away_where_and_never_what() -> None:
    config: dict[str, object] = {
        "config": {
            "Env": ["PATH=/bin", "DB_PASSWORD=hunter2"],
            "Labels": {"note": f"ghp_{letters(36)}"},
            "Healthcheck": {"Test": ["CMD", "/server", "--token=hunter2hunter2"]},
        },
        "history": [{"created_by": "base"}, {"created_by": "ARG TOKEN=abcdef99", "empty_layer": True}],
    }
    found = secrets_in_config(config, (0, -1), (("built.with", f"glpat-{letters(24)}"),))
    assert [(secret.path, secret.kind, secret.layer) for secret in found] == [
        ("Env DB_PASSWORD", "secret setting", -1),
        ("Labels note", "GitHub token", -1),
        ("annotation built.with", "GitLab token", -1),
        ("Healthcheck", "secret on a command line", -1),
        ("history entry 2", "secret on a command line", -1),
    ]
    assert "hunter2" not in repr(found)


def test_secret_below_a_whiteout_and_a_replaced_one_are_found(tmp_path: Path) -> None:
    key = KEY.encode()
    lower = tar_of(("a.key", key), ("b.key", key), ("c.key", key), (".git/HEAD", b"ref: refs/heads/main"))
    upper = tar_of((".wh.a.key", b""), ("b.key", b"nothing"), (".wh..git", b""))
    found = observe(put_image(tmp_path / "image", [lower, upper], {})).secrets
    assert [(secret.path, secret.kind, secret.is_hidden) for secret in found] == [
        ("a.key", "private key", True),
        ("b.key", "private key", True),
        ("c.key", "private key", False),
        (".git", "git repository", True),
    ]
    assert {secret.layer for secret in found} == {0}


def test_large_files_are_not_searched(tmp_path: Path) -> None:
    layer = tar_of(("large.key", KEY.encode() + bytes(1 << 20)))
    assert observe(put_image(tmp_path / "image", [layer], {})).secrets == ()


def test_a_token_of_few_letters_is_documentation() -> None:
    assert token_kinds(b"glpat-" + b"ab" * 10) == []
