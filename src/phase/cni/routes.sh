wait_for 60 'the table of pod subnets' published
published >/etc/slipway/pod-routes.new
echo >>/etc/slipway/pod-routes.new
mv -f /etc/slipway/pod-routes.new /etc/slipway/pod-routes
systemctl daemon-reload
sh /etc/slipway/pod-network
systemctl enable -q --now slipway-pod-network.service
