"""What is true: values and decisions without I/O and without a clock (`now` always arrives as an argument)."""
