"""What no durable server on this machine can pass, one limit per module."""
