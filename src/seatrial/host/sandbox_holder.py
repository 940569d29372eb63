"""The process that holds a sandbox: namespaces, listeners, bwrap. Started by sandbox_init.py.

Each message is one JSON object, with descriptors beside it (SCM_RIGHTS); each request gets one answer,
and ``exit`` events come in between. The other end's closing ends this process, and with it everything
that it started: it is the first process of a pid namespace, so the kernel kills all the others when it
ends, however it ends, and its mounts live in its mount namespace alone. Nothing is left behind, whoever
is killed.
"""

import contextlib
import ctypes
import json
import os
import select
import signal
import socket
from collections.abc import Callable

from seatrial.host.sandbox_calls import (
    CLONE_NEWIPC,
    CLONE_NEWNET,
    CLONE_NEWNS,
    CLONE_NEWPID,
    CLONE_NEWUSER,
    CLONE_NEWUTS,
    MS_BIND,
    MS_NODEV,
    MS_NOEXEC,
    MS_NOSUID,
    MS_PRIVATE,
    MS_REC,
    PR_CAPBSET_DROP,
    PR_SET_NO_NEW_PRIVS,
    PR_SET_PDEATHSIG,
    bring_up_loopback,
    check,
    die_with,
    execute,
    libc,
    mount,
    number,
    prctl,
    read_child_pid,
    receive,
    remove_group,
    run_or_exit,
    set_filter,
    texts,
    write,
)

# bwrap binds from here; hides the host's /tmp from it, in this mount namespace only.
SCRATCH = "/tmp"  # noqa: S108 - a mount of its own is put there
WRITABLE = "writable"


class Holder:
    """The sandbox of one process: made once, then told what to run in it."""

    def __init__(self, control: socket.socket) -> None:
        self.control = control
        self.is_root = os.geteuid() == 0
        self.jobs: dict[int, int] = {}  # process id -> job number
        self.programs: dict[int, int] = {}  # job number -> pidfd of what bwrap runs
        self.uid = self.gid = 0
        self.filter = b""
        self.group = ""

    def set_up(self, wish: dict[str, object]) -> tuple[dict[str, object], list[int]]:
        """Enter the namespaces, mount the scratch, bind the listeners.

        wish: uid, gid; tools: directories, to be found by their names in SCRATCH/tools; listen: ports
        of 127.0.0.1; root_bytes, tmp_bytes: limits; filter: a seccomp program in hexadecimal, or "";
        group: the control group that may be made for a job, or "".
        Answers with descriptors: the scratch's root/, writable/ and data/, then the listeners.
        """
        self.uid, self.gid = number(wish, "uid"), number(wish, "gid")
        self.filter, self.group = bytes.fromhex(str(wish["filter"])), str(wish["group"])
        self.enter_namespaces()
        self.become_first()
        # Opened now, in this namespace and before /tmp hides any: the user of bwrap may not be able to
        # walk to a wheel in root's home.
        tools = {os.path.basename(tool): os.open(tool, os.O_PATH) for tool in texts(wish, "tools")}
        owner = f"uid={self.uid},gid={self.gid}"
        flags = MS_NOSUID | MS_NODEV
        # Not root: every file belongs to the one user there is, and so must the mount's root.
        whose = "" if self.is_root else owner + ","
        mount("scratch", SCRATCH, "tmpfs", flags, f"{whose}mode=0755,size={number(wish, 'root_bytes')}")
        for name in ("root", WRITABLE, "data", "tools"):
            os.mkdir(f"{SCRATCH}/{name}", 0o755)
        mount(
            "tmp",
            f"{SCRATCH}/{WRITABLE}",
            "tmpfs",
            flags,
            f"{owner},mode=1777,size={number(wish, 'tmp_bytes')}",
        )
        if self.is_root:
            os.chown(f"{SCRATCH}/data", self.uid, self.gid)
        for name, tool in tools.items():
            os.mkdir(f"{SCRATCH}/tools/{name}", 0o755)
            mount(f"/proc/self/fd/{tool}", f"{SCRATCH}/tools/{name}", "", MS_BIND | MS_REC)
            os.close(tool)
        places = [
            os.open(f"{SCRATCH}/{name}", os.O_PATH | os.O_DIRECTORY) for name in ("root", WRITABLE, "data")
        ]
        listeners = [self.listen(int(port)) for port in texts(wish, "listen")]
        return {"scratch": SCRATCH}, [*places, *(listener.detach() for listener in listeners)]

    def enter_namespaces(self) -> None:
        """Unshare mounts, network, processes; not being root, in a user namespace that maps one user."""
        user, group = os.geteuid(), os.getegid()
        kinds = CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWPID | (0 if self.is_root else CLONE_NEWUSER)
        check(libc.unshare(kinds), "unshare")
        if not self.is_root:
            write("/proc/self/setgroups", "deny")
            write("/proc/self/uid_map", f"{self.uid} {user} 1")
            write("/proc/self/gid_map", f"{self.gid} {group} 1")
        mount("none", "/", "", MS_REC | MS_PRIVATE)
        self.furnish_network()

    def furnish_network(self) -> None:
        """Make a new network namespace what Docker makes of it."""
        bring_up_loopback()
        # A service may listen on port 80 without a capability. A read-only /proc/sys loses no more than that.
        with contextlib.suppress(OSError):
            write("/proc/sys/net/ipv4/ip_unprivileged_port_start", "0")

    def become_first(self) -> None:
        """Go on as the first process of the pid namespace; the process before it only waits.

        It removes the control group then, which nothing else does when the tool was killed.
        """
        first = os.fork()
        if first != 0:
            self.control.close()
            code = os.waitstatus_to_exitcode(os.waitpid(first, 0)[1]) & 0xFF
            if self.group:
                remove_group(self.group)
            os._exit(code)
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        # bwrap looks its child up by the number that it has here.
        mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)

    def listen(self, port: int) -> socket.socket:
        """Bind a listener of this network namespace before anything can look for it."""
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.bind(("127.0.0.1", port))
        listener.listen(128)
        return listener

    def make_sockets(self, wish: dict[str, object]) -> tuple[dict[str, object], list[int]]:
        """Answer with unconnected sockets: one belongs to the namespace it was made in, for ever.

        beside: a job with a network of its own, or 0 for the sandbox's.
        """
        family = socket.AF_INET6 if wish.get("is_ipv6") else socket.AF_INET
        beside = number(wish, "beside")
        if beside and beside not in self.programs:
            raise ProcessLookupError(3, "the program has ended")
        home = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            if beside:
                check(libc.setns(self.programs[beside], CLONE_NEWNET), "setns")
            made = [socket.socket(family, socket.SOCK_STREAM) for _ in range(number(wish, "count"))]
        finally:
            if beside:
                check(libc.setns(home, CLONE_NEWNET), "setns")
            os.close(home)
        return {}, [one.detach() for one in made]

    def start(self, wish: dict[str, object], held: list[int]) -> tuple[dict[str, object], list[int]]:
        """Run bwrap; answer with a pidfd of what it runs, or none when it has ended already.

        program: bwrap. options: its arguments, given to it through a file, as they hold the
        environment. argv: of the service. is_limited: in the control group. has_own_network: not in
        the sandbox's. held: the descriptor for stdout and stderr.
        """
        program, job = str(wish["program"]), number(wish, "job")
        options = b"".join(
            option.encode("utf-8", "surrogateescape") + b"\0" for option in texts(wish, "options")
        )
        told, filtered = kept_in_memory(options), kept_in_memory(self.filter)
        reads, writes = os.pipe()
        fixed = ["--args", str(told), "--info-fd", str(writes)]
        if self.filter:
            fixed += ["--seccomp", str(filtered)]
        argv = [program, *fixed, "--", *texts(wish, "argv")]

        def become_bwrap() -> None:
            if wish["is_limited"]:
                write(f"{self.group}/cgroup.procs", "0")
            if wish["has_own_network"]:
                check(libc.unshare(CLONE_NEWNET), "unshare")
                self.furnish_network()
            if self.is_root:
                os.setgroups([])
                os.setresgid(self.gid, self.gid, self.gid)
                os.setresuid(self.uid, self.uid, self.uid)
            die_with(parent)
            for handle in (told, filtered, writes):
                os.set_inheritable(handle, True)
            os.execve(program, argv, {})  # noqa: S606 - no shell is meant

        parent = os.getpid()
        self.spawn(job, held[0], become_bwrap)
        for handle in (told, filtered, writes):
            os.close(handle)
        child = read_child_pid(reads)
        if not child:
            return {}, []
        try:
            self.programs[job] = os.pidfd_open(child)
        except ProcessLookupError:
            return {}, []
        return {}, [os.dup(self.programs[job])]

    def enter(self, wish: dict[str, object], held: list[int]) -> tuple[dict[str, object], list[int]]:
        """Run a second command beside a running one: same namespaces, same user, no capabilities."""
        argv, job = texts(wish, "argv"), number(wish, "job")
        environment = dict(pair.split("=", 1) for pair in texts(wish, "environment"))
        beside = self.programs[number(wish, "beside")]

        def become_helper() -> None:
            if self.is_root:
                os.setgroups([])
            die_with(parent)
            # Its user namespace last: after it there is no power over the others any more.
            for kinds in (CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWPID, CLONE_NEWUSER):
                check(libc.setns(beside, kinds), "setns")
            child = os.fork()  # only a child is in the joined pid namespace
            if child == 0:
                run_or_exit(become_command)
            code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            os._exit(code if code >= 0 else 128 - code)  # as bwrap and shells tell a signal

        def become_command() -> None:
            os.setsid()
            os.setresgid(self.gid, self.gid, self.gid)
            for capability in range(64):
                if libc.prctl(PR_CAPBSET_DROP, ctypes.c_ulong(capability), 0, 0, 0) != 0:
                    break
            os.setresuid(self.uid, self.uid, self.uid)
            # The parent is outside this pid namespace, so getppid() cannot tell that it has ended.
            prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            prctl(PR_SET_NO_NEW_PRIVS, 1)
            os.chdir(str(wish["directory"]))
            if self.filter:
                set_filter(self.filter)
            execute(argv, environment)

        parent = os.getpid()
        self.spawn(job, held[0], become_helper)
        return {}, []

    def spawn(self, job: int, output: int, become: Callable[[], None]) -> None:
        """Fork a job whose stdin is /dev/null and whose stdout and stderr are ``output``."""

        if self.is_root:
            # So that /dev/stdout can be opened by its path, as Docker has it.
            os.fchown(output, self.uid, self.gid)

        def prepare() -> None:
            for name in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGCHLD):
                signal.signal(name, signal.SIG_DFL)
            os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
            os.dup2(output, 1)
            os.dup2(output, 2)
            become()

        process = os.fork()
        if process == 0:
            run_or_exit(prepare)
        self.jobs[process] = job
        os.close(output)

    def kill(self, wish: dict[str, object]) -> tuple[dict[str, object], list[int]]:
        """Kill one job, or all of them (job 0); each one's exit event follows."""
        for process, job in self.jobs.items():
            if number(wish, "job") in (0, job):
                # bwrap's child may not have asked yet to be killed with bwrap.
                with contextlib.suppress(ProcessLookupError, KeyError):
                    signal.pidfd_send_signal(self.programs[job], signal.SIGKILL)
                os.kill(process, signal.SIGKILL)
        return {}, []

    def answer(self, wish: dict[str, object], held: list[int]) -> tuple[dict[str, object], list[int]]:
        """Do what one message asks for."""
        asked = wish["do"]
        if asked == "set_up":
            return self.set_up(wish)
        if asked == "sockets":
            return self.make_sockets(wish)
        if asked == "start":
            return self.start(wish, held)
        if asked == "enter":
            return self.enter(wish, held)
        return self.kill(wish)

    def report_ended(self) -> None:
        """Send an exit event for each job that has ended. status: negative for a signal."""
        with contextlib.suppress(ChildProcessError):
            while True:
                process, status = os.waitpid(-1, os.WNOHANG)
                if process == 0:
                    return
                job = self.jobs.pop(process, 0)  # 0: an orphan that came to us as the first process
                if job in self.programs:
                    os.close(self.programs.pop(job))
                if job:
                    code = os.waitstatus_to_exitcode(status)
                    self.send({"event": "exit", "job": job, "status": code}, [])

    def send(self, message: dict[str, object], handles: list[int]) -> None:
        """Send one message, and close the descriptors that went with it."""
        socket.send_fds(self.control, [json.dumps(message).encode()], handles)
        for handle in handles:
            os.close(handle)

    def serve(self) -> None:
        """Answer until the other end is closed."""
        reads, writes = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(writes, warn_on_full_buffer=False)
        poll = select.poll()
        poll.register(self.control, select.POLLIN)
        poll.register(reads, select.POLLIN)
        while True:
            ready = dict(poll.poll())
            if reads in ready:
                os.read(reads, 512)
                self.report_ended()
            if self.control.fileno() not in ready:
                continue
            content, held = receive(self.control)
            if not content:
                return
            try:
                message, handles = self.answer(json.loads(content), held)
            except OSError as error:
                message, handles = {"error": str(error), "errno": error.errno}, []
            self.send(message, handles)


def kept_in_memory(content: bytes) -> int:
    """Return a descriptor of a file that holds this, to be read from its start."""
    handle = os.memfd_create("seatrial")
    os.write(handle, content)
    os.lseek(handle, 0, os.SEEK_SET)
    return handle


def serve(handle: int) -> None:
    """Serve the descriptor that was handed over."""
    os.setsid()  # Ctrl-C is for the tool, which then closes its end
    os.umask(0o022)  # the program is another user, and has to reach what is made for it
    control = socket.socket(fileno=handle)
    control.set_inheritable(False)
    Holder(control).serve()
