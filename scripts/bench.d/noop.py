"""The end state of `slipway install`, for pyinfra: what each operation asks for is there already."""

import json
import os
from io import StringIO

from pyinfra import host
from pyinfra.facts.server import Command
from pyinfra.operations import apt, files, server, systemd

with open(os.environ["STATE"]) as state:
    wanted = json.load(state)

names = sorted(package["name"] for package in wanted["kubernetes"])
if host.get_fact(Command, "grep -cw overlay /proc/filesystems") != "1":
    server.shell(name="Kernel modules", commands=["modprobe overlay"])
for key, value in wanted["settings"].items():
    server.sysctl(name=f"Kernel setting {key}", key=key, value=value)
for file in wanted["files"]:
    files.put(name=file["path"], src=StringIO(file["content"]), dest=file["path"], user="root", group="root", mode=file["mode"].lstrip("0"))
apt.packages(name="Packages", packages=wanted["packages"], no_recommends=True)
apt.packages(
    name="Kubernetes' packages",
    packages=[f"{package['name']}={package['version']}" for package in wanted["kubernetes"]],
    no_recommends=True,
)
if host.get_fact(Command, "apt-mark showhold").split() != names:
    server.shell(name="They are held", commands=["apt-mark hold " + " ".join(names)])
systemd.service(name="containerd", service="containerd.service", running=True, enabled=True)
systemd.service(name="kubelet", service="kubelet.service", running=None, enabled=True)
