"""The command line: words to a value, the value run. The composition root; stdout and stderr have one owner each."""
