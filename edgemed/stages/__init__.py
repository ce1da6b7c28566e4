"""The steps of a compile, one file each. Each is a function from values and files to values and files."""
