"""What happens, in order: the port it needs, its events, lifecycle, lease, teardown. Knows no adapter and no front end."""
