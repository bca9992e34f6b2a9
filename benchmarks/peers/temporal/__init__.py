"""Temporal's development server, driven by its Python SDK."""
