"""What a public file says about its head boxes: the messages, their encryption, and how they get into pixels."""
