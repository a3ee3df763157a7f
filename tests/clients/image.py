# SPDX-License-Identifier: Apache-2.0
"""An image around Debian's static busybox, as one archive that containerd, Podman and Docker all load."""
import hashlib
import io
import json
import subprocess
import tarfile

BUSYBOX = "/bin/busybox"
NAME = "localhost/box:latest"
DIRECTORIES = ("bin", "dev", "etc", "proc", "root", "run", "sys", "tmp", "var")
FILES = {
    "etc/passwd": b"root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000::/tmp:/bin/sh\n",
    "etc/group": b"root:x:0:\nuser:x:1000:\n",
    # For tests: no interpreter, and no right to execute.
    "bin/no-interpreter": b"#!/no/such/interpreter\n",
}
OCI = "application/vnd.oci.image."


def _add(tar, name, data, mode=0o644):
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(data), mode
    tar.addfile(info, io.BytesIO(data))


def _layer():
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name in DIRECTORIES:
            info = tarfile.TarInfo(name)
            info.type, info.mode = tarfile.DIRTYPE, 0o1777 if name == "tmp" else 0o755
            tar.addfile(info)
        with open(BUSYBOX, "rb") as f:
            _add(tar, "bin/busybox", f.read(), 0o755)
        applets = subprocess.run([BUSYBOX, "--list"], check=True, capture_output=True, text=True)
        for name in applets.stdout.split():
            if name != "busybox":
                info = tarfile.TarInfo("bin/" + name)
                info.type, info.linkname = tarfile.SYMTYPE, "busybox"
                tar.addfile(info)
        for name, data in FILES.items():
            _add(tar, name, data, 0o755 if name.startswith("bin/") else 0o644)
    return out.getvalue()


def write_archive(path):
    """An OCI layout with Docker's manifest.json beside it."""
    blobs = {}

    def blob(data):
        digest = hashlib.sha256(data).hexdigest()
        blobs["blobs/sha256/" + digest] = data
        return {"digest": "sha256:" + digest, "size": len(data)}

    layer = blob(_layer())
    config = blob(json.dumps({
        "architecture": "amd64", "os": "linux",
        "config": {"Cmd": ["/bin/sh"], "Env": ["PATH=/bin"]},
        "rootfs": {"type": "layers", "diff_ids": [layer["digest"]]},
    }).encode())
    manifest = blob(json.dumps({
        "schemaVersion": 2, "mediaType": OCI + "manifest.v1+json",
        "config": {"mediaType": OCI + "config.v1+json", **config},
        "layers": [{"mediaType": OCI + "layer.v1.tar", **layer}],
    }).encode())
    index = {"schemaVersion": 2, "manifests": [{
        "mediaType": OCI + "manifest.v1+json", **manifest,
        "annotations": {"org.opencontainers.image.ref.name": NAME, "io.containerd.image.name": NAME},
        "platform": {"architecture": "amd64", "os": "linux"},
    }]}
    docker = [{"Config": "blobs/sha256/" + config["digest"][7:], "RepoTags": [NAME],
               "Layers": ["blobs/sha256/" + layer["digest"][7:]]}]
    with tarfile.open(path, "w") as tar:
        _add(tar, "oci-layout", b'{"imageLayoutVersion":"1.0.0"}')
        _add(tar, "index.json", json.dumps(index).encode())
        _add(tar, "manifest.json", json.dumps(docker).encode())
        for name, data in blobs.items():
            _add(tar, name, data)
