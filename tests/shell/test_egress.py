"""Where HTTP tasks may connect, address by address (G24, H25 to H29)."""

from __future__ import annotations

import ipaddress

import pytest

from fastcond.workers.egress import is_allowed

GLOBAL = ("93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c", "64:ff9b::5db8:d70e")
LOCAL = (
    "127.0.0.1",
    "127.255.255.254",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.0.1",
    "100.64.0.1",
    "::1",
    "fd12:3456::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "64:ff9b::7f00:1",
)
NEVER = (
    "169.254.169.254",
    "169.254.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::a9fe:a9fe",
    "2002:a9fe:a9fe::1",
    "fe80::1",
    "fd00:ec2::254",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.0.192",
    "0.0.0.0",
    "::",
    "224.0.0.1",
    "ff02::1",
    "255.255.255.255",
    "240.0.0.1",
)


@pytest.mark.parametrize("address", GLOBAL)
def test_global_addresses_are_open_to_every_mode(address: str) -> None:
    assert [is_allowed(ipaddress.ip_address(address), mode) for mode in ("strict", "private", "open")] == [
        True
    ] * 3


@pytest.mark.parametrize("address", LOCAL)
def test_local_addresses_need_more_than_the_strict_mode(address: str) -> None:
    verdicts = [is_allowed(ipaddress.ip_address(address), mode) for mode in ("strict", "private", "open")]
    assert verdicts == [False, True, True]


@pytest.mark.parametrize("address", NEVER)
def test_metadata_and_link_local_addresses_need_the_open_mode(address: str) -> None:
    verdicts = [is_allowed(ipaddress.ip_address(address), mode) for mode in ("strict", "private", "open")]
    assert verdicts == [False, False, True]
