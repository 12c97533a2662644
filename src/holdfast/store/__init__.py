"""What is recorded: rows in, values out. Decides nothing and never asks who may."""
