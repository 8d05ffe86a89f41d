"""An embedded Kubernetes API with a crash-looping prism-proxy: the demo's cluster, and the tests' fast one.

What belongs here: a model of what the API server, its controllers and a kubelet do, as far as a session can see it, and
the HTTP server in front of it. The model (store, api, admission, controllers, kubelet) is synchronous and runs on one
thread, so that each request is atomic; time comes from a clock that tests may move. Answers, messages and timings were
copied from a Kubernetes 1.34. Workloads other than Jobs are stored, not acted upon.
Importing this package loads no HTTP library: that happens when `kdebug.demo.cluster` is imported.
"""
