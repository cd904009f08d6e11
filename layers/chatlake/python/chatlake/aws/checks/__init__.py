"""What `chatlake doctor` looks at: an account before a deployment, and a stack after it."""
