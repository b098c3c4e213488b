# SPDX-License-Identifier: GPL-3.0-or-later
"""What passes on a cable: WireGuard's messages, in their order, as somebody on the Internet sees them."""
import collections
import select
import socket
import struct

Message = collections.namedtuple("Message", "source port destination kind")
INITIATION, RESPONSE, COOKIE, DATA = 1, 2, 3, 4
ETH_P_ALL, UDP = 3, 17


def _addresses(packet):
    """(protocol, source, destination, offset of the payload): IPv4 (RFC 791) or IPv6 (RFC 8200) without extension headers."""
    if packet[0] >> 4 == 4:
        version, protocol, offset = socket.AF_INET, packet[9], (packet[0] & 15) * 4
        source, destination = packet[12:16], packet[16:20]
    else:
        version, protocol, offset = socket.AF_INET6, packet[6], 40
        source, destination = packet[8:24], packet[24:40]
    return protocol, socket.inet_ntop(version, source), socket.inet_ntop(version, destination), offset


class Sniffer:
    """Listens on an interface of a namespace from its creation on."""

    def __init__(self, namespace, interface):
        self.socket = namespace.new_socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        self.socket.bind((interface, ETH_P_ALL))
        self.messages = []

    def read(self, port):
        """All messages to or from that UDP port so far."""
        while select.select([self.socket], [], [], 0)[0]:
            frame = self.socket.recv(65536)
            if frame[12:14] not in (b"\x08\x00", b"\x86\xdd"):
                continue
            protocol, source, destination, at = _addresses(frame[14:])
            datagram = frame[14 + at:]
            if protocol != UDP or len(datagram) < 12:
                continue
            ports = struct.unpack("!HH", datagram[:4])
            if port in ports:
                self.messages.append(Message(source, ports[0], destination, datagram[8]))
        return self.messages

    def close(self):
        self.socket.close()
