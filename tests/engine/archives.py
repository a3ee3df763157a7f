# SPDX-License-Identifier: Apache-2.0
"""Archives of images made by hand, whole or broken on purpose."""
import copy
import hashlib
import io
import json
import os
import subprocess
import tarfile

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"


def sha(data):
    return hashlib.sha256(data).hexdigest()


def tar_of(members):
    """members: (name, bytes or TarInfo) in order."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, value in members:
            if isinstance(value, tarfile.TarInfo):
                tar.addfile(value)
            else:
                info = tarfile.TarInfo(name)
                info.size = len(value)
                tar.addfile(info, io.BytesIO(value))
    return out.getvalue()


def link(name, target, kind=tarfile.SYMTYPE):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def layer(**files):
    return tar_of([(name, text.encode()) for name, text in files.items()] or [("file", b"content\n")])


def config_of(layers, **more):
    return json.dumps({"architecture": "amd64", "os": "linux", "config": {"Cmd": ["sh"]},
                       "rootfs": {"type": "layers", "diff_ids": ["sha256:" + sha(text) for text in layers]},
                       "history": [], **more}).encode()


def docker_members(layers=None, tags=("made:1",), manifest=None, config=None, config_name=None):
    """The members of a docker-archive, as a list that a test may spoil."""
    layers = [layer()] if layers is None else layers
    config = config or config_of(layers)
    name = config_name or sha(config) + ".json"
    names = [f"{i}/layer.tar" for i in range(len(layers))]
    manifest = manifest if manifest is not None else [{"Config": name, "RepoTags": list(tags), "Layers": names}]
    text = manifest if isinstance(manifest, bytes) else json.dumps(manifest).encode()
    return [("manifest.json", text), (name, config), *zip(names, layers)]


class Layout:
    """An OCI layout as a dictionary of files."""

    def __init__(self, layers=None, name="made:1", config=None):
        self.files = {"oci-layout": b'{"imageLayoutVersion":"1.0.0"}'}
        layers = [layer()] if layers is None else layers
        config = config or config_of(layers)
        self.config = self.blob(config, CONFIG)
        self.layers = [self.blob(text, LAYER) for text in layers]
        self.manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": self.config, "layers": self.layers}
        self.index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": []}
        self.add(self.manifest, name)

    def blob(self, data, kind):
        self.files["blobs/sha256/" + sha(data)] = data
        return {"mediaType": kind, "digest": "sha256:" + sha(data), "size": len(data)}

    def add(self, document, name=None, kind=MANIFEST, **more):
        entry = self.blob(json.dumps(document).encode(), kind)
        if name:
            entry["annotations"] = {"org.opencontainers.image.ref.name": name}
        self.index["manifests"].append({**entry, **more})
        return entry

    def replace(self, **changes):
        """Another manifest in place of the first."""
        document = copy.deepcopy(self.manifest)
        document.update(changes)
        self.index["manifests"].clear()
        self.add(document, "made:1")
        return self

    def members(self):
        return [*self.files.items(), ("index.json", json.dumps(self.index).encode())]

    def write(self, folder):
        for name, data in self.members():
            path = os.path.join(folder, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as f:
                f.write(data)
        return folder


def write(path, data):
    with open(path, "wb") as f:
        f.write(data if isinstance(data, bytes) else tar_of(data))
    return path


def image_id(path_or_text):
    """The id of the image in a docker-archive: what manifest.json names it by."""
    with tarfile.open(path_or_text) as tar:
        manifest = json.load(tar.extractfile("manifest.json"))
    return manifest[0]["Config"].split("/")[-1].split(".")[0]


def skopeo(*words):
    p = subprocess.run(["skopeo", "--insecure-policy", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                       timeout=120, check=False)
    assert p.returncode == 0, p.stderr
    return p.stdout
