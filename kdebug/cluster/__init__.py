"""The adapter for the session port and the only code that knows the Kubernetes client: kubeconfig, REST, watch, exec stream."""
