"""Shipping audit rows to a SIEM: at least once, in the order of commits, beside the requests that wrote them."""
