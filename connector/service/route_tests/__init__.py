"""`connector test`: what operators expect of their routes, written as cases in YAML, held against the configuration."""
