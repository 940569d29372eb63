"""What a Dockerfile says of its program: files, variables, commands; never a guess."""

from __future__ import annotations

from seatrial.formats.dockerfile import context_files, parse_dockerfile

SEVERAL = """# syntax=docker/dockerfile:1
FROM golang:1.26 AS builder
ARG VERSION
WORKDIR /src
COPY go.mod go.sum ./
COPY . ./
RUN CGO_ENABLED=0 \\
    # not a line of its own
    go build -tags "a b" -o /out/app ./cmd/app

FROM node:22 AS web
WORKDIR /web
COPY . .
RUN npm run build

FROM scratch
WORKDIR /app
ENV MODE=release LEVEL="info" \\
    HOME_URL=$OTHER
ENV OLD one two
COPY --from=builder --chown=1:1 /src/migrations /app/migrations
COPY --from=builder /out/app .
COPY --from=web /web/dist /app/dist
COPY --from=alpine:3 /etc/passwd /etc/passwd
COPY config.yaml ./config/settings.yaml
ADD ["a file.txt", "/data/"]
ENTRYPOINT ["/app/app"]
CMD ["serve", "--all"]
"""


def test_stages_say_what_the_program_is_given() -> None:
    builder, web, last = parse_dockerfile(SEVERAL)
    assert (builder.name, web.name, last.name) == ("builder", "web", "2")
    assert builder.runs == ('CGO_ENABLED=0  go build -tags "a b" -o /out/app ./cmd/app',)
    assert last.directory == "/app"
    assert last.environment == (("MODE", "release"), ("LEVEL", "info"), ("OLD", "one two"))
    assert last.argv == ("/app/app", "serve", "--all")


def test_files_are_followed_back_to_the_context() -> None:
    assert context_files(parse_dockerfile(SEVERAL)) == (
        ("/app/migrations", "migrations"),
        # Made by a step, as may be: whether it is in the tree is for the caller to see.
        ("/app/dist", "dist"),
        ("/app/config/settings.yaml", "config.yaml"),
        ("/data/", "a file.txt"),
    )


def test_stage_goes_on_where_the_one_that_it_is_made_from_ended() -> None:
    stages = parse_dockerfile("FROM x AS base\nWORKDIR /a\nCOPY p /q\nFROM base\nWORKDIR b\nCMD run it\n")
    assert stages[-1].directory == "/a/b"
    assert context_files(stages) == (("/q", "p"),)
    assert (stages[-1].argv, stages[-1].shell) == ((), "run it")


def test_entrypoint_takes_an_older_cmd_away() -> None:
    (stage,) = parse_dockerfile('FROM x\nCMD ["old"]\nENTRYPOINT ["new"]\n')
    assert stage.argv == ("new",)


def test_what_is_no_dockerfile_says_nothing() -> None:
    assert parse_dockerfile("") == ()
    assert parse_dockerfile("COPY a /b\n[1]\n") == ()
    (odd,) = parse_dockerfile("FROM x\nENV A='\nCOPY only\nCOPY a $B\nCMD [broken\n")
    assert (odd.environment, odd.copies, odd.argv) == ((), (), ())
    assert context_files(()) == ()
    assert context_files(parse_dockerfile("FROM x\nCOPY . /app\nCOPY ../up /u\nCOPY $V /v\n")) == ()
