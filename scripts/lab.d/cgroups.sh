# shellcheck shell=bash
# A control group of its own for each host, in every hierarchy: a host's root group is the group its nspawn was started in,
# so hosts started in one group would share one /kubepods, and each kubelet would kill the pods of the others.
#
# Where systemd runs this machine it owns the groups, and a transient scope does the same (see host_scope in host.sh).

# cgroup_roots: where the hierarchies are mounted; one on a pure v2 machine, a dozen with v1.
cgroup_roots() {
  awk '($3 == "cgroup" || $3 == "cgroup2") && $2 ~ /^\/sys\/fs\/cgroup/ { print $2 }' /proc/self/mounts
}

# enter_cgroups NAME: moves the calling (sub)shell into NAME's groups.
enter_cgroups() {
  local root dir knob
  while read -r root; do
    dir=$root/slipway-lab/$1
    mkdir -p "$dir"
    # An empty cpuset takes no process.
    for knob in cpuset.cpus cpuset.mems; do
      if [[ -f $root/tasks && -f $dir/$knob ]]; then
        cat "$root/$knob" >"$root/slipway-lab/$knob"
        cat "$root/$knob" >"$dir/$knob"
      fi
    done
    # On v2 a group has only the controllers that its parents pass down.
    if [[ -s $root/cgroup.controllers ]]; then
      sed 's/[^ ]\+/+&/g' "$root/cgroup.controllers" | tee "$root/cgroup.subtree_control" >"$root/slipway-lab/cgroup.subtree_control"
    fi
    echo "$BASHPID" >"$dir/cgroup.procs"
  done < <(cgroup_roots)
}

# limit_cpu NAME PERCENT|off: so much of one processor for all of NAME's processes together, in every tenth of a second.
limit_cpu() {
  local root dir quota=-1
  [[ $2 == off ]] || quota=$(($2 * 1000))
  while read -r root; do
    dir=$root/slipway-lab/$1
    if [[ -f $dir/cpu.max ]]; then
      echo "${quota/-1/max} 100000" >"$dir/cpu.max"
    elif [[ -f $dir/cpu.cfs_quota_us ]]; then
      echo 100000 >"$dir/cpu.cfs_period_us"
      echo "$quota" >"$dir/cpu.cfs_quota_us"
    fi
  done < <(cgroup_roots)
}

# cgroup_processes NAME: all processes of a host, whatever became of the process that started it.
cgroup_processes() {
  local root
  while read -r root; do
    [[ -d $root/slipway-lab/$1 ]] || continue
    find "$root/slipway-lab/$1" -name cgroup.procs -exec cat {} + 2>/dev/null || true
  done < <(cgroup_roots) | sort -nu
}

# end_cgroups NAME: kills all that is in a host's groups, and removes them.
end_cgroups() {
  local pids _
  for _ in {1..100}; do
    mapfile -t pids < <(cgroup_processes "$1")
    ((${#pids[@]} > 0)) || break
    kill -KILL "${pids[@]}" 2>/dev/null || true
    sleep 0.05
  done
  remove_cgroups "$1"
}

# remove_cgroups [NAME]: removes the groups of a host (or all that are left of the lab's) once their processes have gone.
remove_cgroups() {
  local root dir
  while read -r root; do
    dir=$root/slipway-lab${1:+/$1}
    [[ ! -d $dir ]] || find "$dir" -depth -type d -exec rmdir {} + 2>/dev/null || true
  done < <(cgroup_roots)
}
