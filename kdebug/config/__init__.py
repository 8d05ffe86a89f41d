"""The configuration file: its schema and its loader. Every error names file:line:column."""
