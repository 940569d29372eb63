"""The sandbox itself: what a program in it is, sees and may do, and that nothing of it stays."""

from __future__ import annotations

import glob
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from seatrial.host.bubblewrap import Engine, find_engine
from seatrial.host.job import Job
from seatrial.host.listeners import Listener
from seatrial.host.rootfs import Rootfs
from seatrial.host.sandbox import SANDBOX_UID, Sandbox, open_sandbox
from seatrial.host.seccomp import DENIED
from seatrial.model.trial import TrialPlan
from seatrial.observe.running import observe_running

pytestmark = pytest.mark.sandbox

KEYCTL = DENIED["keyctl"][os.uname().machine == "aarch64"]
PROBE = """
package main

import (
	"fmt"
	"net"
	"os"
	"syscall"
	"time"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == "listen" {
		listener, err := net.Listen("tcp", os.Args[2])
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		for {
			connection, _ := listener.Accept()
			fmt.Fprint(connection, "hello from inside")
			connection.Close()
		}
	}
	if len(os.Args) > 1 && os.Args[1] == "sleep" {
		time.Sleep(time.Hour)
	}
	if len(os.Args) > 1 && os.Args[1] == "eat" {
		for eaten := [][]byte{}; len(eaten) < 256; {
			piece := make([]byte, 1<<20)
			for at := range piece {
				piece[at] = 1
			}
			eaten = append(eaten, piece)
		}
		fmt.Println("ate 256 MiB")
		return
	}
	fmt.Println("uid", os.Getuid(), "gid", os.Getgid(), "pid", os.Getpid())
	groups, _ := os.Getgroups()
	fmt.Println("groups", groups)
	status, _ := os.ReadFile("/proc/self/status")
	fmt.Print(string(status))
	_, err := os.ReadFile("/secret")
	fmt.Println("secret:", err)
	fmt.Println("root:", os.WriteFile("/new", nil, 0o644))
	fmt.Println("tmp:", os.WriteFile("/tmp/new", nil, 0o644))
	fmt.Println("environment", os.Environ())
	call := func(name string, number, argument uintptr) {
		_, _, code := syscall.RawSyscall(number, argument, 0, 0)
		fmt.Println("call", name, int(code))
	}
	const newUser, vsock, keyctl, clone3 = 0x10000000, 40, KEYCTL, 435
	call("unshare", syscall.SYS_UNSHARE, newUser)
	call("clone", syscall.SYS_CLONE, newUser)
	call("keyctl", keyctl, 0)
	call("vsock", syscall.SYS_SOCKET, vsock)
	call("personality", syscall.SYS_PERSONALITY, 0x400000)
	call("mount", syscall.SYS_MOUNT, 0)
	call("clone3", clone3, 0)
	call("personality-query", syscall.SYS_PERSONALITY, 0xffffffff)
	entries, _ := os.ReadDir("/proc/self/fd")
	for _, entry := range entries {
		target, _ := os.Readlink("/proc/self/fd/" + entry.Name())
		fmt.Println("fd", entry.Name(), target)
	}
	for _, place := range []string{"/root", "/home", "/usr", "/sys"} {
		if _, err := os.Stat(place); err == nil {
			fmt.Println("sees", place)
		}
	}
	interfaces, _ := net.Interfaces()
	for _, one := range interfaces {
		fmt.Println("interface", one.Name, one.Flags)
	}
	_, err = net.DialTimeout("tcp", "127.0.0.1:4318", time.Second)
	fmt.Println("dial:", err)
	os.Exit(3)
}
"""


@pytest.fixture(scope="session")
def probe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A static program that tells what it sees."""
    place = tmp_path_factory.mktemp("probe")
    (place / "main.go").write_text(
        PROBE.replace("KEYCTL", str(DENIED["keyctl"][os.uname().machine == "aarch64"]))
    )
    (place / "go.mod").write_text("module example.com/probe\n\ngo 1.21\n")
    subprocess.run(
        ("go", "build", "-o", "probe", "."),
        cwd=place,
        env=os.environ | {"CGO_ENABLED": "0", "GOWORK": "off"},
        check=True,
        timeout=600,
    )
    return place / "probe"


@pytest.fixture(scope="session")
def engine() -> Engine:
    return find_engine(os.environ["PATH"])


@pytest.fixture
def sandbox(engine: Engine, probe: Path) -> Iterator[Sandbox]:
    with open_sandbox(engine, listen=(4318,)) as made:
        rootfs = Rootfs(made.root, None if os.geteuid() == 0 else (SANDBOX_UID, SANDBOX_UID))
        for name in ("/proc", "/dev", "/tmp"):
            rootfs.make_directory(name)
        rootfs.add_files({"/probe": probe})
        rootfs.write("/secret", b"root's")
        os.chmod("secret", 0o600 if os.geteuid() == 0 else 0o000, dir_fd=made.root)
        yield made


def test_program_is_an_unprivileged_user_in_a_closed_room(sandbox: Sandbox) -> None:
    job = sandbox.start(("/probe",), sandbox.container_options((("NAME", "a value"),)))
    assert sandbox.wait(job, 10.0) == 3
    said = job.log.text()
    assert f"uid {SANDBOX_UID} gid {SANDBOX_UID} pid 1\n" in said
    assert f"Uid:\t{SANDBOX_UID}\t{SANDBOX_UID}\t{SANDBOX_UID}\t{SANDBOX_UID}" in said
    for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert f"{name}:\t0000000000000000" in said
    assert "NoNewPrivs:\t1" in said
    assert "secret: open /secret: permission denied" in said
    assert "root: open /new: read-only file system" in said
    assert "tmp: <nil>" in said
    assert "environment [NAME=a value PWD=/]" in said  # PWD is bwrap's own
    assert "sees" not in said
    assert said.count("interface") == 1
    assert "interface lo up|loopback|running" in said
    assert "dial: <nil>" in said


CALLS = [
    "call unshare 1",
    "call clone 1",
    "call keyctl 1",
    "call vsock 1",
    "call personality 1",
    "call mount 1",
    "call clone3 38",
    "call personality-query 0",
]


@pytest.mark.parametrize("is_second", [False, True])
def test_system_calls_are_filtered_as_docker_does(sandbox: Sandbox, is_second: bool) -> None:
    if is_second:
        first = sandbox.start(("/probe", "sleep"), sandbox.container_options(()))
        job = sandbox.enter(first, ("/probe",), environment=())
    else:
        job = sandbox.start(("/probe",), sandbox.container_options(()))
    assert sandbox.wait(job, 10.0) == 3, job.log.text()
    assert [line for line in job.log.lines() if line.startswith("call ")] == CALLS
    assert "Seccomp:\t2" in job.log.text()


def test_program_is_killed_at_its_memory_limit(sandbox: Sandbox) -> None:
    options = sandbox.container_options(())
    with sandbox.limited_memory(64 << 20) as is_limited:
        if not is_limited:
            pytest.skip("no control group can be made here")
        limited = sandbox.start(("/probe", "eat"), options, is_limited=True)
        assert sandbox.wait(limited, 30.0) == -signal.SIGKILL
    free = sandbox.start(("/probe", "eat"), options)
    assert sandbox.wait(free, 30.0) == 0
    assert groups() == []


def groups() -> list[str]:
    return [path for place in ("memory/", "") for path in glob.glob(f"/sys/fs/cgroup/{place}seatrial-*")]


def test_program_with_its_own_network_sees_nobody_and_is_reached(sandbox: Sandbox) -> None:
    options = sandbox.container_options(())
    other = sandbox.start(("/probe",), options, has_own_network=True)
    assert sandbox.wait(other, 10.0) == 3
    assert "dial: dial tcp 127.0.0.1:4318: connect: connection refused" in other.log.text()
    job = sandbox.start(("/probe", "listen", ":80"), options, has_own_network=True)
    listener = await_listener(sandbox, job)
    assert sandbox.listening() == ()
    with sandbox.connect(listener, 2.0, job) as connection:
        assert connection.recv(100) == b"hello from inside"
    with pytest.raises(ConnectionRefusedError):
        sandbox.connect(listener, 2.0)


def await_listener(sandbox: Sandbox, job: Job) -> Listener:
    deadline = time.monotonic() + 10
    while not sandbox.listening(job) and time.monotonic() < deadline:
        assert sandbox.wait(job, 0.01) is None
    return sandbox.listening(job)[0]


def test_writable_root_is_written_to(sandbox: Sandbox) -> None:
    os.chmod(".", 0o777, dir_fd=sandbox.root)
    job = sandbox.start(("/probe",), sandbox.container_options((), is_root_writable=True))
    assert sandbox.wait(job, 10.0) == 3
    assert "root: <nil>" in job.log.text()
    assert os.stat("new", dir_fd=sandbox.root).st_size == 0


def test_program_holds_no_descriptor_of_its_jailer(sandbox: Sandbox) -> None:
    job = sandbox.start(("/probe",), sandbox.container_options(()))
    sandbox.wait(job, 10.0)
    held = [line.split(" ", 2) for line in job.log.lines() if line.startswith("fd ")]
    assert [number for _, number, target in held if "eventpoll" not in target and target][:3] == [
        "0",
        "1",
        "2",
    ]
    assert not any("socket:" in target for _, _, target in held)
    assert sum("pipe:" in target for _, _, target in held) == 2


def test_second_program_shares_all_with_the_first(sandbox: Sandbox) -> None:
    first = sandbox.start(("/probe", "sleep"), sandbox.container_options(()))
    os.close(os.open("shared", os.O_CREAT | os.O_WRONLY, 0o666, dir_fd=sandbox.tmp))
    second = sandbox.enter(first, ("probe",), environment=(("PATH", "/usr/bin:/"),))
    assert sandbox.wait(second, 10.0) == 3, second.log.text()
    said = second.log.text()
    assert f"uid {SANDBOX_UID} gid {SANDBOX_UID} pid 1\n" not in said
    assert f"uid {SANDBOX_UID} gid {SANDBOX_UID}" in said
    assert "CapEff:\t0000000000000000" in said
    assert "CapBnd:\t0000000000000000" in said
    assert "NoNewPrivs:\t1" in said
    assert "secret: open /secret: permission denied" in said
    assert "root: open /new: read-only file system" in said
    assert "dial: <nil>" in said
    assert sandbox.wait(first, 0.0) is None


def test_port_is_found_and_reached_without_a_port_of_this_machine(sandbox: Sandbox) -> None:
    job = sandbox.start(("/probe", "listen", ":80"), sandbox.container_options(()))
    deadline = time.monotonic() + 10
    while not sandbox.listening() and time.monotonic() < deadline:
        sandbox.wait(job, 0.01)
    (listener,) = sandbox.listening()
    assert (listener.port, listener.is_loopback) == (80, False)
    with sandbox.connect(listener, 2.0) as connection:
        assert connection.recv(100) == b"hello from inside"
    with socket.socket() as outside, pytest.raises(ConnectionRefusedError):
        outside.connect(("127.0.0.1", 80))


@pytest.mark.parametrize(
    ("address", "is_ipv6", "is_loopback"), [("127.0.0.1:81", False, True), ("[::1]:82", True, True)]
)
def test_loopback_listener_is_known_as_such(
    sandbox: Sandbox, address: str, is_ipv6: bool, is_loopback: bool
) -> None:
    job = sandbox.start(("/probe", "listen", address), sandbox.container_options(()))
    while not sandbox.listening():
        assert sandbox.wait(job, 0.01) is None
    (listener,) = sandbox.listening()
    assert (listener.is_ipv6, listener.is_loopback) == (is_ipv6, is_loopback)
    with sandbox.connect(listener, 2.0) as connection:
        assert connection.recv(100) == b"hello from inside"


def test_missing_program_and_signals_are_told(sandbox: Sandbox) -> None:
    missing = sandbox.start(("/nothing",), sandbox.container_options(()))
    assert sandbox.wait(missing, 10.0) == 1
    assert "/nothing" in missing.log.text()
    killed = sandbox.start(("/probe", "sleep"), sandbox.container_options(()))
    killed.send_signal(signal.SIGKILL)
    assert sandbox.wait(killed, 10.0) == -signal.SIGKILL
    beside = sandbox.start(("/probe", "sleep"), sandbox.container_options(()))
    entered = sandbox.enter(beside, ("/nothing",), environment=())
    assert sandbox.wait(entered, 10.0) == 127
    assert "/nothing" in entered.log.text()


def test_closing_ends_everything_at_once(engine: Engine, probe: Path) -> None:
    with open_sandbox(engine) as sandbox:
        rootfs = Rootfs(sandbox.root, None if os.geteuid() == 0 else (SANDBOX_UID, SANDBOX_UID))
        for name in ("/proc", "/dev", "/tmp"):
            rootfs.make_directory(name)
        rootfs.add_files({"/probe": probe})
        jobs = [sandbox.start(("/probe", "sleep"), sandbox.container_options(())) for _ in range(3)]
        assert [sandbox.wait(job, 0.05) for job in jobs] == [None] * 3, [job.log.text() for job in jobs]
        assert all(Path(f"/proc/{job.pid}").exists() for job in jobs)
    assert not any(Path(f"/proc/{job.pid}").exists() for job in jobs)


def test_nothing_of_a_sandbox_is_left_open(engine: Engine) -> None:
    with open_sandbox(engine, listen=(4318,)):
        pass
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        with open_sandbox(engine, listen=(4318,)):
            pass
    assert len(os.listdir("/proc/self/fd")) == before


def test_umask_of_the_caller_does_not_shut_the_program_out(trial_image: Path) -> None:
    """With umask 077 the directories made for the program would be closed to it."""
    old = os.umask(0o077)
    try:
        facts = observe_running(trial_image, TrialPlan(), search_path=os.environ["PATH"])
    finally:
        os.umask(old)
    assert facts.time_to_listen_ms is not None, facts.problems
