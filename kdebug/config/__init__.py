"""The configuration: YAML files that can tighten the guard and set defaults; schema and loader."""
