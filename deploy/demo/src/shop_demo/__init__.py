"""Drives both business processes over HTTP and checks that every number adds up."""
