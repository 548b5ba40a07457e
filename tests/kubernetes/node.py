#!/usr/bin/python3
"""
A Kubernetes node without a kubelet: starts a separate containerd, and is a client of its Container Runtime Interface.

    node.py DIR CGROUP

It runs for as long as the tests of one file do, because starting Python and gRPC for each call would cost more than the
calls. All files are below DIR, which must hold cri_pb2.py; all processes of the node are below the control group CGROUP.
It must run in a mount namespace of its own, so that the node's mounts and the sockets in /run end with it.

A request arrives through the FIFO DIR/ask: its words, each followed by 0x1f, and 0x1e. The first word is a token that the
answer repeats, the second is a method of Node, the rest are its arguments. The answer goes to the FIFO DIR/answer: the
token, "0" or "1" (failed), a text, separated by 0x1f, and 0x1e. Requests are answered one after the other.
"""
import ctypes
import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import time

import grpc

DIR, CGROUP = sys.argv[1:]
sys.path.insert(0, DIR)
import cri_pb2 as cri  # noqa: E402

LIMIT = 60  # seconds that any condition or call may take
NAMESPACES = {"POD": cri.POD, "CONTAINER": cri.CONTAINER, "NODE": cri.NODE, "TARGET": cri.TARGET}
ADDRESS = f"{DIR}/containerd.sock"

CONFIG = """
version = 2
root = "{dir}/root"
state = "{dir}/state"
disabled_plugins = [
	"io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.blockfile", "io.containerd.snapshotter.v1.btrfs",
	"io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.overlayfs", "io.containerd.snapshotter.v1.zfs",
	"io.containerd.tracing.processor.v1.otlp", "io.containerd.internal.v1.tracing", "io.containerd.nri.v1.nri"]

[grpc]
	address = "{dir}/containerd.sock"

[plugins."io.containerd.internal.v1.opt"]
	path = "{dir}/opt"

[plugins."io.containerd.grpc.v1.cri"]
	sandbox_image = "{sandbox}"
	disable_apparmor = true
	restrict_oom_score_adj = true
	[plugins."io.containerd.grpc.v1.cri".containerd]
		snapshotter = "native"
		[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
			runtime_type = "io.containerd.runc.v2"
			[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
				Root = "{dir}/runc"
				SystemdCgroup = false
"""


class Refused(Exception):
    """A request that failed, with the text of the answer."""


def wait_for(condition, what):
    end = time.monotonic() + LIMIT
    while not condition():
        if time.monotonic() > end:
            raise Refused(f"not within {LIMIT} s: {what}")
        time.sleep(0.02)


def options(words):
    """Return the KEY=VALUE words as a dictionary, and the words after "--"."""
    command = words[words.index("--") + 1 :] if "--" in words else []
    given = words[: words.index("--")] if "--" in words else words
    return dict(word.split("=", 1) for word in given), command


def cgroup_files():
    """Return the path of CGROUP in a hierarchy that contains every process: version 2, or one controller of version 1."""
    base = "/sys/fs/cgroup"
    if not os.path.exists(f"{base}/cgroup.controllers"):
        base += "/" + next(c for c in ("pids", "freezer", "memory") if os.path.isdir(f"{base}/{c}"))
    return f"{base}/{CGROUP}"


class Node:
    def __init__(self):
        self.containerd = None
        self.image_of_sandboxes = None
        self.sandboxes = {}
        self.count = 0
        self.channel = None

    # --- the runtime ---

    def call(self, method, limit=LIMIT, **fields):
        message = getattr(cri, method + "Request")
        stub = self.channel.unary_unary(
            f"/runtime.v1.RuntimeService/{method}",
            request_serializer=message.SerializeToString,
            response_deserializer=getattr(cri, method + "Response").FromString,
        )
        try:
            return stub(message(**fields), timeout=limit)
        except grpc.RpcError as e:
            raise Refused(f"{method}: {e.code().name}: {e.details()}") from e

    def use(self, sandbox):
        """Use the image SANDBOX for new sandboxes. This restarts containerd."""
        if self.image_of_sandboxes != sandbox:
            self.down("SIGTERM")
            self.up(sandbox)
        return ""

    def up(self, sandbox):
        """Start containerd, with SANDBOX as the image of new sandboxes."""
        self.image_of_sandboxes = sandbox
        with open(f"{DIR}/config.toml", "w", encoding="utf-8") as f:
            f.write(CONFIG.format(dir=DIR, sandbox=sandbox))
        procs = cgroup_files() + "/node"
        os.makedirs(procs, exist_ok=True)

        def child():
            # Shims stay in the control group that they were started in.
            with open(procs + "/cgroup.procs", "w", encoding="ascii") as f:
                f.write("0")
            ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG

        with open(f"{DIR}/log", "ab") as log:
            self.containerd = subprocess.Popen(
                ["containerd", "--config", f"{DIR}/config.toml"], preexec_fn=child, stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )
        self.channel = grpc.insecure_channel(
            f"unix://{ADDRESS}", options=[("grpc.initial_reconnect_backoff_ms", 50), ("grpc.max_reconnect_backoff_ms", 50)]
        )
        wait_for(self.answers, f"containerd answers, see its log:\n{self.log()}")
        return ""

    def answers(self):
        if self.containerd.poll() is not None:
            raise Refused(f"containerd ended with {self.containerd.returncode}:\n{self.log()}")
        try:
            conditions = self.call("Status", limit=5).status.conditions
        except Refused:
            return False
        return any(c.type == "RuntimeReady" and c.status for c in conditions)

    def down(self, sig):
        """End containerd by SIG. Shims and their processes keep running."""
        self.containerd.send_signal(getattr(signal, sig))
        self.containerd.wait(LIMIT)
        self.channel.close()
        return ""

    def log(self):
        with open(f"{DIR}/log", encoding="utf-8", errors="replace") as f:
            return "".join(f.readlines()[-20:])

    def ctr(self, *words):
        run = subprocess.run(
            ["ctr", "--address", ADDRESS, "--namespace", "k8s.io", *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            timeout=LIMIT,
            check=False,
        )
        text = run.stdout.decode(errors="replace").strip()
        if run.returncode:
            raise Refused(f"ctr {' '.join(words)}: {text}")
        return text

    # --- images ---

    def image(self, name, directory, config):
        """Import the files below DIRECTORY as the image NAME, with CONFIG (JSON: Entrypoint, Cmd, StopSignal, Env)."""
        blobs = {}

        def blob(content):
            digest = hashlib.sha256(content).hexdigest()
            blobs[digest] = content
            return {"digest": f"sha256:{digest}", "size": len(content)}

        layer = io.BytesIO()
        with tarfile.open(fileobj=layer, mode="w") as tar:
            tar.add(directory, arcname=".")
        data = blob(layer.getvalue())
        machine = {"x86_64": "amd64", "aarch64": "arm64", "ppc64le": "ppc64le", "s390x": "s390x", "riscv64": "riscv64"}
        about = {
            "architecture": machine[os.uname().machine],
            "os": "linux",
            "config": json.loads(config),
            "rootfs": {"type": "layers", "diff_ids": [data["digest"]]},
        }
        kind = "application/vnd.oci.image."
        manifest = {
            "schemaVersion": 2,
            "mediaType": kind + "manifest.v1+json",
            "config": {"mediaType": kind + "config.v1+json", **blob(json.dumps(about).encode())},
            "layers": [{"mediaType": kind + "layer.v1.tar", **data}],
        }
        index = {
            "schemaVersion": 2,
            "manifests": [
                {
                    "mediaType": manifest["mediaType"],
                    **blob(json.dumps(manifest).encode()),
                    "annotations": {"io.containerd.image.name": name},
                }
            ],
        }
        files = {f"blobs/sha256/{digest}": content for digest, content in blobs.items()}
        files["oci-layout"] = b'{"imageLayoutVersion": "1.0.0"}'
        files["index.json"] = json.dumps(index).encode()
        path = f"{DIR}/image.tar"
        with tarfile.open(path, "w") as tar:
            for file, content in files.items():
                member = tarfile.TarInfo(file)
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
        self.ctr("images", "import", "--snapshotter", "native", path)
        os.unlink(path)
        return ""

    # --- pods ---

    def sandbox(self, name, *words):
        """
        Run a sandbox; pid=POD|CONTAINER|NODE, privileged=1. The answer is its ID. Its containers' logs are
        DIR/logs/ID/NAME.ATTEMPT.
        """
        given, _ = options(words)
        # Each pod has a fresh directory, because containerd appends to a log that exists.
        self.count += 1
        uid = f"{name}-{self.count}"
        logs = f"{DIR}/logs/{uid}"
        os.makedirs(logs)
        config = cri.PodSandboxConfig(
            metadata=cri.PodSandboxMetadata(name=name, uid=uid, namespace="default"),
            log_directory=logs,
            linux=cri.LinuxPodSandboxConfig(
                cgroup_parent="/" + CGROUP,
                security_context=cri.LinuxSandboxSecurityContext(
                    # Use the node's network, so that no CNI plugin is needed.
                    namespace_options=cri.NamespaceOption(network=cri.NODE, pid=NAMESPACES[given.get("pid", "CONTAINER")]),
                    privileged="privileged" in given,
                ),
            ),
        )
        ident = self.call("RunPodSandbox", config=config).pod_sandbox_id
        self.sandboxes[ident] = config
        os.symlink(uid, f"{DIR}/logs/{ident}")
        return ident

    def sandbox_status(self, ident):
        return cri.PodSandboxState.Name(self.call("PodSandboxStatus", pod_sandbox_id=ident).status.state)

    def sandbox_pid(self, ident):
        """Return the PID of a sandbox's process, once it is the image's program and no longer runc."""
        info = json.loads(self.call("PodSandboxStatus", pod_sandbox_id=ident, verbose=True).info["info"])
        return self.program(info["pid"])

    def stop_sandbox(self, ident):
        self.call("StopPodSandbox", pod_sandbox_id=ident)
        return ""

    def remove_sandbox(self, ident):
        self.call("RemovePodSandbox", pod_sandbox_id=ident)
        self.sandboxes.pop(ident, None)
        return ""

    def remove_all(self):
        for item in self.call("ListPodSandbox").items:
            self.stop_sandbox(item.id)
            self.remove_sandbox(item.id)
        return ""

    # --- containers ---

    def create(self, ident, name, *words):
        """
        Create the container NAME in sandbox IDENT; the answer is its ID. The words after -- replace the image's entry point, or,
        with args=1, only its arguments. image=NAME, attempt=N, pid=MODE (the sandbox's unless given), target=CONTAINER,
        env=KEY=VALUE, memory=BYTES, privileged=1, restricted=1 (the restricted Pod Security Standard, read-only).
        """
        given, command = options(words)
        sandbox = self.sandboxes[ident]
        mode = sandbox.linux.security_context.namespace_options.pid
        context = cri.LinuxContainerSecurityContext(
            namespace_options=cri.NamespaceOption(
                network=cri.NODE, pid=NAMESPACES[given["pid"]] if "pid" in given else mode, target_id=given.get("target", "")
            ),
            privileged="privileged" in given,
            seccomp=cri.SecurityProfile(profile_type=cri.SecurityProfile.Unconfined),
        )
        if "restricted" in given:
            context.capabilities.drop_capabilities.append("ALL")
            context.run_as_user.value = context.run_as_group.value = 1000
            context.no_new_privs = context.readonly_rootfs = True
            context.seccomp.profile_type = cri.SecurityProfile.RuntimeDefault
        memory = int(given.get("memory", 0))
        attempt = int(given.get("attempt", 0))
        config = cri.ContainerConfig(
            metadata=cri.ContainerMetadata(name=name, attempt=attempt),
            image=cri.ImageSpec(image=given.get("image", "localhost/tools:1")),
            log_path=f"{name}.{attempt}",
            linux=cri.LinuxContainerConfig(
                resources=cri.LinuxContainerResources(memory_limit_in_bytes=memory, memory_swap_limit_in_bytes=memory),
                security_context=context,
            ),
        )
        (config.args if "args" in given else config.command).extend(command)
        if "env" in given:
            key, value = given["env"].split("=", 1)
            config.envs.append(cri.KeyValue(key=key, value=value))
        return self.call("CreateContainer", pod_sandbox_id=ident, config=config, sandbox_config=sandbox).container_id

    def start(self, ident):
        self.call("StartContainer", container_id=ident)
        return ""

    def stop(self, ident, timeout):
        """Call StopContainer, which returns when the container has ended. The answer is that of wait."""
        self.call("StopContainer", limit=int(timeout) + LIMIT, container_id=ident, timeout=int(timeout))
        return self.wait(ident)

    def status(self, ident):
        status = self.call("ContainerStatus", container_id=ident).status
        return f"{cri.ContainerState.Name(status.state)} {status.exit_code} {status.reason}".strip()

    def wait(self, ident):
        """Wait for the end; the answer is the exit code and the reason."""
        wait_for(lambda: self.status(ident).startswith("CONTAINER_EXITED "), f"the end of container {ident}")
        return self.status(ident).split(" ", 1)[1]

    def remove(self, ident):
        self.call("RemoveContainer", container_id=ident)
        return ""

    def pid(self, ident):
        """Return the PID of a container's first process, once it is the container's program and no longer runc."""
        info = json.loads(self.call("ContainerStatus", container_id=ident, verbose=True).info["info"])
        return self.program(info["pid"])

    def program(self, pid):
        def is_program():
            try:
                return "runc" not in os.readlink(f"/proc/{pid}/exe")
            except FileNotFoundError:
                return True

        wait_for(is_program, f"the program of PID {pid}")
        return str(pid)

    def exec(self, ident, timeout, *command):
        """Call ExecSync. The answer is the exit code, a blank, and the output of the command."""
        answer = self.call("ExecSync", container_id=ident, cmd=command, timeout=int(timeout))
        return f"{answer.exit_code} {(answer.stdout + answer.stderr).decode(errors='replace')}".strip()

    def mounts(self):
        """Return the mount points below DIR in the node's mount namespace."""
        with open("/proc/self/mountinfo", encoding="utf-8") as f:
            points = [line.split()[4] for line in f]
        return "\n".join(p for p in points if p.startswith(DIR + "/") and p not in (f"{DIR}/root", f"{DIR}/state"))


def main():
    # Shims create their sockets in /run/containerd, whatever the configuration says. The other directories are only for
    # speed: containerd waits for the disk after each change of its database.
    for path in ("/run", f"{DIR}/root", f"{DIR}/state"):
        os.makedirs(path, exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", path], check=True)
    node = Node()
    with open(f"{DIR}/ask", "r+b", buffering=0) as ask, open(f"{DIR}/answer", "r+b", buffering=0) as answer:
        # An answer to a FIFO that no other process has open would be lost.
        open(f"{DIR}/ready", "w", encoding="ascii").close()
        pending = b""
        while True:
            while b"\x1e" not in pending:
                pending += ask.read(65536)
            request, pending = pending.split(b"\x1e", 1)
            token, *words = request.decode(errors="surrogateescape").split("\x1f")[:-1]
            try:
                text = "0\x1f" + getattr(node, words[0])(*words[1:])
            except Exception as e:  # pylint: disable=broad-except
                text = f"1\x1f{words[0]}: {e if isinstance(e, Refused) else repr(e)}"
            answer.write(f"{token}\x1f{text}".encode(errors="surrogateescape") + b"\x1e")


main()
