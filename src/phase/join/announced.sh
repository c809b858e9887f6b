# Whether the control plane has signed its cluster-info with this run's token. Values: endpoint, token (its id, which is no secret).
# Asked without credentials, as `kubeadm join` does: the join itself proves the CA by its hash, so nothing is trusted here.

cluster_info() {
    j_path=/api/v1/namespaces/kube-public/configmaps/cluster-info
    if have curl; then
        curl -fsSk -m 5 "https://$endpoint$j_path"
    elif have wget; then
        wget -q -T 5 --no-check-certificate -O - "https://$endpoint$j_path"
    else
        # kubectl asks for a user name where it has none. Any will do: no API server since 1.19 knows of passwords.
        j_config=$(mktemp)
        cat >"$j_config" <<CONFIG
apiVersion: v1
kind: Config
clusters: [{ name: "it", cluster: { server: "https://$endpoint", insecure-skip-tls-verify: true } }]
users: [{ name: "anyone", user: { username: "anyone", password: "anyone" } }]
contexts: [{ name: "it", context: { cluster: "it", user: "anyone" } }]
current-context: "it"
CONFIG
        kubectl --kubeconfig "$j_config" --request-timeout=5s get --raw "$j_path"
        rm -f "$j_config"
    fi
}

announced() {
    cluster_info | grep -q "\"jws-kubeconfig-$token\""
}
