"""What happens, in order: the port it needs, its events, lifecycle, lease, teardown.

Plain synchronous code that knows neither an adapter nor a front end; time and chance come in as parameters.
"""
