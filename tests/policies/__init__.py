"""What functions may do, beside what they do: the roles of the template, and recorded calls."""
