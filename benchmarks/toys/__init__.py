"""Small problems with known answers, solved with the lab's own code: `python -m benchmarks.toys`."""
