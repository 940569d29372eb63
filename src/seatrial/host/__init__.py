"""Effects: processes, files, sandbox, network."""
