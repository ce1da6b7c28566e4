"""What is done on the device itself: numpy, the standard library and the device's runtimes suffice."""
