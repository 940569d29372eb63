"""What a tree and a failed trial ask for, as settings: small made-up trees, each with one way to say it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from facts import RUNNING
from go_project import go_project
from seatrial.config import Settings, parse_settings
from seatrial.model.project import Project
from seatrial.propose import Proposal, propose, written

PQ = "github.com/lib/pq"
REDIS = "github.com/redis/go-redis/v9"


def project(root: Path, files: Mapping[str, str], *modules: str) -> Project:
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content)
    sources = tuple(root / name for name in files if name.endswith(".go"))
    return replace(go_project(root), inputs=sources, module_paths=modules)


def proposed(
    found: Project, *log: str, settings: Settings | None = None, tracked: bool = True
) -> Proposal | None:
    facts = replace(RUNNING, log_lines=log, exchanges=())
    return propose(found, settings or Settings(), facts, tracked=lambda _: tracked)


def told(found: Project, *log: str) -> Settings:
    proposal = proposed(found, *log)
    assert proposal is not None
    return proposal.settings


def test_tree_that_says_nothing_gets_no_proposal(tmp_path: Path) -> None:
    assert proposed(project(tmp_path, {"main.go": "package main\n"}), "panic: bad luck") is None


def test_example_variables_are_given_with_the_trials_addresses(tmp_path: Path) -> None:
    example = (
        "APP_NAME=shop\nDB_URL=postgresql://u:p@db:5432/shop?sslmode=disable&search_path=a\n"
        "CERT=/etc/ssl/my.pem\nEMPTY=\nCACHE=redis://:pw@cache:6379/1\n"
    )
    found = told(project(tmp_path, {".env.example": example}, PQ, REDIS), "cannot start")
    assert dict(found.environment) == {
        "APP_NAME": "shop",
        "DB_URL": "{postgres.url}&search_path=a",
        "CACHE": "redis://{redis.host}:{redis.port}/1",
    }
    assert found.services == ("postgres",)
    assert [program.name for program in found.programs] == ["redis"]


def test_file_that_may_hold_secrets_is_read_only_where_it_is_committed(tmp_path: Path) -> None:
    found = project(tmp_path, {".env": "A=1\n"})
    assert proposed(found, "no", tracked=False) is None
    proposal = proposed(found, "no")
    assert proposal is not None
    assert proposal.settings.environment == (("A", "1"),)


def test_parts_of_an_address_are_filled_in_by_their_names(tmp_path: Path) -> None:
    source = "package main\n" + "".join(
        f'var _ = os.Getenv("{name}")\n'
        for name in (
            "DB_HOST",
            "DB_PORT",
            "DB_USER",
            "DB_PASSWORD",
            "DB_NAME",
            "DB_SSLMODE",
            "DB_POOL",
            "REDIS_ADDR",
        )
    )
    found = told(project(tmp_path, {"main.go": source}, PQ, REDIS), "dial tcp: lookup db on :5432: refused")
    assert dict(found.environment) == {
        "DB_HOST": "{postgres.host}",
        "DB_PORT": "{postgres.port}",
        "DB_USER": "{postgres.user}",
        "DB_PASSWORD": "{postgres.password}",
        "DB_NAME": "{postgres.database}",
        "DB_SSLMODE": "disable",
        "REDIS_ADDR": "{redis.host}:{redis.port}",
    }


def test_all_required_variables_are_given_at_once_by_their_types(tmp_path: Path) -> None:
    source = (
        "package main\n\ntype settings struct {\n"
        '\tSecret  string        `env:"JWT_SECRET,required"`\n'
        '\tWorkers int           `env:"WORKERS,notEmpty"`\n'
        '\tWait    time.Duration `envconfig:"WAIT" required:"true"`\n'
        '\tDebug   bool          `env:"DEBUG,required"`\n'
        '\tPort    string        `env:"HTTP_PORT,required"`\n'
        '\tAdmin   string        `env:"ADMIN_PORT,required"`\n'
        '\tLevel   string        `env:"LOG_LEVEL,required" envDefault:"info"`\n'
        '\tExtra   string        `env:"EXTRA"`\n}\n'
    )
    found = dict(told(project(tmp_path, {"main.go": source}), 'variable "JWT_SECRET" is not set').environment)
    assert len(found.pop("JWT_SECRET")) >= 32
    assert found == {
        "WORKERS": "10",
        "WAIT": "1h",
        "DEBUG": "false",
        "HTTP_PORT": "8080",
        "ADMIN_PORT": "8081",
    }


def test_variable_that_only_the_words_name_must_be_known_to_the_sources(tmp_path: Path) -> None:
    found = project(tmp_path, {"main.go": 'package main\n\nconst name = "API_TOKEN"\n'})
    assert list(dict(told(found, "FATAL: API_TOKEN must be set, NOT_OURS too").environment)) == ["API_TOKEN"]


def test_missing_file_is_taken_from_the_tree(tmp_path: Path) -> None:
    found = project(
        tmp_path,
        {"conf/app.ini": "[a]\n", "views/a.html": "", "main.go": 'package main\nvar _ = "views/a.html"\n'},
    )
    settings = told(found, "open conf/app.ini: no such file or directory")
    assert settings.image_files == (("/conf/app.ini", "conf/app.ini"), ("/views/a.html", "views/a.html"))


def test_file_of_templates_and_named_settings_are_found(tmp_path: Path) -> None:
    found = project(tmp_path, {"templates/a.tmpl": "", "config/config.yaml": "a: 1\n"})
    settings = told(
        found,
        "panic: html/template: pattern matches no files: `templates/*`",
        'Config File "config.yaml" Not Found in "[/config]"',
    )
    assert dict(settings.image_files) == {
        "/templates": "templates",
        "/config/config.yaml": "config/config.yaml",
    }


def test_settings_file_with_an_address_is_adapted_for_the_trial_only(tmp_path: Path) -> None:
    text = 'dsn: "postgres://u:p@localhost/x"\nold: host=db user=u dbname=x password=\nport: 8080\n'
    found = project(tmp_path, {"config/local.yml": text, "other.yml": "a: 1\n"}, PQ)
    proposal = proposed(found, "pq: open ./config/local.yml: no such file or directory")
    assert proposal is not None
    assert proposal.settings.image_files == ()
    assert dict(proposal.settings.trial_files) == {
        "/config/local.yml": 'dsn: "{postgres.url}"\nold: host={postgres.host} sslmode=disable port='
        "{postgres.port} user={postgres.user} dbname={postgres.database} password={postgres.password}\n"
        "port: 8080\n"
    }


def test_settings_file_of_the_image_is_adapted_once_the_database_is_known(tmp_path: Path) -> None:
    found = project(tmp_path, {"app.yml": "dsn: postgres://u:p@localhost/x\n"}, PQ)
    first = proposed(found, "open app.yml: no such file or directory")
    assert first is not None
    assert (first.settings.image_files, first.settings.services) == ((("/app.yml", "app.yml"),), ())
    second = proposed(found, "dial tcp 127.0.0.1:5432: refused", settings=first.settings)
    assert second is not None
    assert second.settings.trial_files == (("/app.yml", "dsn: {postgres.url}\n"),)


def test_example_of_a_missing_file_stands_in_for_it(tmp_path: Path) -> None:
    found = project(tmp_path, {"config.example.toml": "a = 1\n"})
    settings = told(found, "open /config.toml: no such file or directory")
    assert settings.trial_files == (("/config.toml", "a = 1\n"),)


@pytest.mark.parametrize(
    "words", ["failed to load config file", "Error loading .env file", "cannot read config"]
)
def test_settings_that_are_missed_without_a_name_are_its_examples(words: str, tmp_path: Path) -> None:
    """Where an example lies beside the sources that read it; those sources are no data."""
    main = 'package main\n\nvar places = []string{"internal/config"}\n'
    files = {
        "main.go": main,
        "internal/config/config.go": "",
        "internal/config/.gitignore": "",
        "internal/config/.env.example": "MODE=fast\n",
    }
    settings = told(project(tmp_path, files), words)
    assert settings.trial_files == (("/internal/config/.env", "MODE=fast\n"),)
    assert settings.image_files == ()
    assert settings.environment == (("MODE", "fast"),)


def test_path_of_a_stack_trace_is_no_file_of_the_service(tmp_path: Path) -> None:
    found = project(tmp_path, {"cmd/main.go": "package main\n"})
    words = "not found: github.com/a/b/cmd/main.go:12 /root/go/pkg/mod/x/cmd/main.go"
    assert proposed(found, words) is None


DOCKERFILE = """FROM golang AS b
WORKDIR /src
COPY . .
RUN go build -tags fast,net -o /app .
FROM scratch
WORKDIR /app
ENV MODE=release
COPY --from=b /src/locale /app/locale
COPY --from=b /src/dist /app/dist
COPY --from=b /src/app.yml /app/etc/
CMD ./svc migrate --all && exec ./svc serve
"""


def test_dockerfile_tells_tags_files_variables_and_commands(tmp_path: Path) -> None:
    found = project(tmp_path, {"Dockerfile": DOCKERFILE, "locale/en.json": "", "app.yml": ""})
    settings = told(found, "no such luck")
    assert settings.tags == ("fast", "net")
    assert settings.image_files == (("/etc/app.yml", "app.yml"), ("/locale", "locale"))
    assert settings.environment == (("MODE", "release"),)
    assert settings.before == ("migrate --all",)
    assert settings.image_arguments == ("serve",)


def test_missing_file_that_another_stage_makes_is_told_with_its_commands(tmp_path: Path) -> None:
    recipe = (
        "FROM golang AS b\nCOPY . /src\nRUN go build -o /svc .\n"
        "FROM node AS web\nCOPY . /web\nRUN --mount=type=cache,target=/x npm ci\nRUN npm run build\n"
        "FROM scratch\nCOPY --from=b /svc /svc\nCOPY --from=web /web/dist /dist\n"
    )
    found = project(tmp_path, {"Dockerfile": recipe})
    proposal = proposed(found, "open dist/index.html: no such file or directory")
    assert proposal is not None
    assert proposal.settings == Settings()
    (sentence,) = proposal.unmet
    assert sentence.startswith(
        "dist is not in the tree: its Dockerfile makes it, by: npm ci; npm run build\n"
    )
    assert proposed(found, "panic: bad luck") is None


def test_commands_are_taken_from_a_usage(tmp_path: Path) -> None:
    usage = (
        "Usage:",
        "  svc [command]",
        "",
        "Available Commands:",
        "  migrate     Make the tables",
        "  serve       Serve",
    )
    settings = told(project(tmp_path, {}), *usage)
    assert (settings.image_arguments, settings.before) == (("serve",), ("migrate",))


def test_variables_in_a_list_of_commands_are_not_missed(tmp_path: Path) -> None:
    """A usage names all of them, and the command is what was missing."""
    main = 'package main\n\nvar names = []string{"SVC_DEBUG", "SVC_LOG_FILE"}\n'
    usage = (
        "COMMANDS:",
        "  serve, s   Serve",
        "OPTIONS:",
        "  --debug  [$SVC_DEBUG]  --log-file value [$SVC_LOG_FILE]",
    )
    settings = told(project(tmp_path, {"main.go": main}), *usage)
    assert (settings.image_arguments, settings.environment) == (("serve",), ())
    missing = told(project(tmp_path, {"main.go": main}), "SVC_LOG_FILE must be set")
    assert dict(missing.environment).keys() == {"SVC_LOG_FILE"}


@pytest.mark.parametrize(
    ("example", "expected"),
    [
        ("localhost:6969", "{redis.host}:{redis.port}"),
        ("cache", "{redis.host}"),
        ("redis.example.com:6380", "{redis.host}:{redis.port}"),
        ("3", "3"),
    ],
)
def test_host_with_a_port_keeps_its_shape(example: str, expected: str, tmp_path: Path) -> None:
    found = project(tmp_path, {".env.example": f"REDIS_HOST={example}\nREDIS_URL=redis://c:6379\n"}, REDIS)
    assert dict(told(found, "cannot start").environment)["REDIS_HOST"] == expected


def test_database_that_only_the_health_check_misses_is_proposed(tmp_path: Path) -> None:
    probe = replace(
        RUNNING.probes[0], exit_code=1, output="unhealthy: postgresql: dial tcp [::1]:5432: refused"
    )
    facts = replace(RUNNING, log_lines=(), exchanges=(), probes=(probe,))
    main = 'package main\n\nimport "os"\n\nvar url = os.Getenv("DATABASE_URL")\n'
    found = propose(project(tmp_path, {"main.go": main}, PQ), Settings(), facts, tracked=lambda _: True)
    assert found is not None
    assert found.settings.services == ("postgres",)
    assert found.settings.environment == (("DATABASE_URL", "{postgres.url}"),)


@pytest.mark.parametrize(
    ("requirement", "words", "is_given"),
    [
        ("", "dial tcp 127.0.0.1:5432: refused", True),
        ("require github.com/pressly/goose/v3 v3.0.0\n", "dial tcp 127.0.0.1:5432: refused", False),
        ("require github.com/pressly/goose/v3 v3.0.0\n", 'pq: relation "a" does not exist', True),
    ],
)
def test_sql_files_are_given_where_nothing_in_the_program_runs_them(
    tmp_path: Path, requirement: str, words: str, is_given: bool
) -> None:
    files = {"db/migrations/1.sql": "", "testdata/migrations/1.sql": "", "go.mod": f"module m\n{requirement}"}
    assert told(project(tmp_path, files, PQ), words).sql == (("db/migrations",) if is_given else ())


def test_what_is_set_stays_and_only_the_rest_is_added(tmp_path: Path) -> None:
    own = parse_settings(b'[trial]\nservices = ["postgres"]\nenvironment = {A = "mine"}\n', "f")
    found = project(tmp_path, {".env.example": "A=theirs\nB=2\nDB_HOST=db\n"}, PQ)
    proposal = proposed(found, "no", settings=own)
    assert proposal is not None
    assert dict(proposal.settings.environment) == {"A": "mine", "B": "2", "DB_HOST": "{postgres.host}"}
    text = written(own, proposal.settings, proposal.reasons)
    assert "services" not in text
    again = proposed(found, "no", settings=proposal.settings)
    assert again is None


def test_text_is_a_file_of_settings_that_says_the_same(tmp_path: Path) -> None:
    files = {
        "Dockerfile": DOCKERFILE,
        ".env.example": 'QUOTE="a \\ b" # odd\nDATABASE_URL=postgres://x/y\nREDIS_URL=redis://r:6379\nÜ=1\n',
        "locale/en.json": "",
        "config.yaml": "a: |\n  '\"\nurl: postgres://a/b\n",
        "migrations/1.sql": "",
    }
    found = project(tmp_path, files, PQ, REDIS)
    proposal = proposed(found, "open config.yaml: no such file or directory")
    assert proposal is not None
    text = written(Settings(), proposal.settings, proposal.reasons)
    assert "# from .env.example" in text
    read = parse_settings(text.encode(), "f")
    assert replace(read, source="defaults", sections=frozenset()) == proposal.settings


def test_what_is_not_part_of_the_repository_is_not_delivered(tmp_path: Path) -> None:
    """A developer's own .env, key or settings lie in the tree, too."""
    files = {
        ".env": "TOKEN=real\n",
        "conf/app.yml": "a: 1\n",
        "conf/mine.yml": "b: 2\n",
        "conf/tls.key": "real",
    }
    found = project(tmp_path, files)
    shared = {tmp_path / "conf/app.yml", tmp_path / "conf/tls.key"}
    facts = replace(
        RUNNING,
        log_lines=("open .env: no such file or directory", "open conf/: no such file or directory"),
        exchanges=(),
    )
    proposal = propose(found, Settings(), facts, tracked=lambda path: path in shared)
    assert proposal is not None
    assert proposal.settings.image_files == (("/conf/app.yml", "conf/app.yml"),)
    assert proposal.settings.trial_files == ()


def test_committed_file_that_may_hold_secrets_is_for_the_trial_only(tmp_path: Path) -> None:
    found = project(tmp_path, {"app/.env": "MODE=dev\n"})
    proposal = proposed(found, "open app/.env: no such file or directory")
    assert proposal is not None
    assert proposal.settings.image_files == ()
    assert proposal.settings.trial_files == (("/app/.env", "MODE=dev\n"),)
