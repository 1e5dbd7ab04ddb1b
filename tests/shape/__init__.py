"""Tests of proxy.shape."""
