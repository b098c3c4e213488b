#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Runs as early in the boot as there are files: a LAN, a phone, and a tunnel that somebody else has made before the gateway. Both
# ends send all the time, and what arrives at either is counted in its namespace.
set -u
PATH=/usr/sbin:/usr/bin
for module in wireguard veth nf_tables; do modprobe $module; done
for ns in early-lan early-phone; do ip netns add $ns; ip -n $ns link set lo up; done
ip link add elan0 type veth peer name eth0 netns early-lan
ip link add ewan0 type veth peer name eth0 netns early-phone
ip address add 10.20.0.1/16 dev elan0; ip link set elan0 up
ip address add 203.0.113.1/24 dev ewan0; ip link set ewan0 up
ip -n early-lan address add 10.20.0.10/16 dev eth0; ip -n early-lan link set eth0 up
ip -n early-lan route add default via 10.20.0.1
ip -n early-phone address add 203.0.113.77/24 dev eth0; ip -n early-phone link set eth0 up
phone=$(sed -n 's,^Address = \([0-9.]*\)/.*,\1,p' /root/phone.conf)
# The tunnel of the impostor: the gateway's own key and port, the phone as its peer.
value() { sed -n "s/^$1 = //p" /root/phone.conf; }
ip link add sekisho0 type wireguard
wg set sekisho0 listen-port 51820 private-key /etc/sekisho/tunnel.key peer "$(value PrivateKey | wg pubkey)" \
	preshared-key <(value PresharedKey) allowed-ips "$phone/32"
ip address add 10.64.0.1/16 dev sekisho0; ip link set sekisho0 up
ip -n early-phone link add wg0 type wireguard
ip netns exec early-phone wg set wg0 private-key <(value PrivateKey) peer "$(value PublicKey)" \
	preshared-key <(value PresharedKey) allowed-ips 0.0.0.0/0 endpoint 203.0.113.1:51820 persistent-keepalive 5
ip -n early-phone address add "$phone/32" dev wg0; ip -n early-phone link set wg0 up; ip -n early-phone route add default dev wg0
count() {
	ip netns exec "$1" nft -f - <<-END
		table ip tests {
			counter arrived { }
			counter sent { }
			chain in { type filter hook input priority 0; ip saddr $2 counter name arrived; }
			chain out { type filter hook output priority 0; ip daddr $2 counter name sent; }
		}
	END
}
count early-lan "$phone"
count early-phone 10.20.0.10
cut -d' ' -f1 /proc/uptime >/run/probe-began
ip netns exec early-lan ping -q -i 0.2 "$phone" >/dev/null &
exec ip netns exec early-phone ping -q -i 0.2 10.20.0.10 >/dev/null
