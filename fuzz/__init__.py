"""Targets for a fuzzer: what must hold whatever bytes come from the network."""
