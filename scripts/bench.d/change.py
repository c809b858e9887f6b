"""What examples/change.rs does, for pyinfra."""

import json
import os
from io import StringIO

from pyinfra.operations import apt, files, server

with open(os.environ["STATE"]) as state:
    wanted = json.load(state)

for file in wanted["files"]:
    files.put(name=file["path"], src=StringIO(file["content"]), dest=file["path"], user="root", group="root", mode="644")
lines = "".join(f"{key} = {value}\n" for key, value in wanted["settings"].items())
kept = files.put(name="Kernel settings", src=StringIO(lines), dest="/etc/sysctl.d/98-bench.conf", user="root", group="root", mode="644")
server.shell(name="They are set", commands=["sysctl -q -p /etc/sysctl.d/98-bench.conf"], _if=kept.did_change)
apt.packages(name="Packages", packages=wanted["packages"], no_recommends=True)
