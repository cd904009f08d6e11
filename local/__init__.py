"""The local cloud: what stands in for AWS and for Amazon Connect on one machine."""
