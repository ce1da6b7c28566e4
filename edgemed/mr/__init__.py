"""Raw MR signals on the host: simulated, learnt from, written as the scanner's files and stressed."""
