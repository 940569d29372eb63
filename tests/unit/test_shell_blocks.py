"""The reader of the documents' shell blocks: what it does not see would never be run."""

from __future__ import annotations

import pytest

from shell_blocks import Step, parse, shape

SESSION = """Text.

<!-- in: repository -->
```console
$ make demo   # comment
image    orders:1
$ make \\
> test
```

- in a list:

  ```sh
  one
  two
  ```

```toml
$ not a shell
```
"""


def test_blocks_are_found_with_their_place_and_ground() -> None:
    session, script = parse(SESSION, "README.md")
    assert (session.name, session.ground) == ("README.md:4", "repository")
    assert session.steps == (
        Step(typed="make demo   # comment", printed=("image    orders:1",)),
        Step(typed="make \\\ntest"),
    )
    assert (script.name, script.ground) == ("README.md:13", "service")
    assert script.steps == (Step(typed="one\ntwo"),)


def test_reason_not_to_run_is_read() -> None:
    (block,) = parse("<!-- not run: no registry -->\n```sh\ndocker push x\n```\n", "x.md")
    assert block.not_run == "no registry"


@pytest.mark.parametrize("text", ["```sh\n", "```sh\n```\n", "```console\noutput only\n```\n"])
def test_block_that_says_nothing_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"x\.md:1"):
        parse(text, "x.md")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("size     17.7 MB in files", "size     9.1 MB in files"),
        ("image    orders:eb250f2  sha256:" + "a" * 64, "image    orders:1234567  sha256:" + "b" * 64),
        ("   POST /orders -> 201 (3.2 ms)", "   POST /orders -> 201 (14 ms)"),
        ("trial    bubblewrap 0.11.0 (root)", "trial    bubblewrap 0.9.0"),
        ("verdicts 53 of 56 hold", "verdicts 52 of 56 hold"),
        ("written  /home/ada/seatrial/build/orders.tar", "written  /tmp/x/build/orders.tar"),
    ],
)
def test_lines_that_only_vary_have_one_shape(one: str, other: str) -> None:
    assert shape(one) == shape(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("verdicts 21 of 21 hold", "verdicts 20 of 21 hold, this image is stopped"),
        ("   POST /orders -> 201 (3.2 ms)", "   POST /orders -> 500 (3.2 ms)"),
        ("         └─ POST /orders  1.13 ms  201", "         └─ POST  1.13 ms  201"),
        ("health, up: exit 0 (32 ms)", "health, up: exit 1 (32 ms)"),
    ],
)
def test_lines_that_say_something_else_do_not(one: str, other: str) -> None:
    assert shape(one) != shape(other)
