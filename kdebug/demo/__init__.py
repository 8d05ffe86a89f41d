"""An embedded Kubernetes API with a crash-looping prism-proxy: the demo, and the fast cluster of the tests."""
