"""kdebug: debug sessions for kubectl. The package root holds the version and imports nothing."""

__version__ = "0.1.0"
