"""HTTP access logs on disk into exactly right Prometheus counters."""

__version__ = "0.1.0"
