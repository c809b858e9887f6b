# The probe: prints what is there and changes nothing. It is text for `sh -s` as root, and defines one function, `probe`.
# Input:  $NONCE, a word of this run that stands before every line, so that what a login script prints is told apart;
#         $PEERS, names or addresses (separated by blanks) to which this host should have a route; $STATE, where slipway keeps its own.
# Output: `NONCE fact KEY REST` for each thing found, then `NONCE facts-end COUNT`. What is not there has no line; a source with
#         several lines gives several facts of one key, raw: their formats are known to src/facts/parse.rs alone, and tested there.
# Speed:  a run that has nothing to do is this and the checks, on all hosts at once. So files are read by the shell itself, and
#         each program that must be asked is asked once, for everything. All output is printed at the end, in one write.
probe() (
    set +eu
    set -f
    exec </dev/null 2>/dev/null
    newline='
'
    blank=' 	'
    IFS=$newline
    out= count=0
    state=${STATE:-/var/lib/slipway}

    # fact KEY VALUE: one line of output.
    fact() {
        out="$out$NONCE fact $1 $2$newline"
        count=$((count + 1))
    }
    # each KEY COMMAND...: every line that a program prints, as it is.
    each() {
        key=$1
        shift
        for line in $("$@"); do fact "$key" "$line"; done
    }
    # whole KEY FILE: every line of a file, as it is.
    whole() {
        [ -r "$2" ] || return 0
        while IFS= read -r line || [ -n "$line" ]; do fact "$1" "$line"; done <"$2"
    }
    # first KEY FILE: the first line of a file.
    first() {
        [ -r "$2" ] || return 0
        line=
        IFS= read -r line <"$2"
        [ -z "$line" ] || fact "$1" "$line"
    }
    has() { command -v "$1" >/dev/null; }

    # --- The machine -------------------------------------------------------------------------------------------------
    first hostname /proc/sys/kernel/hostname
    if [ -r /etc/os-release ]; then whole os /etc/os-release; else whole os /usr/lib/os-release; fi
    kernel=
    read -r kernel </proc/sys/kernel/osrelease
    fact kernel "$kernel"
    # The file exists since Linux 6.1.
    if [ -r /proc/sys/kernel/arch ]; then first arch /proc/sys/kernel/arch; else each arch uname -m; fi
    first boot-id /proc/sys/kernel/random/boot_id
    first machine-id /etc/machine-id
    first product-uuid /sys/class/dmi/id/product_uuid
    # The CPUs that this process may use, which is what kubeadm counts.
    uid=0
    while IFS=":$blank" read -r key value rest; do
        case $key in
        Uid) uid=${value%%[$blank]*} ;;
        Cpus_allowed_list) fact cpus "$value" ;;
        esac
    done </proc/self/status
    while IFS=":$blank" read -r key value rest; do
        case $key in MemTotal) fact memory-kib "$value" && break ;; esac
    done </proc/meminfo
    each disk df -Pk /var/lib
    while IFS=$blank read -r device rest; do
        case $device in Filename | '') ;; *) fact swap "$device" ;; esac
    done </proc/swaps
    if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
        fact cgroup v2
    elif [ -e /sys/fs/cgroup/unified/cgroup.controllers ]; then
        fact cgroup hybrid
    else
        fact cgroup v1
    fi

    # --- Container or machine, and what may be done in it ------------------------------------------------------------
    container=
    if [ -d /run/systemd/system ]; then
        fact systemd yes
        [ ! -r /run/systemd/container ] || read -r container </run/systemd/container
    else
        for line in $(tr '\0' '\n' </proc/1/environ); do
            case $line in container=?*) container=${line#container=} ;; esac
        done
        [ -n "$container" ] || [ ! -e /.dockerenv ] || container=docker
        [ -n "$container" ] || [ ! -e /run/.containerenv ] || container=podman
    fi
    if [ -n "$container" ]; then
        fact container "$container"
    elif has systemd-detect-virt; then
        each virtualisation systemd-detect-virt --vm
    fi
    # One below what the shell has, in a shell of its own that ends at once.
    adj=0
    read -r adj </proc/self/oom_score_adj
    if [ "$adj" -le -1000 ] || (echo "$((adj - 1))" >/proc/self/oom_score_adj); then fact oom-score-adj-lowers yes; fi
    # Opened for writing, and nothing written. Without the file the module is not loaded yet, which a machine of its own can cure.
    limit=/proc/sys/net/netfilter/nf_conntrack_max
    if [ -e $limit ]; then
        ! (: >>$limit) || fact conntrack-writable yes
    elif [ -z "$container" ]; then
        fact conntrack-writable yes
    fi

    # --- Kernel modules: there (loaded or built in), or to be had ------------------------------------------------------
    wanted=
    overlay=
    while IFS=$blank read -r key value; do
        case "$key $value" in *overlay) overlay=yes ;; esac
    done </proc/filesystems
    if [ -n "$overlay" ]; then fact module overlay; else wanted="overlay$newline"; fi
    # br_netfilter has no other sign that is the same for a module and for a built-in one.
    if [ -e /proc/sys/net/bridge/bridge-nf-call-iptables ]; then
        fact module br_netfilter
    else
        wanted="${wanted}br_netfilter$newline"
    fi
    for name in $wanted; do
        for list in /lib/modules/"$kernel"/modules.dep /lib/modules/"$kernel"/modules.builtin; do
            if grep -q "/$name\.ko" "$list"; then
                fact module-to-load "$name"
                break
            fi
        done
    done
    # Where kubeadm's SystemVerification looks (k8s.io/system-validators, kernel_validator.go).
    for file in /proc/config.gz "/boot/config-$kernel" "/usr/src/linux-$kernel/.config" /usr/src/linux/.config \
        "/usr/lib/modules/$kernel/config" "/usr/lib/ostree-boot/config-$kernel" "/usr/lib/kernel/config-$kernel" \
        "/usr/src/linux-headers-$kernel/.config" "/lib/modules/$kernel/build/.config"; do
        if [ -r "$file" ]; then
            fact kernel-config yes
            break
        fi
    done

    # --- Network -----------------------------------------------------------------------------------------------------
    # 192.0.2.1 and 2001:db8::1 are documentation addresses: the way to them is the default route. Nothing is sent.
    batch="addr show${newline}route get 192.0.2.1${newline}route get 2001:db8::1$newline"
    IFS=" $newline"
    for peer in ${PEERS:-}; do
        address=$peer
        case $peer in
        *[!0-9.]*)
            case $peer in
            *:*) ;;
            *)
                address=
                for word in $(timeout 2 getent ahosts "$peer"); do
                    address=$word
                    break
                done
                ;;
            esac
            ;;
        esac
        # A name that this host can not look up (or not in time) says nothing about routes.
        [ -n "$address" ] || continue
        fact peer "$peer $address"
        batch="${batch}route get $address$newline"
    done
    IFS=$newline
    if has ip; then
        for line in $(printf %s "$batch" | ip -o -force -batch -); do fact ip "$line"; done
    else
        each hostname-I hostname -I
    fi
    if has ss; then
        each ss ss -Hltnp
    else
        for file in /proc/net/tcp /proc/net/tcp6; do
            while IFS=$blank read -r slot local remote condition rest; do
                case $condition in 0A) fact tcp "$local" ;; esac
            done <$file
        done
    fi

    # --- Packages, programs, units -----------------------------------------------------------------------------------
    packages=
    set -- kubeadm kubelet kubectl kubernetes-cni cri-tools containerd containerd.io runc docker.io docker-ce moby-engine docker podman cri-o \
        containernetworking-plugins conntrack conntrack-tools socat ethtool ebtables iptables iptables-nft ipset nftables iproute2 iproute \
        iproute-tc kmod procps procps-ng ca-certificates curl wget gnupg apt-transport-https util-linux ufw firewalld \
        dnf-plugin-versionlock python3-dnf-plugin-versionlock yum-plugin-versionlock container-selinux kernel-modules-extra
    if has dpkg-query; then
        packages=$(dpkg-query -W -f '${Package} ${Version} ${db:Status-Want} ${db:Status-Status}\n' "$@")
        for line in $packages; do
            case $line in *' not-installed') ;; *) fact dpkg "$line" ;; esac
        done
    elif has rpm; then
        packages=$(rpm -q --qf '%{NAME} %{VERSION}-%{RELEASE}\n' "$@")
        for line in $packages; do
            case $line in *'not installed'*) ;; *) fact rpm "$line" ;; esac
        done
        for file in /etc/dnf/plugins/versionlock.list /etc/yum/pluginconf.d/versionlock.list /etc/dnf/versionlock.toml; do
            whole versionlock $file
        done
    fi
    # The package database knows the versions of what it owns. Only a program from elsewhere is asked itself: that costs much more.
    for program in kubeadm kubelet kubectl containerd; do
        place=$(command -v $program) || continue
        case $place:$newline$packages in /usr/bin/*:*"$newline$program "[0-9]* | /usr/bin/*:*"$newline$program.io "[0-9]*) continue ;; esac
        case $program in
        kubeadm) each "program $program" $place version -o short ;;
        kubectl) each "program $program" $place version --client ;;
        *) each "program $program" $place --version ;;
        esac
    done
    # systemd takes its time over units that it does not know, so it is asked about those that have a file.
    set --
    for unit in kubelet containerd docker cri-docker crio ufw firewalld; do
        for file in /etc/systemd/system /usr/lib/systemd/system /lib/systemd/system; do
            [ -e $file/$unit.service ] || continue
            set -- "$@" $unit.service
            break
        done
    done
    [ ! -d /run/systemd/system ] || [ $# -eq 0 ] || each unit systemctl show -p Id,LoadState,ActiveState,UnitFileState "$@"
    # ufw's unit is active even while ufw itself is off.
    [ ! -r /etc/ufw/ufw.conf ] || while IFS== read -r key value; do
        case $key in ENABLED) fact ufw-enabled "$value" ;; esac
    done </etc/ufw/ufw.conf
    if [ -r /sys/fs/selinux/enforce ]; then
        first selinux /sys/fs/selinux/enforce
    elif [ -e /etc/selinux/config ]; then
        fact selinux off
    fi
    for file in /run/containerd/containerd.sock /run/crio/crio.sock /run/cri-dockerd.sock /run/docker.sock /run/dockershim.sock; do
        [ ! -S $file ] || fact socket $file
    done

    # --- Kubernetes, and slipway itself --------------------------------------------------------------------------------
    kubernetes=/etc/kubernetes
    if [ -f $kubernetes/kubelet.conf ]; then
        fact kubelet-conf yes
        while IFS=$blank read -r key value; do
            case $key in
            server:) fact server "$value" ;;
            certificate-authority-data:) fact kubelet-ca-data "$value" ;;
            certificate-authority:) whole kubelet-ca "$value" ;;
            esac
        done <$kubernetes/kubelet.conf
    fi
    # What the kubelet is told of the runtime: kubeadm's flags, and since 1.35 a file of the node's own.
    if [ -f $kubernetes/kubelet.conf ] && [ -r /var/lib/kubelet/kubeadm-flags.env ]; then
        first kubelet-flags /var/lib/kubelet/kubeadm-flags.env
        [ ! -r /var/lib/kubelet/instance-config.yaml ] || while IFS=$blank read -r key value rest; do
            case $key in containerRuntimeEndpoint:) fact kubelet-endpoint "$value" ;; esac
        done </var/lib/kubelet/instance-config.yaml
    fi
    file=/etc/docker/daemon.json
    whole "text $file" $file
    [ ! -f $kubernetes/admin.conf ] || fact admin-conf yes
    [ ! -d /var/lib/etcd/member ] || fact etcd-data yes
    [ ! -d /var/lib/etcd/lost+found ] || fact etcd-disk yes
    whole ca $kubernetes/pki/ca.crt
    complete=yes
    for file in ca.crt ca.key front-proxy-ca.crt front-proxy-ca.key etcd/ca.crt etcd/ca.key sa.pub sa.key; do
        [ -s $kubernetes/pki/$file ] || complete=
    done
    [ -z "$complete" ] || fact pki-complete yes
    bridge=/etc/cni/net.d/10-slipway-bridge.conflist
    [ ! -r $bridge ] || while IFS= read -r line || [ -n "$line" ]; do
        case $line in *'"subnet"'*) fact bridge-subnet "$line" ;; esac
    done <$bridge
    first attempt "$state/attempt"
    whole setting "$state/settings"
    [ ! -f /etc/slipway-proxy.env ] || fact proxied yes
    set +f
    set -- "$state"/undo/*.sh
    [ ! -e "$1" ] || fact ledger $#
    for file in $kubernetes/manifests/*.*; do
        [ ! -f "$file" ] || fact manifest "${file##*/}"
    done
    set --
    for file in /etc/fstab /etc/containerd/config.toml /etc/crictl.yaml /etc/modules-load.d/slipway.conf /etc/sysctl.d/99-slipway.conf \
        $kubernetes/admin.conf $kubernetes/kubelet.conf /etc/default/kubelet /etc/sysconfig/kubelet /etc/cni/net.d/* $kubernetes/manifests/*; do
        [ ! -f "$file" ] || set -- "$@" "$file"
    done
    set -f
    [ $# -eq 0 ] || each sum sha256sum -- "$@"

    # --- Who logged in -----------------------------------------------------------------------------------------------
    while IFS=: read -r name word number group about home shell; do
        case ${SUDO_USER:-} in
        '') [ "$number" = "$uid" ] || continue ;;
        *) [ "$name" = "$SUDO_USER" ] || continue ;;
        esac
        fact login "$name $home"
        uid=found
        break
    done </etc/passwd
    # A user whom only a directory service knows.
    [ "$uid" = found ] || [ -z "${SUDO_USER:-}" ] || each passwd getent passwd "$SUDO_USER"

    # Last, so that it is as fresh as can be.
    each clock date +%s.%N
    printf '%s%s facts-end %s\n' "$out" "$NONCE" "$count"
)
