# Processes and pods.

find_processes() {
    for p_process in $(processes_of kubelet .); do
        found process kubelet 0 goes 'program kubelet' "kubelet, process $p_process"
    done
    for p_process in $(pod_processes); do
        if read -r p_name <"/proc/$p_process/comm"; then
            # A program may call itself what it likes.
            case $p_name in *[[:cntrl:]]*) p_name=$(one_line "$p_name") ;; esac
            found process kubelet 0 goes 'control group kubepods' "$p_name, process $p_process"
        fi
    done 2>/dev/null
}

# Of what a runtime lists as pods: of_runtime NAME
of_runtime() {
    while read -r p_line; do
        found pod "$1" 0 goes "listed for $1" "$p_line"
    done
}

left_containers() {
    {
        find_pods
        find_processes | grep 'control group kubepods'
    } | cut -f 6
}
