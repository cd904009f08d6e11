"""What an operator does with an archive, embedded or deployed."""
