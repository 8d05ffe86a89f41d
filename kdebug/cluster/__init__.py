"""The adapter for the session's port, and the only code that knows the Kubernetes client.

Kubeconfig and credentials, REST, watch, and the exec stream belong here.
"""
