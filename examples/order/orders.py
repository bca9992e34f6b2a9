"""Which orders the shop receives, and how each of them must end.

Everything follows from the order number, so that the demo can run any number of orders, in any order of
events and with workers dying in between, and still know the right end of each one. The workers do not read
this file: like real payment and carrier systems they only look at the card, the carrier and the address they
are given.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

DECLINED_CARD = "card-declined"
"""The payment worker declines this card for good."""

NO_SERVICE = "no-service"
"""The carrier worker fails every booking with this carrier, until the retries are used up."""

CATALOGUE = (("mug", 12), ("lamp", 49), ("desk", 310), ("chair", 145), ("shelf", 89))


@dataclass(frozen=True)
class Fate:
    """How one order must end.

    `failed_at` is the reference name of the task that ends a FAILED order. `carrier_failures` counts the
    bookings that fail before one succeeds (or before the order fails, when there is no service at all).
    """

    status: str
    failed_at: str | None = None
    carrier_failures: int = 0
    is_reviewed: bool = False
    is_bounced: bool = False


def order_of(number: int) -> dict[str, Any]:
    """Returns the order with this number as the workflow's input."""
    basket = [
        (sku, price, 1 + (number + place) % 3)
        for place, (sku, price) in enumerate(CATALOGUE)
        if (number + place) % 2 == 0
    ]
    total = 950 if _is_fraud(number) else min(900, sum(price * quantity for _, price, quantity in basket))
    is_foreign = number % 11 == 0 or _is_fraud(number)
    mailbox = "bounce" if number % 13 == 0 else f"customer-{number}"
    return {
        "orderId": order_id_of(number),
        "number": number,
        "customer": {
            "email": f"{mailbox}@example.com",
            "country": "NL",
            "isNew": _is_fraud(number),
        },
        "shipTo": "BR" if is_foreign else "NL",
        "items": [{"sku": sku, "price": price, "quantity": quantity} for sku, price, quantity in basket],
        "total": total,
        "card": DECLINED_CARD if number % 17 == 0 else f"card-{number}",
        "carrier": _carrier_of(number),
    }


def order_id_of(number: int) -> str:
    """Returns the business key of an order."""
    return f"order-{number:05d}"


def fate_of(number: int) -> Fate:
    """Returns how the order with this number must end, whatever happens on the way."""
    if number % 17 == 0:
        return Fate("FAILED", failed_at="authorise_payment")
    if _is_fraud(number):
        return Fate("FAILED", failed_at="reject_order")
    is_reviewed = number % 11 == 0
    if _carrier_of(number) == NO_SERVICE:
        return Fate("FAILED", failed_at="ship_order", carrier_failures=5, is_reviewed=is_reviewed)
    return Fate(
        "COMPLETED",
        carrier_failures=failures_before_booking(_carrier_of(number)),
        is_reviewed=is_reviewed,
        is_bounced=number % 13 == 0,
    )


def failures_before_booking(carrier: str) -> int:
    """Returns how many bookings with this carrier fail before one succeeds: the n in `flaky-<n>`, else 0."""
    kind, _, count = carrier.partition("-")
    return int(count) if kind == "flaky" else 0


def _is_fraud(number: int) -> bool:
    return number % 23 == 0


def _carrier_of(number: int) -> str:
    if number % 29 == 0:
        return NO_SERVICE
    if number % 15 == 0:
        return "flaky-2"
    return "flaky-1" if number % 5 == 0 else "swift"
