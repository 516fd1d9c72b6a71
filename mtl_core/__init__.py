"""MTL Lab: does learning these tasks together help or hurt each of them?"""

__version__ = "0.1.0"
