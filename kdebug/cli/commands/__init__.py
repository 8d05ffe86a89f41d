"""One module a command: it runs a request to its exit code. Shared parts: preparing a plan, and holding a shell."""
