# SPDX-License-Identifier: Apache-2.0
"""A bundle like Docker's, made around busybox and the probe, open to any change before it is written."""
import copy
import json
import os
import shutil
import subprocess

from .paths import BUSYBOX, PROBE

CAPABILITIES = ["CAP_" + c for c in (
    "CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP NET_BIND_SERVICE "
    "SYS_CHROOT KILL AUDIT_WRITE").split()]

MOUNTS = [
    ("/proc", "proc", "proc", "nosuid noexec nodev"),
    ("/dev", "tmpfs", "tmpfs", "nosuid strictatime mode=755 size=65536k"),
    ("/dev/pts", "devpts", "devpts", "nosuid noexec newinstance ptmxmode=0666 mode=0620 gid=5"),
    ("/sys", "sysfs", "sysfs", "nosuid noexec nodev ro"),
    ("/dev/mqueue", "mqueue", "mqueue", "nosuid noexec nodev"),
    ("/dev/shm", "tmpfs", "shm", "nosuid noexec nodev mode=1777 size=65536k"),
    ("/sys/fs/cgroup", "cgroup", "cgroup", "nosuid noexec nodev relatime ro"),
]

MASKED = ["/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
          "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi", "/sys/firmware"]
READONLY = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]
NAMESPACES = ["pid", "network", "ipc", "uts", "mount", "cgroup"]

APPLETS = ("sh cat echo true false sleep ls mount umount id env pwd stat dd head tail kill ps hostname "
           "touch mkdir rm ln cp mv chmod chown test [ yes seq wc grep sed awk tr cut sort ip stty tty nc "
           "mknod readlink printf date nproc free df dmesg sync").split()


def default_config(args):
    return {
        "ociVersion": "1.0.2",
        "root": {"path": "rootfs"},
        "hostname": "box",
        "process": {
            "terminal": False,
            "user": {"uid": 0, "gid": 0},
            "cwd": "/",
            "args": list(args),
            "env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root"],
            "noNewPrivileges": True,
            "capabilities": {k: list(CAPABILITIES) for k in ("bounding", "effective", "permitted")},
            "rlimits": [{"type": "RLIMIT_NOFILE", "soft": 1024, "hard": 1024}],
        },
        "mounts": [{"destination": d, "type": t, "source": s, "options": o.split()} for d, t, s, o in MOUNTS],
        "linux": {
            "namespaces": [{"type": t} for t in NAMESPACES],
            "maskedPaths": list(MASKED),
            "readonlyPaths": list(READONLY),
            "resources": {"devices": [{"allow": False, "access": "rwm"}]},
        },
    }


def make_rootfs(path):
    """busybox with the usual applets, the probe, and the folders that a container expects."""
    for folder in ("bin", "dev", "proc", "sys", "tmp", "etc", "root", "run", "var", "home"):
        os.makedirs(os.path.join(path, folder), exist_ok=True)
    os.chmod(os.path.join(path, "tmp"), 0o1777)
    for source, name in ((BUSYBOX, "busybox"), (PROBE, "probe")):
        shutil.copy(source, os.path.join(path, "bin", name))
    for applet in APPLETS:
        os.symlink("busybox", os.path.join(path, "bin", applet))
    for name, text in (("passwd", "root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000:user:/home:/bin/sh\n"),
                       ("group", "root:x:0:\nuser:x:1000:\n")):
        with open(os.path.join(path, "etc", name), "w") as f:
            f.write(text)


class Bundle:
    """bundle.config is the dict to change; bundle.write() puts it down, Runtime does so before each use.

    bundle.linux, bundle.process and bundle.resources are short ways into it."""

    def __init__(self, path, *args):
        self.path = str(path)
        self.rootfs = os.path.join(self.path, "rootfs")
        os.makedirs(self.path, exist_ok=True)
        make_rootfs(self.rootfs)
        self.config = default_config(args or ["probe", "ids"])
        self.is_raw = False

    process = property(lambda self: self.config["process"])
    linux = property(lambda self: self.config["linux"])
    resources = property(lambda self: self.config["linux"].setdefault("resources", {}))

    def args(self, *args):
        self.process["args"] = [str(a) for a in args]
        return self

    def probe(self, *words):
        """The probe as the program; its commands are parted by "--"."""
        return self.args("probe", *words)

    def namespaces(self, *types, **paths):
        """Exactly these namespaces; keywords are joined by path: namespaces("pid", network="/proc/1/ns/net")."""
        self.linux["namespaces"] = [{"type": t} for t in types]
        self.linux["namespaces"] += [{"type": t, "path": str(p)} for t, p in paths.items()]
        return self

    def add_namespace(self, kind, path=None):
        self.drop_namespace(kind)
        self.linux["namespaces"].append({"type": kind, **({"path": str(path)} if path else {})})
        return self

    def drop_namespace(self, kind):
        self.linux["namespaces"] = [n for n in self.linux["namespaces"] if n["type"] != kind]
        return self

    def user_namespace(self, host_id=100000, size=65536, container_id=0):
        """A user namespace with one range for users and groups; the rootfs is given to its root."""
        self.add_namespace("user")
        mapping = [{"containerID": container_id, "hostID": host_id, "size": size}]
        self.linux["uidMappings"], self.linux["gidMappings"] = mapping, copy.deepcopy(mapping)
        return self

    def own_rootfs(self, uid, gid=None):
        subprocess.run(["chown", "-hR", f"{uid}:{uid if gid is None else gid}", self.rootfs], check=True)
        return self

    def mount(self, destination, kind, source, *options):
        self.config["mounts"].append({"destination": str(destination), "type": kind, "source": str(source),
                                      "options": list(options)})
        return self

    def bind(self, source, destination, *options):
        return self.mount(destination, "bind", source, *(options or ("rbind",)))

    def drop_mount(self, destination):
        self.config["mounts"] = [m for m in self.config["mounts"] if m["destination"] != destination]
        return self

    def capabilities(self, *names):
        names = ["CAP_" + n.removeprefix("CAP_") for n in names]
        self.process["capabilities"] = {k: list(names) for k in ("bounding", "effective", "permitted")}
        return self

    def hook(self, kind, path, *args, **more):
        self.config.setdefault("hooks", {}).setdefault(kind, []).append(
            {"path": str(path), "args": [str(a) for a in args], **more})
        return self

    def inside(self, *parts):
        """A path of the rootfs as the host sees it."""
        return os.path.join(self.rootfs, *[p.lstrip("/") for p in parts])

    def write(self, text=None):
        """Writes config.json; with text, exactly that, once and for all (broken configs)."""
        if text is not None:
            self.is_raw = True
        elif self.is_raw:
            return self
        with open(os.path.join(self.path, "config.json"), "w") as f:
            f.write(json.dumps(self.config, indent="\t") if text is None else text)
        return self
