# What was brought and set on the host so that it could be a node.

find_install() {
    find_notes
    find_packages
    find_repositories
    find_kubeconfigs
}

# Entries of the undo ledger, `NNNN-PHASE.STEP.DIGEST.sh`: each stands for what its step has set.
find_notes() {
    for i_entry in "$STATE"/undo/*.sh; do
        [ -e "$i_entry" ] || continue
        i_name=${i_entry##*/}
        case $i_name in
        ????-install.*) found setting "slipway's install" 0 purge 'undo note' "${i_name%.sh}" ;;
        *) found undo-note slipway 0 goes 'undo note' "${i_name%.sh}" ;;
        esac
    done
}

# Whether slipway's install has brought this: brought WORD. Value: i_notes, of install_notes.
brought() {
    case "
$i_notes
" in *[!A-Za-z0-9_]"$1"[!A-Za-z0-9_]*) return 0 ;; esac
    return 1
}

install_notes() {
    cat "$STATE"/undo/????-install.*.sh 2>/dev/null || :
}

# Those that slipway has not brought stay, and so do their holds.
find_packages() {
    i_packages=$(globs package)
    [ -n "$i_packages" ] || return 0
    i_notes=$(install_notes)
    packages_there | sort -u | while read -r i_kind i_name i_version; do
        if brought "$i_name"; then
            found "$i_kind" "slipway's install" 0 purge "name $i_name" "$i_name${i_version:+ $i_version}"
        elif [ "$i_kind" = package ]; then
            found package 'nobody known' 0 stays 'slipway has not brought it' "$i_name $i_version"
        else
            found hold 'nobody known' 0 stays 'slipway has not set it' "$i_name"
        fi
    done
}

# Of these packages `package NAME VERSION` for each that is installed, `hold NAME` for each that is held. What apt-mark calls a hold is
# dpkg's selection of that name (apt-mark(8)). Value: i_packages.
packages_there() {
    if have dpkg-query; then
        # shellcheck disable=SC2086 # names without blanks
        dpkg-query -W -f '${db:Status-Want} ${db:Status-Status} ${Package} ${Version}\n' $i_packages 2>/dev/null |
            awk '$2 == "installed" { print "package", $3, $4 } $1 == "hold" { print "hold", $3 }'
    elif have rpm; then
        # shellcheck disable=SC2086 # names without blanks
        rpm -q --qf 'package %{NAME} %{VERSION}-%{RELEASE}\n' $i_packages 2>/dev/null | grep -v ' is not installed$'
        cat /etc/dnf/plugins/versionlock.list /etc/yum/pluginconf.d/versionlock.list 2>/dev/null | grep -v '^#' |
            sed 's/^[0-9]*:\(.*\)-[0-9]*:.*/\1/; s/-[0-9][^-]*-[^-]*$//' | grep -Fx -e "$i_packages" | sed 's/^/hold /'
    fi
}

find_repositories() {
    i_notes=$(install_notes)
    rows repository | while IFS='	' read -r i_owner i_weight i_ere i_part; do
        grep -lE -e "$i_part" /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources /etc/yum.repos.d/*.repo 2>/dev/null | while read -r i_file; do
            if brought "$i_file"; then
                found repository "slipway's install" 0 purge "line $i_part" "$i_file"
            else
                found repository 'nobody known' 0 stays "line $i_part" "$i_file"
            fi
        done
    done
}

# The CA of the cluster that this host is or was a node of, as base64 on one line.
cluster_ca() {
    if [ -f /etc/kubernetes/pki/ca.crt ]; then
        base64 </etc/kubernetes/pki/ca.crt | tr -d '\n'
    else
        sed -n 's/^ *certificate-authority-data: *//p' /etc/kubernetes/kubelet.conf /etc/kubernetes/admin.conf 2>/dev/null | head -n 1
    fi
}

# Those that may be there: a home may be on a server that does not answer, and then whoever asks for one hears nothing of any.
users_kubeconfigs() {
    i_files=$(awk -F : '{ print $6 "/.kube/config" }' /etc/passwd | sort -u)
    i_ifs=$IFS
    IFS='
'
    set -f
    # shellcheck disable=SC2086 # a file a line
    set -- $i_files
    set +f
    IFS=$i_ifs
    i_there=$(timeout -k 1 5 ls -d "$@" 2>/dev/null)
    case $? in 124 | 137) i_there=$i_files ;; esac
    [ -z "$i_there" ] || printf '%s\n' "$i_there"
}

# Users' files that open this cluster and no other. They stay where the cluster stays. Value: ends, `yes` or nothing.
find_kubeconfigs() {
    i_ca=$(cluster_ca)
    [ -n "$i_ca" ] || return 0
    users_kubeconfigs | while read -r i_file; do
        i_text=$(timeout -k 1 5 cat "$i_file" 2>/dev/null)
        case $? in
        0) ;;
        124 | 137)
            found kubeconfig 'nobody known' 0 stays 'it could not be read in time' "$i_file"
            continue
            ;;
        *) continue ;;
        esac
        i_servers=$(printf '%s\n' "$i_text" | grep -c '^ *\(- \)\{0,1\}server: ')
        i_ours=$(printf '%s\n' "$i_text" | sed -n 's/^ *certificate-authority-data: *//p' | grep -Fxc -e "$i_ca")
        [ "$i_ours" -gt 0 ] || continue
        # One that slipway has written over is put back by its undo note.
        ! grep -Fqs "'$i_file'" "$STATE"/undo/*.sh || continue
        if [ "$i_servers" -ne "$i_ours" ]; then
            found kubeconfig 'nobody known' 0 stays 'it opens this cluster, and others' "$i_file"
        elif [ -z "$ends" ]; then
            found kubeconfig 'nobody known' 0 stays 'it opens this cluster, which stays' "$i_file"
        else
            found kubeconfig kubeadm 0 goes 'it opens this cluster' "$i_file"
        fi
    done
}

# Entries of the undo ledger: left_undo all | but-install
left_undo() {
    for i_entry in "$STATE"/undo/*.sh; do
        [ -e "$i_entry" ] || continue
        case $1:${i_entry##*/} in
        but-install:????-install.*) ;;
        *) printf '%s\n' "$i_entry" ;;
        esac
    done
}
