"""Restate, with a service in TypeScript's runtime as its worker."""
