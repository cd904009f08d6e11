"""What the tests of the deployed pipeline are made of."""
