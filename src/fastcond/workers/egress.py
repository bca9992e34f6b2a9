"""Where system tasks may connect: a policy checked on the very address a socket is about to connect to.

Names are resolved once, by the client that then connects to what it was given, so that a name cannot answer
one address to the check and another to the connection. Redirects open their connections through the same
check.

| mode | global | loopback and private | link-local, cloud metadata, unspecified, multicast, reserved |
| --- | --- | --- | --- |
| strict | yes | no | no |
| private | yes | yes | no |
| open | yes | yes | yes |
"""

from __future__ import annotations

import ipaddress
import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiohttp.connector import AddrInfoType

    from fastcond.config import EgressMode

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# Answer to anybody on the machine with its credentials, and lie outside the link-local range.
_METADATA = frozenset(
    map(
        ipaddress.ip_address,
        ("100.100.100.200", "168.63.129.16", "192.0.0.192", "fd00:ec2::254", "fd20:ce::254"),
    )
)
_PRIVATE = tuple(
    map(
        ipaddress.ip_network,
        (
            "127.0.0.0/8",
            "10.0.0.0/8",
            "172.16.0.0/12",
            "192.168.0.0/16",
            "100.64.0.0/10",
            "::1/128",
            "fc00::/7",
        ),
    )
)
# A gateway turns these into the IPv4 address in their last 32 bits.
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class AddressDenied(OSError):
    """A connection was about to go where the policy does not allow.

    An OSError, so that the client moves on to the name's next address. All have the same text, so that the
    client raises one of them, and not a summary, when every address of a name was refused.
    """

    def __init__(self, address: str, mode: str) -> None:
        super().__init__(f"the egress policy ({mode}) does not allow this address")
        self.address = address


def is_allowed(address: Address, mode: EgressMode) -> bool:
    """Tell whether the policy lets a task connect to this address, whatever IPv4 address hides inside it."""
    if mode == "open":
        return True
    return all(_is_allowed_plain(each, mode) for each in _with_embedded(address))


def guarded_socket(mode: EgressMode) -> Callable[[AddrInfoType], socket.socket]:
    """Return a socket factory that refuses addresses outside the policy before a packet is sent."""

    def make(info: AddrInfoType) -> socket.socket:
        family, kind, proto, _, target = info
        text = str(target[0]).partition("%")[0]
        if not is_allowed(ipaddress.ip_address(text), mode):
            raise AddressDenied(text, mode)
        return socket.socket(family, kind, proto)

    return make


def _is_allowed_plain(address: Address, mode: EgressMode) -> bool:
    if address in _METADATA or address.is_link_local or address.is_multicast or address.is_unspecified:
        return False
    if any(address in network for network in _PRIVATE if network.version == address.version):
        return mode == "private"
    return address.is_global and not address.is_reserved


def _with_embedded(address: Address) -> list[Address]:
    if isinstance(address, ipaddress.IPv4Address):
        return [address]
    if address.ipv4_mapped is not None:
        return [address.ipv4_mapped]
    if address in _NAT64:
        return [ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)]
    found: list[Address] = [address]
    if address.sixtofour is not None:
        found.append(address.sixtofour)
    if address.teredo is not None:
        found.extend(address.teredo)
    return found
