#!/usr/bin/env python3
"""Packs a folder as an OCI image archive, the same bytes for the same files: no times, no owners, in order.

containerd takes it by `ctr images import`, Docker by `docker load`, kind by `kind load image-archive`.
"""

import argparse
import hashlib
import io
import json
import os
import stat
import tarfile
import tempfile

PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--name", required=True, help="the image's name and tag")
    parser.add_argument("--entrypoint", required=True, nargs="+", help="the program and its first arguments")
    parser.add_argument("--user", default="65532:65532", help="uid:gid of the process")
    parser.add_argument("--env", default=[], action="append", help="NAME=VALUE")
    parser.add_argument("root", help="the folder that becomes /")
    parser.add_argument("archive", help="the file to write")
    return parser.parse_args()


def normal(entry):
    """Everything is root's, was made in 1970, and has the mode of what it is."""
    entry.uid = entry.gid = entry.mtime = 0
    entry.uname = entry.gname = ""
    if entry.isdir():
        entry.mode = 0o1777 if entry.mode & stat.S_ISVTX else 0o755
    elif entry.isfile():
        entry.mode = 0o755 if entry.mode & stat.S_IXUSR else 0o644
    return entry


def add_folder(layer, folder, name):
    """Adds what is in a folder in the order of names; `tarfile` alone would take the file system's."""
    for child in sorted(os.listdir(folder)):
        path, inner = os.path.join(folder, child), f"{name}{child}"
        layer.add(path, arcname=inner, recursive=False, filter=normal)
        if os.path.isdir(path) and not os.path.islink(path):
            add_folder(layer, path, inner + "/")


def descriptor(kind, digest, size):
    return {"mediaType": f"application/vnd.oci.image.{kind}", "digest": f"sha256:{digest}", "size": size}


def main():
    given = arguments()
    with tempfile.TemporaryFile() as file, tarfile.open(given.archive, "w") as archive:
        with tarfile.open(fileobj=file, mode="w") as layer:
            add_folder(layer, given.root, "")
        size = file.tell()
        file.seek(0)
        layer_digest = hashlib.file_digest(file, "sha256").hexdigest()
        file.seek(0)

        def add(name, size, content):
            entry = tarfile.TarInfo(name)
            entry.size = size
            archive.addfile(entry, content)

        def add_blob(kind, value):
            data = json.dumps(value).encode()
            digest = hashlib.sha256(data).hexdigest()
            add(f"blobs/sha256/{digest}", len(data), io.BytesIO(data))
            return descriptor(kind, digest, len(data))

        add(f"blobs/sha256/{layer_digest}", size, file)
        config = add_blob("config.v1+json", {
            "architecture": ARCHITECTURES[os.uname().machine],
            "os": "linux",
            "config": {"Entrypoint": given.entrypoint, "User": given.user, "Env": [PATH, *given.env], "WorkingDir": "/"},
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{layer_digest}"]},
        })
        manifest = add_blob("manifest.v1+json", {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": config,
            "layers": [descriptor("layer.v1.tar", layer_digest, size)],
        })
        manifest["annotations"] = {
            "io.containerd.image.name": given.name,
            "org.opencontainers.image.ref.name": given.name,
        }
        for name, value in {
            "index.json": {"schemaVersion": 2, "manifests": [manifest]},
            "oci-layout": {"imageLayoutVersion": "1.0.0"},
        }.items():
            data = json.dumps(value).encode()
            add(name, len(data), io.BytesIO(data))


if __name__ == "__main__":
    main()
