#!/usr/bin/env bash
# The Vagrantfile is one that Vagrant takes. In a copy, because vagrant leaves a .vagrant directory behind.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp Vagrantfile "$work/"
cd "$work"
# --ignore-provider: the machine need not have the hypervisors themselves.
VAGRANT_HOME=$work/home vagrant validate --ignore-provider
