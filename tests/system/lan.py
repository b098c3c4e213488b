# SPDX-License-Identifier: GPL-3.0-or-later
"""The ministry's LAN for tests: on each address given, HTTP on 80, TCP and UDP echo on 7000, a UDP source on 7001 (one datagram
'COUNT PER_SECOND' starts a stream of numbered datagrams to its sender), and a DNS server on port 53 of one address.

usage: lan.py DNS-ADDRESS NAME=ADDRESS[,ADDRESS] ADDRESS...
"""
import asyncio
import ipaddress
import struct
import sys


async def http(reader, writer):
    await reader.readuntil(b"\r\n\r\n")
    where = writer.get_extra_info("sockname")[0]
    seen = writer.get_extra_info("peername")[0]
    body = f"intranet {where} sees {seen}\n".encode()
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n" % len(body))
    writer.write(b"Connection: close\r\n\r\n" + body)
    await writer.drain()
    writer.close()


async def echo(reader, writer):
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()


async def guarded(handler, reader, writer):
    """A phone that vanishes is no reason for a traceback."""
    try:
        await handler(reader, writer)
    except (OSError, asyncio.IncompleteReadError):
        writer.close()


class Echo(asyncio.DatagramProtocol):
    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, peer):
        self.transport.sendto(data, peer)


class Source(Echo):
    def datagram_received(self, data, peer):
        count, rate = map(int, data.split())
        loop = asyncio.get_running_loop()
        self.send(loop, peer, loop.time(), 0, count, rate)

    def send(self, loop, peer, start, number, count, rate):
        self.transport.sendto(struct.pack("!Q", number), peer)
        if number + 1 < count:
            loop.call_at(start + (number + 1) / rate, self.send, loop, peer, start, number + 1, count, rate)


class Dns(Echo):
    """Answers A and AAAA of the names it knows, NXDOMAIN for the rest (RFC 1035, RFC 3596)."""

    def __init__(self, names):
        self.names = names

    def datagram_received(self, data, peer):
        labels, at = [], 12
        while data[at]:
            labels.append(data[at + 1:at + 1 + data[at]].decode())
            at += 1 + data[at]
        question, qtype = data[12:at + 5], struct.unpack("!H", data[at + 1:at + 3])[0]
        addresses = self.names.get(".".join(labels).lower())
        wanted = [a.packed for a in addresses or () if (a.version, qtype) in ((4, 1), (6, 28))]
        answers = b"".join(b"\xc0\x0c" + struct.pack("!HHIH", qtype, 1, 30, len(a)) + a for a in wanted)
        flags = 0x8580 if addresses else 0x8583
        self.transport.sendto(data[:2] + struct.pack("!HHHHH", flags, 1, len(wanted), 0, 0) + question + answers, peer)


async def main(dns, names, addresses):
    loop = asyncio.get_running_loop()
    for address in addresses:
        await asyncio.start_server(lambda r, w: guarded(http, r, w), address, 80)
        await asyncio.start_server(lambda r, w: guarded(echo, r, w), address, 7000)
        await loop.create_datagram_endpoint(Echo, (address, 7000))
        await loop.create_datagram_endpoint(Source, (address, 7001))
    await loop.create_datagram_endpoint(lambda: Dns(names), (dns, 53))
    print("ready", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    known = {}
    for entry in sys.argv[2].split(";"):
        name, _, targets = entry.partition("=")
        known[name] = [ipaddress.ip_address(a) for a in targets.split(",")]
    asyncio.run(main(sys.argv[1], known, sys.argv[3:]))
